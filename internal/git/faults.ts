import { Fault } from "../errs/errs.js";
import type { RunEnd } from "./run.js";

/** What git says (LC_ALL=C) of a revision or path that it does not have. */
const unknown =
  /bad revision|unknown revision|bad object|invalid object name|no such path|no such ref|does not exist in|does not have any commits|cannot find revision|Not a valid object/i;

/** The Fault for a git command that failed. */
export function gitFault({ code, stderr }: RunEnd): Fault {
  const words = wordsOf(stderr);
  if (code === 127) {
    return new Fault("GIT_ERROR", "git was not found on the PATH of commands", {
      hint: "install git on the machine that serves the workspace",
    });
  }
  const filter = /(?:clean|smudge) filter '(.*)' failed/.exec(stderr)?.[1];
  if (filter !== undefined) {
    return new Fault(
      "GIT_ERROR",
      `repository filter refused: ${JSON.stringify(filter)} failed in the sandbox`,
      {
        hint: "a file whose attributes name this filter cannot be compared; leave it out with path or paths",
      },
    );
  }
  if (unknown.test(words))
    return new Fault("NOT_FOUND", `git: ${words}`, { hint: "git_log lists revisions" });
  return new Fault("GIT_ERROR", `git failed: ${words || `exit code ${code ?? "none, it was killed"}`}`);
}

/** The line that says why, without its prefix; what is before it may be anything a repository's program wrote. */
function wordsOf(stderr: string): string {
  const lines = stderr.split("\n").filter((line) => line !== "");
  const line = lines.find((text) => text.startsWith("fatal: ")) ?? lines[0] ?? "";
  return line.replace(/^fatal: /, "").slice(0, 500);
}
