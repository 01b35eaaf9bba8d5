import { join } from "node:path";
import type { Mount } from "./argv.js";
import type { Backend } from "./backend.js";
import { enter } from "./bare.js";
import type { Host } from "./host.js";
import { layOut } from "./mounts.js";
import { reportingScript } from "./script.js";
import type { SandboxPolicy } from "./types.js";

const emptied = ["/Users", "/private/tmp", "/private/var/tmp", "/private/var/folders", "/private/var/run"];

/** What every program needs; deny is the default. Nothing here reaches beyond the machine or into other processes. */
const base = `(version 1)
(deny default)
(allow process-fork process-exec)
(allow signal process-info* (target same-sandbox))
(allow sysctl-read)
(allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo"))
(allow pseudo-tty)
(allow file-ioctl (literal "/dev/ptmx") (regex #"^/dev/ttys"))
(allow file-read*)
(allow file-write* (literal "/dev/null") (literal "/dev/zero") (literal "/dev/tty") (literal "/dev/ptmx") (regex #"^/dev/ttys") (regex #"^/dev/fd/"))`;

export interface DarwinOptions {
  /** Absolute path of sandbox-exec. */
  readonly sandboxExec: string;
  readonly bash: string;
  readonly homeDirectory: string;
  readonly host: Host;
}

/**
 * Commands in Seatbelt. Its rules name paths and cannot move them, so a command's home and temporary directory are
 * the workspace's own by variable only; and it has no private loopback, so a closed network has none.
 *
 * Written from documentation, not run: no macOS machine was at hand. The self-test decides what it is worth.
 */
export function darwinBackend({ sandboxExec, bash, homeDirectory, host }: DarwinOptions): Backend {
  return {
    holder: () => undefined,
    confine(policy, { terminal }) {
      const { mounts } = layOut(policy, { home: homeDirectory, emptied, host });
      const { profile, parameters } = seatbelt(policy, mounts);
      const report = terminal ? [] : [bash, "-c", reportingScript, bash];
      return {
        argv: [...enter(bash, policy.root), ...report, sandboxExec, "-p", profile, ...parameters, "--"],
        seals: [],
        env: { HOME: policy.home, TMPDIR: policy.tmp, XDG_CACHE_HOME: policy.cache },
      };
    },
    stamp: () => "",
    join: () => [],
    nested: false,
    filter: "/dev/null",
  };
}

/** The profile, and the paths it names, as parameters: a path never becomes part of the profile's text. */
export function seatbelt(
  policy: SandboxPolicy,
  mounts: readonly Mount[],
): { profile: string; parameters: string[] } {
  const parameters: string[] = [];
  const parameter = (path: string): string => {
    const name = `P${parameters.length / 2}`;
    parameters.push("-D", `${name}=${path}`);
    return `(param "${name}")`;
  };
  // The last rule that matches holds.
  const rules = [...mounts]
    .sort((a, b) => depth(a) - depth(b))
    .flatMap((mount) => rulesFor(mount, parameter(pathOf(mount))));
  const pin = `(deny file-write-unlink (literal ${parameter(join(policy.root, ".git"))}))`;
  const network = policy.network === "host" ? ["(allow network*)", "(allow mach-lookup)"] : [];
  return { profile: [base, ...rules, pin, ...network].join("\n"), parameters };
}

function rulesFor({ kind }: Mount, path: string): string[] {
  switch (kind) {
    case "empty":
    case "blank":
      return [`(deny file-read* file-write* (subpath ${path}))`];
    case "read":
      return [`(allow file-read* (subpath ${path}))`, `(deny file-write* (subpath ${path}))`];
    case "write":
      // Like a mount, it cannot be moved.
      return [
        `(allow file-read* file-write* (subpath ${path}))`,
        `(deny file-write-unlink (literal ${path}))`,
      ];
  }
}

function pathOf(mount: Mount): string {
  return "from" in mount ? mount.from : mount.at;
}

function depth(mount: Mount): number {
  return pathOf(mount).split("/").length;
}
