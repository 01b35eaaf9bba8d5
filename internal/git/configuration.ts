import { Fault } from "../errs/errs.js";
import type { GitOutput } from "./git.js";
import { records } from "./records.js";

/** Keys (as git writes them: section and name in lower case) that name a program git may run, or a file with more keys. */
const executable =
  /^(?:filter\..*|diff\.external|diff\..*\.(?:command|textconv)|core\.(?:fsmonitor|hookspath)|include\.path|includeif\..*)$/s;

/** The git command that lists the keys of all configuration. It runs no program, whatever they are. */
export const configurationListing: readonly string[] = [
  "config",
  "--list",
  "--null",
  "--name-only",
  "--show-scope",
  "--no-includes",
];

/**
 * For where no sandbox holds what git runs: refuses a repository whose own configuration names programs. Faults:
 * SANDBOX_UNAVAILABLE with `details.keys`.
 */
export function refuseExecutable(top: string, { stdout, cut }: GitOutput): void {
  const fields = records(stdout);
  const keys = fields.filter(
    (key, at) => at % 2 === 1 && fields[at - 1] !== "command" && executable.test(key),
  );
  if (keys.length === 0 && !cut) return;
  const named = [...new Set(keys)].slice(0, 10);
  const what = cut ? "has too long a configuration" : `configures programs (${named.join(", ")})`;
  const message = `the repository ${JSON.stringify(top || ".")} ${what}, and there is no sandbox to hold them`;
  throw new Fault("SANDBOX_UNAVAILABLE", message, {
    hint: "install what the sandbox needs (server_info says what), or remove these keys from the repository",
    details: { keys: named },
  });
}
