import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { notApplicable } from "./scenarios.js";

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly problems: readonly string[];
}

export interface Check {
  readonly id: string;
  readonly status: "SUCCESS" | "FAILURE" | "WARNING" | "SKIPPED" | "INFO";
  readonly errorMessage?: string;
}

/**
 * The checks each scenario made. A result folder is named `KIND-<scenario>-<time>`; `output` is what the suite said, for
 * when there is none.
 */
export function readResults(
  folder: string,
  kind: "server" | "authorization-server",
  output: string,
): Map<string, readonly Check[]> {
  try {
    const found = new Map<string, readonly Check[]>();
    for (const name of readdirSync(folder)) {
      const [, named, scenario] = /^(server|authorization-server)-(.+)-\d{4}-\d{2}-\d{2}T/.exec(name) ?? [];
      if (named !== kind || scenario === undefined) continue;
      found.set(scenario, JSON.parse(readFileSync(join(folder, name, "checks.json"), "utf8")) as Check[]);
    }
    return found;
  } catch (cause) {
    throw new Error(`the suite left no results; it said:\n${output}`, { cause });
  }
}

export function tally(checks: readonly Check[] | undefined, expected: number): Tally {
  if (checks === undefined || checks.length === 0)
    return { passed: 0, failed: 1, skipped: 0, problems: ["did not run"] };
  const passed = checks.filter(({ status }) => status === "SUCCESS").length;
  const failures = checks.filter(({ id, status }) => status === "FAILURE" && !notApplicable.has(id));
  const problems = failures.map(({ id, errorMessage }) => `${id}: ${errorMessage ?? "failed"}`);
  if (passed < expected) problems.push(`passed ${passed} checks where the suite has ${expected}`);
  return { passed, failed: problems.length, skipped: checks.length - passed - failures.length, problems };
}
