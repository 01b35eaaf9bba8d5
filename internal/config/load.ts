import { createHash } from "node:crypto";
import { Fault } from "../errs/errs.js";
import { readOwnedFile } from "../fsx/owned.js";
import type { Config } from "./config.js";
import { type ConfigDocument, type Path, type Position, readDocument } from "./document.js";
import { keyName } from "./explain.js";
import { type ConfigProblem, invalidConfig } from "./problem.js";
import { checkSchema, type RawConfig } from "./raw.js";
import { resolveConfig } from "./resolve.js";

/** Bytes; a config file is a page or two. */
const fileLimit = 1024 * 1024;

export interface LoadOptions {
  /** Absolute path of the config file. */
  readonly path: string;
  readonly env: NodeJS.ProcessEnv;
  /** Absolute home directory of the user. */
  readonly home: string;
  /** The user who runs the daemon. */
  readonly uid: number;
  /** See ResolveContext. */
  readonly isInspection?: boolean;
  /** See ResolveContext. Also told when something else is wrong with the file. */
  readonly onSecret?: (secret: string) => void;
  readonly security?: string;
}

export interface LoadedConfig {
  readonly path: string;
  readonly config: Config;
  /** SHA-256 of the file's bytes, in hex. */
  readonly digest: string;
  /** What is allowed and probably not meant. */
  readonly warnings: readonly ConfigProblem[];
  /** The line of every value that stands in the file, by key (`workspaces[0].path`); all other values are defaults. */
  readonly lines: ReadonlyMap<string, number>;
}

/**
 * Reads and checks a config file. Symlinks are followed; the file must belong to `uid` or root and must not be
 * writable by others. Others may read it, since secrets never stand in it. Nothing is created or changed.
 *
 * @throws Fault CONFIG_MISSING when there is no such file, PERMISSION when others can write it, FAILED when it cannot
 * be read, and CONFIG_INVALID with every problem at once in `details.problems` (see `problemsOf`).
 */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const { path, uid } = options;
  const bytes = readOwnedFile(path, { uid, access: "shared", limit: fileLimit });
  if (bytes === undefined) {
    throw new Fault("CONFIG_MISSING", `there is no config file at ${path}`, {
      hint: "make one with: ctmcpctl init",
    });
  }
  const document = readDocument(bytes);
  const problems: ConfigProblem[] = [];
  const warnings: ConfigProblem[] = [];
  const into = (list: ConfigProblem[]) => (where: Position, message: string, hint?: string) =>
    void list.push({
      file: path,
      line: where.line,
      col: where.col,
      message,
      ...(hint === undefined ? {} : { hint }),
    });
  const problem = into(problems);
  const warning = into(warnings);
  for (const finding of document.findings) problem(finding, finding.message, finding.hint);
  const { raw, explanations } = document.readable
    ? checkSchema(document.value)
    : { raw: {}, explanations: [] };
  for (const { kind, path: at, message, hint } of explanations) {
    problem(kind === "key" ? document.keyAt(at) : document.valueAt(at), message, hint);
  }
  const config = resolveConfig(raw, {
    ...options,
    file: path,
    problem: (at, message, hint) => problem(document.valueAt(at), message, hint),
    warning: (at, message, hint) => warning(document.valueAt(at), message, hint),
  });
  if (problems.length > 0) throw invalidConfig(path, problems.sort(byPosition));
  const digest = createHash("sha256").update(bytes).digest("hex");
  return { path, config, digest, warnings: warnings.sort(byPosition), lines: linesOf(raw, document) };
}

function byPosition(a: ConfigProblem, b: ConfigProblem): number {
  return a.line - b.line || a.col - b.col;
}

function linesOf(raw: RawConfig, document: ConfigDocument): Map<string, number> {
  const lines = new Map<string, number>();
  function walk(value: unknown, path: Path): void {
    if (typeof value === "object" && value !== null) {
      const keys = Array.isArray(value) ? value.keys() : Object.keys(value);
      for (const key of keys) walk((value as Record<string | number, unknown>)[key], [...path, key]);
    }
    if (path.length > 0) lines.set(keyName(path), document.valueAt(path).line);
  }
  walk(raw, []);
  return lines;
}
