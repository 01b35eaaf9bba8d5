import { lstatSync, readdirSync, type Stats } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../../internal/config/config.js";
import { type LoadedConfig, loadConfig } from "../../../internal/config/load.js";
import { socketPath } from "../../../internal/config/paths.js";
import { formatProblem, problemsOf } from "../../../internal/config/problem.js";
import { Fault } from "../../../internal/errs/errs.js";
import { octal, quoted } from "../../../internal/fsx/owned.js";
import type { Context } from "../context.js";
import { fail, ok, type Row, warn } from "./row.js";

/** Loads the config file as the daemon would; secret files that it names are read with it. */
export function checkConfig(context: Context): {
  readonly rows: readonly Row[];
  readonly loaded: LoadedConfig | undefined;
} {
  const path = context.configPath;
  try {
    const loaded = loadConfig({ ...context, path });
    const odd = loaded.warnings.map((it) => warn("config", formatProblem(it), "see: ctmcpctl config check"));
    return { rows: [ok("config", `config: ${path} is good`), ...odd], loaded };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const problems = problemsOf(error);
    const rows =
      problems.length > 0
        ? problems.map(({ hint, ...problem }) =>
            fail("config", formatProblem(problem), hint ?? "see: ctmcpctl config check"),
          )
        : [fail("config", error.message, error.hint ?? "see: ctmcpctl config check")];
    return { rows, loaded: undefined };
  }
}

/** Whether others can reach what only the owner may: directories, and the files in them and named by the config. */
export function checkModes({ stateDir, runtimeDir, auth, tunnel }: Config, uid: number): readonly Row[] {
  const named = [
    auth.tokenFile,
    auth.oauth.passwordFile,
    tunnel?.provider === "cloudflared" ? tunnel.credentialsFile : undefined,
    tunnel?.provider === "ssh" ? tunnel.identityFile : undefined,
  ].filter((path) => path !== undefined);
  const directories = [...new Set([stateDir, runtimeDir])];
  const paths = [...directories, socketPath(runtimeDir), ...filesIn(stateDir), ...named];
  const rows = paths.flatMap((path) => check(path, uid));
  if (rows.length > 0) return rows;
  return [ok("files", `files: only you can reach ${stateDir}, the admin socket and the secrets`)];
}

function check(path: string, uid: number): readonly Row[] {
  const stat = statOf(path);
  // What is missing is made when the daemon starts, or was told with the config.
  if (stat === undefined) return [];
  if (stat.uid !== uid && stat.uid !== 0) {
    const text = `files: ${path} belongs to uid ${stat.uid}, not to uid ${uid}`;
    return [fail("files", text, `run: chown ${uid} ${quoted(path)}`)];
  }
  if ((stat.mode & 0o077) === 0) return [];
  const text = `files: ${path} is open to others, it has mode ${octal(stat.mode)}`;
  return [fail("files", text, `run: chmod ${stat.isDirectory() ? "700" : "600"} ${quoted(path)}`)];
}

function statOf(path: string): Stats | undefined {
  try {
    const stat = lstatSync(path);
    // A link's own mode says nothing; what it leads to was checked as the config was loaded.
    return stat.isSymbolicLink() ? undefined : stat;
  } catch {
    return undefined;
  }
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => join(folder, name));
  } catch {
    return [];
  }
}
