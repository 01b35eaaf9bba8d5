import { descriptors } from "./script.js";

/** One place of the sandbox's file system that differs from the host's read-only one. */
export type Mount =
  /** An empty directory in memory. */
  | { readonly kind: "empty"; readonly at: string }
  /** An empty file in the place of a secret one. */
  | { readonly kind: "blank"; readonly at: string }
  | { readonly kind: "read" | "write"; readonly at: string; readonly from: string };

export interface SlotOptions {
  readonly bwrap: string;
  /** In any order: the most specific place wins, and of two for one place the later. */
  readonly mounts: readonly Mount[];
  readonly chdir: string;
  /** `inherited`: that of the process that starts it. */
  readonly network: "inherited" | "private";
  readonly terminal: boolean;
  /** The system call filter stands ready on its descriptor. */
  readonly filter: boolean;
}

/** The arguments of bwrap (its own path first) for one command, up to the command itself. */
export function slotArgv({ bwrap, mounts, chdir, network, terminal, filter }: SlotOptions): string[] {
  return [
    bwrap,
    "--unshare-user",
    "--unshare-ipc",
    "--unshare-pid",
    "--unshare-uts",
    "--unshare-cgroup",
    ...(network === "private" ? ["--unshare-net"] : []),
    "--disable-userns",
    "--die-with-parent",
    // A terminal needs its session for job control; the filter closes TIOCSTI there.
    ...(terminal ? [] : ["--new-session"]),
    ...["--cap-drop", "ALL"],
    // A name that resolves without a resolver.
    ...["--hostname", "localhost"],
    ...["--ro-bind", "/", "/"],
    ...["--dev", "/dev"],
    ...inOrder(mounts).flatMap(mountArguments),
    // Last, so that nothing lies over what it says of the mounts before.
    ...["--proc", "/proc"],
    ...["--chdir", chdir],
    ...(filter ? ["--seccomp", String(descriptors.filter)] : []),
    ...(terminal ? [] : ["--json-status-fd", String(descriptors.status)]),
    "--",
  ];
}

export interface HolderOptions {
  readonly bwrap: string;
  readonly network: "none" | "host";
  readonly root: boolean;
}

/**
 * The arguments of bwrap for the process that starts the slots of one policy. It confines nothing: it gives the slots
 * one loopback between them, and one process whose death is theirs.
 */
export function holderArgv({ bwrap, network, root }: HolderOptions): string[] {
  return [
    bwrap,
    "--unshare-user",
    "--unshare-pid",
    ...(network === "none" ? ["--unshare-net"] : []),
    "--die-with-parent",
    ...["--dev-bind", "/", "/"],
    ...(root ? [] : ["--proc", "/proc"]),
    ...["--json-status-fd", String(descriptors.status)],
    "--",
  ];
}

/** Those that hold: one for a place, parents first, since a later mount covers an earlier one. */
export function inOrder(mounts: readonly Mount[]): Mount[] {
  const lastAt = new Map(mounts.map((mount) => [mount.at, mount]));
  return [...lastAt.values()].sort((a, b) => depth(a.at) - depth(b.at));
}

function depth(path: string): number {
  return path.split("/").filter((part) => part !== "").length;
}

function mountArguments(mount: Mount): string[] {
  switch (mount.kind) {
    case "empty":
      return ["--tmpfs", mount.at];
    case "blank":
      return ["--ro-bind", "/dev/null", mount.at];
    case "read":
      return ["--ro-bind", mount.from, mount.at];
    case "write":
      return ["--bind", mount.from, mount.at];
  }
}
