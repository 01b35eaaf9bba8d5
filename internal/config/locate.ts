import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { parse } from "yaml";
import { defaultRuntimeDir, defaultStateDir, expandPath, type PathContext, socketPath } from "./paths.js";

/**
 * The admin socket of the daemon that runs on the config file at `path`, also when that file is missing, unreadable or
 * invalid: the daemon may still run on an earlier version of it.
 */
export function locateSocket(options: PathContext & { readonly path: string }): string {
  const { path, env, home } = options;
  const named = readDirectories(path);
  const expand = (text: unknown): string | undefined => {
    if (typeof text !== "string" || text === "") return undefined;
    const replaced = text.replace(/\$\{env:(\w+)\}/g, (_, name: string) => env[name] ?? "");
    return expandPath(replaced, { home, base: dirname(path) });
  };
  const stateDir = expand(named.state_dir) ?? defaultStateDir(options);
  return socketPath(expand(named.runtime_dir) ?? defaultRuntimeDir(options, stateDir));
}

function readDirectories(path: string): { readonly state_dir?: unknown; readonly runtime_dir?: unknown } {
  try {
    const value: unknown = parse(readFileSync(path, "utf8"), { logLevel: "silent" });
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
