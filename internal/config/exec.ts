import { statSync } from "node:fs";
import { errnoOf } from "../errs/errs.js";
import { createRedactor } from "../log/redact.js";
import type { Config, ExecConfig, WorkspaceExec } from "./config.js";
import type { Path } from "./document.js";
import { keyName } from "./explain.js";
import { contains, realPath, tooWide } from "./folders.js";
import type { RawConfig, RawWorkspace } from "./raw.js";
import type { References } from "./references.js";
import type { ResolveContext } from "./resolve.js";
import { configSchema } from "./schema.js";
import { refusedVariable } from "./variables.js";

type Texts = readonly (string | undefined)[] | undefined;

interface Found {
  readonly at: Path;
  readonly path: string;
}

/** Resolves the `exec` section. A path that is missing is a warning only: it may be mounted later. */
export function resolveExec(
  raw: NonNullable<RawConfig["exec"]>,
  references: References,
  context: ResolveContext,
): ExecConfig {
  const { permission_mode, approvals, sandbox } = configSchema.properties.exec.properties;
  const at = ["exec", "sandbox"];
  const read = findPaths([...at, "read"], raw.sandbox?.read, references, context);
  const write = findPaths([...at, "write"], raw.sandbox?.write, references, context);
  for (const found of read) checkReadable(found, context);
  for (const found of write) checkWritable(found, context);
  return {
    permissionMode: raw.permission_mode ?? permission_mode.default,
    approvals: raw.approvals ?? approvals.default,
    environment: { inherit: "core", includeOnly: [], exclude: [], set: {} },
    sandbox: {
      minimum: raw.sandbox?.minimum ?? sandbox.properties.minimum.default,
      network: raw.sandbox?.network ?? sandbox.properties.network.default,
      read: read.map(({ path }) => path),
      write: write.map(({ path }) => path),
    },
  };
}

/** Resolves the `exec` section of one workspace, which stands at `at`. */
export function resolveWorkspaceExec(
  raw: NonNullable<RawWorkspace["exec"]>,
  at: Path,
  references: References,
  context: ResolveContext,
): WorkspaceExec {
  const folders = findPaths([...at, "path"], raw.path, references, context);
  for (const { at, path } of folders) {
    if (path.includes(":"))
      context.problem(at, `${path} holds a colon, which separates folders in PATH`, "rename the folder");
  }
  return {
    path: folders.map(({ path }) => path),
    env: resolveVariables(raw.env ?? {}, [...at, "env"], references, context),
  };
}

/** What the `exec` section means together with the rest of the configuration. */
export function checkExec(
  { exec, hostname, workspaces, stateDir, runtimeDir }: Config,
  { problem, warning }: ResolveContext,
): void {
  const { permissionMode, sandbox } = exec;
  if (permissionMode === "dangerous" && hostname !== undefined) {
    warning(
      ["exec", "permission_mode"],
      `whoever gets in through ${hostname} can run any command`,
      "write permission_mode: trusted",
    );
  }
  const full = workspaces.find(({ profile }) => profile === "full");
  if (sandbox.minimum === "none" && full !== undefined) {
    warning(
      ["exec", "sandbox", "minimum"],
      `commands of workspace '${full.id}' run even where nothing confines them`,
      "name the weakest level that you accept",
    );
  }
  for (const key of ["read", "write"] as const) {
    for (const [index, path] of sandbox[key].entries()) {
      const own = [stateDir, runtimeDir].find((folder) => contains(realPath(folder), realPath(path)));
      if (own === undefined) continue;
      const at = ["exec", "sandbox", key, index];
      problem(at, `${path} lies in ${own}, which holds the daemon's secrets`, "name another folder");
    }
  }
}

/** The paths of a list that can be read, each with its place. */
function findPaths(at: Path, texts: Texts, references: References, { warning }: ResolveContext): Found[] {
  return (texts ?? []).flatMap((text, index) => {
    const here = [...at, index];
    const path = references.path(here, text);
    if (path === undefined) return [];
    const fault = lookAt(path);
    if (fault !== undefined) warning(here, fault, "create it, or correct the path");
    return [{ at: here, path }];
  });
}

/** Why nothing can be found at `path`, in words. */
function lookAt(path: string): string | undefined {
  try {
    statSync(path);
    return undefined;
  } catch (error) {
    const errno = errnoOf(error) ?? String(error);
    return errno === "ENOENT" ? `${path} does not exist` : `${path} cannot be looked at: ${errno}`;
  }
}

function checkReadable({ at, path }: Found, { home, problem }: ResolveContext): void {
  if (realPath(path) !== realPath(home)) return;
  const hint = "name the folders in it that commands need";
  problem(at, `${path} is your home directory, in whose place commands have one of their own`, hint);
}

function checkWritable({ at, path }: Found, { home, problem }: ResolveContext): void {
  const what = tooWide(path, home);
  if (what === undefined) return;
  problem(at, `${path} is ${what} and cannot be given to commands`, "name a folder below it");
}

/** Variables that commands or a program are given; what is wrong with one is reported. */
export function resolveVariables(
  raw: Readonly<Record<string, string>>,
  at: Path,
  references: References,
  context: ResolveContext,
): Record<string, string> {
  const variables = Object.keys(raw).flatMap((name) => {
    const value = resolveVariable(name, { text: raw[name] ?? "", at: [...at, name], references, context });
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(variables);
}

interface Variable {
  readonly text: string;
  readonly at: Path;
  readonly references: References;
  readonly context: ResolveContext;
}

/** A shorter value of a variable is a setting, like 1 or yes, and stands everywhere. */
const shortestSecret = 8;

/** The variable's value, or undefined after reporting why there is none. */
function resolveVariable(name: string, { text, at, references, context }: Variable): string | undefined {
  const isSecretName = createRedactor().isSecretName(name);
  const { problem, warning } = context;
  const refusal = refusedVariable(name);
  if (refusal !== undefined) return void problem(at, `${name} ${refusal.reason}`, refusal.hint);
  if (/^\$\{env:\w+\}$/.test(text)) {
    const value = references.value(at, text);
    if (value !== undefined && (isSecretName || value.length >= shortestSecret)) context.onSecret?.(value);
    return value;
  }
  if (text.includes(`\${env:`)) {
    const hint = `write "\${env:NAME}" and nothing else, or the whole text`;
    return void problem(at, `${keyName(at)} holds a reference inside other text`, hint);
  }
  if (text.includes("\0")) return void problem(at, `${keyName(at)} holds a NUL character`);
  if (isSecretName) {
    context.onSecret?.(text);
    const hint = `write "\${env:${name}}" and set it where the daemon is started`;
    warning(at, `${name} looks like a secret, and others may read this file`, hint);
  }
  return text;
}
