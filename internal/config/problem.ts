import { Fault } from "../errs/errs.js";

/** One thing that is wrong in a config file, and where. `line` and `col` start at 1. */
export interface ConfigProblem {
  readonly file: string;
  readonly line: number;
  readonly col: number;
  readonly message: string;
  /** How to put it right. */
  readonly hint?: string;
}

/** `file:line:col: what is wrong: how to fix`. */
export function formatProblem({ file, line, col, message, hint }: ConfigProblem): string {
  return `${file}:${line}:${col}: ${message}${hint === undefined ? "" : `: ${hint}`}`;
}

/** A config file refused for `problems`, which `problemsOf` gives back. */
export function invalidConfig(file: string, problems: readonly ConfigProblem[]): Fault {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return new Fault("CONFIG_INVALID", `${file} has ${count}`, {
    hint: "correct the file, then run: ctmcpctl config check",
    details: { problems },
  });
}

/** The problems a CONFIG_INVALID fault carries; empty for any other error. */
export function problemsOf(error: unknown): readonly ConfigProblem[] {
  if (!(error instanceof Fault) || error.code !== "CONFIG_INVALID") return [];
  return (error.details.problems as readonly ConfigProblem[] | undefined) ?? [];
}
