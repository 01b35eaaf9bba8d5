import { dirname, join } from "node:path";
import type { Mount } from "./argv.js";
import { gitPins } from "./git-pins.js";
import { type Host, isWithin, ownersPath } from "./host.js";
import { findToolchains } from "./toolchains.js";
import type { SandboxPolicy } from "./types.js";

/** Where commands find their home when the workspace is around the real one. */
const homeElsewhere = "/run/home";

export interface Surroundings {
  /** The user's home directory. */
  readonly home: string;
  /** Emptied for every policy: other people's homes, sockets, and what programs leave for one another. */
  readonly emptied: readonly string[];
  readonly host: Host;
}

export interface Layout {
  readonly mounts: readonly Mount[];
  /** HOME inside. */
  readonly home: string;
}

/**
 * What the sandbox of `policy` shows of the host, which it otherwise shows whole and read-only. Of two rules the one for
 * the more specific path holds; for one path, the later of this order: emptied everywhere, toolchains, `read`, `write`,
 * masks, then the command's own home, temporary directory, cache and workspace, then what is pinned in `.git`. What lies
 * in the workspace is seen with it. A path that leads on by a link which a command could have made is left out.
 */
export function layOut(policy: SandboxPolicy, { home: given, emptied, host }: Surroundings): Layout {
  const userHome = host.real(given) ?? given;
  const home = isWithin(userHome, policy.root) ? homeElsewhere : userHome;
  const reach = reachOf(policy, host);
  const real = (path: string): string | undefined => ownersPath(path, reach, host);
  const toolchains = findToolchains(policy.path, userHome, (path) =>
    isWithin(path, policy.root) ? undefined : real(path),
  );
  const hidden = [userHome, ...emptied].filter((path) => host.kind(path) === "directory");
  const masks = [
    ...toolchains.credentials.flatMap((path) => mask(path, path, host)),
    ...[...toolchains.credentials, ...policy.masks].flatMap((path) => mask(path, host.real(path), host)),
  ];
  const read = policy.read.flatMap((path) => bind("read", real(path)));
  const pins = policy.readOnly ? [] : gitPins(policy, host);
  const all: Mount[] = [
    ...hidden.filter((at) => !isWithin(at, policy.root)).map((at): Mount => ({ kind: "empty", at })),
    ...toolchains.mounts,
    ...resolver(policy, host),
    ...read,
    ...policy.write.flatMap((path) => bind("write", real(path))),
    ...masks,
    { kind: "write", at: home, from: policy.home },
    { kind: "write", at: "/tmp", from: policy.tmp },
    { kind: "write", at: join(home, ".cache"), from: policy.cache },
    { kind: policy.readOnly ? "read" : "write", at: policy.root, from: policy.root },
    ...pins,
  ];
  const mounts = [...all, ...parentPins([...masks, ...read, ...pins], all)];
  return { mounts: mounts.filter((mount) => isNeeded(mount, mounts)), home };
}

/** What the host shows read-only anyway need not be bound. */
function isNeeded(mount: Mount, all: readonly Mount[]): boolean {
  return (
    mount.kind !== "read" ||
    mount.at !== mount.from ||
    all.some((other) => other !== mount && isWithin(mount.at, other.at))
  );
}

/** Names are resolved through a file that distributions keep in /run. */
function resolver(policy: SandboxPolicy, host: Host): Mount[] {
  const file = policy.network === "host" ? host.real("/etc/resolv.conf") : undefined;
  return file === undefined ? [] : [{ kind: "read", at: file, from: file }];
}

function bind(kind: "read" | "write", path: string | undefined): Mount[] {
  return path === undefined ? [] : [{ kind, at: path, from: path }];
}

/** True for a path in a place that commands write to: those of this policy, and of the workspaces that its masks hide. */
function reachOf(policy: SandboxPolicy, host: Host): (path: string) => boolean {
  const named = [policy.root, ...policy.write, ...policy.masks, policy.home, policy.tmp, policy.cache];
  const places = new Set(named.flatMap((place) => [place, host.real(place) ?? place]));
  return (path) => [...places].some((place) => path !== place && isWithin(path, place));
}

/**
 * The writable folders around what is masked or must stay as it is, bound to themselves: what is mounted cannot be moved,
 * and moving one of them would carry that to a name under which nothing protects it.
 */
function parentPins(inner: readonly Mount[], all: readonly Mount[]): Mount[] {
  const parents = new Set(inner.flatMap(({ at }) => parentsOf(at)));
  return [...parents]
    .filter((at) => {
      const around = all
        .filter((mount) => isWithin(at, mount.at))
        .sort((a, b) => b.at.length - a.at.length)[0];
      return around?.kind === "write" && around.at === around.from && around.at !== at;
    })
    .map((at) => ({ kind: "write", at, from: at }));
}

function parentsOf(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [] : [...parentsOf(parent), parent];
}

/** Hides what is at `path`, at the place `at`. */
function mask(path: string, at: string | undefined, host: Host): Mount[] {
  const real = host.real(path);
  if (real === undefined || at === undefined) return [];
  return [{ kind: host.kind(real) === "directory" ? "empty" : "blank", at }];
}
