import { readFileSync } from "node:fs";
import { holderArgv, inOrder, slotArgv } from "./argv.js";
import type { Backend } from "./backend.js";
import { gitPins } from "./git-pins.js";
import type { Host } from "./host.js";
import { layOut } from "./mounts.js";
import { sealsOf } from "./seal.js";

export interface LinuxOptions {
  /** Absolute path of bwrap. */
  readonly bwrap: string;
  /** Absolute path of nsenter; without it a terminal has a loopback of its own. */
  readonly nsenter: string | undefined;
  /** Absolute path of the compiled system call filter, where there is one for this machine. */
  readonly filter: string | undefined;
  readonly homeDirectory: string;
  readonly root: boolean;
  /** False where a sandbox cannot be started in another one: each command then has a loopback of its own. */
  readonly holders: boolean;
  readonly host: Host;
}

const emptied = ["/home", "/root", "/run", "/var/run", "/tmp", "/var/tmp"];

/** Commands in bubblewrap. */
export function linuxBackend(options: LinuxOptions): Backend {
  const { bwrap, nsenter, filter, homeDirectory, root, holders, host } = options;
  return {
    holder: ({ network }) => (holders ? holderArgv({ bwrap, network, root }) : undefined),
    confine(policy, { terminal, held }) {
      const { mounts, home } = layOut(policy, { home: homeDirectory, emptied, host });
      const inherits = policy.network === "host" || (held && !(terminal && nsenter === undefined));
      const network = inherits ? "inherited" : "private";
      return {
        argv: slotArgv({
          bwrap,
          mounts,
          chdir: policy.root,
          network,
          terminal,
          filter: filter !== undefined,
        }),
        seals: sealsOf(inOrder(mounts), readFileSync("/proc/self/mountinfo", "utf8"), host),
        env: { HOME: home, TMPDIR: "/tmp" },
      };
    },
    stamp: (policy) => (policy.readOnly ? "" : JSON.stringify(gitPins(policy, host))),
    join: (pid) =>
      nsenter === undefined
        ? []
        : [nsenter, "--target", String(pid), "--user", "--net", "--preserve-credentials", "--"],
    nested: true,
    filter: filter ?? "/dev/null",
  };
}
