import type { Backend } from "./backend.js";
import { reportingScript } from "./script.js";

/**
 * Commands as they are, for owners who configured just that. They end with their process group; one that leaves the
 * group survives its command.
 */
export function bareBackend(bash: string): Backend {
  return {
    holder: () => undefined,
    confine: ({ root, home, tmp, cache }, { terminal }) => ({
      argv: [...enter(bash, root), ...(terminal ? [] : [bash, "-c", reportingScript, bash])],
      seals: [],
      env: { HOME: home, TMPDIR: tmp, XDG_CACHE_HOME: cache },
    }),
    stamp: () => "",
    join: () => [],
    nested: false,
    filter: "/dev/null",
  };
}

/** Goes before a command that is to run in `directory`. */
export function enter(bash: string, directory: string): string[] {
  return [bash, "-c", 'cd -- "$1" && shift && exec "$@"', bash, directory];
}
