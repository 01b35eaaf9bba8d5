import { Fault } from "../errs/errs.js";

const maxLength = 1000;

/**
 * Makes sure that `text` can only be read as a revision (gitrevisions(7)) and never as an option. Faults:
 * INVALID_ARGUMENT.
 */
export function checkRevision(text: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (text === "" || text.length > maxLength || /^-|[\x00-\x1f\x7f]|\p{Surrogate}/u.test(text)) {
    throw new Fault("INVALID_ARGUMENT", `${JSON.stringify(text.slice(0, 200))} is not a git revision`, {
      hint: "give a branch, a tag, a commit hash, or an expression such as HEAD~2",
    });
  }
}

/** As checkRevision, for one commit and not a range of them. */
export function checkSingleRevision(text: string): void {
  checkRevision(text);
  if (text.includes("..") || text.startsWith("^")) {
    throw new Fault("INVALID_ARGUMENT", `${JSON.stringify(text)} is a range, and one revision is needed`, {
      hint: "git_log lists the commits of a range",
    });
  }
}
