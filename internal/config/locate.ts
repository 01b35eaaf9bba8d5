import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { defaultRuntimeDir, defaultStateDir, expandPath, type PathContext, socketPath } from "./paths.js";

/**
 * The admin socket of the daemon that runs on the config file at `path`, also when that file is missing, unreadable or
 * invalid: the daemon may still run on an earlier version of it.
 */
export async function locateSocket(options: PathContext & { readonly path: string }): Promise<string> {
  const { stateDir, runtimeDir } = await namedDirectories(options);
  return socketPath(runtimeDir ?? defaultRuntimeDir(options, stateDir));
}

/** The state directory of that daemon, by the same rules. */
export async function locateState(options: PathContext & { readonly path: string }): Promise<string> {
  return (await namedDirectories(options)).stateDir;
}

async function namedDirectories(
  options: PathContext & { readonly path: string },
): Promise<{ readonly stateDir: string; readonly runtimeDir: string | undefined }> {
  const { path, env, home } = options;
  const named = await readDirectories(path);
  const expand = (text: unknown): string | undefined => {
    if (typeof text !== "string" || text === "") return undefined;
    const replaced = text.replace(/\$\{env:(\w+)\}/g, (_, name: string) => env[name] ?? "");
    return expandPath(replaced, { home, base: dirname(path) });
  };
  return {
    stateDir: expand(named.state_dir) ?? defaultStateDir(options),
    runtimeDir: expand(named.runtime_dir),
  };
}

interface Directories {
  readonly state_dir?: unknown;
  readonly runtime_dir?: unknown;
}

async function readDirectories(path: string): Promise<Directories> {
  try {
    const text = readFileSync(path, "utf8");
    if (!/^[^#]*(?:state|runtime)_dir/m.test(text)) return {};
    // The parser takes longer to load than everything else ctmcpctl does for a question to the daemon.
    const { parse } = await import("yaml");
    const value: unknown = parse(text, { logLevel: "silent" });
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
