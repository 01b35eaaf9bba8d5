import { dirname, join, resolve } from "node:path";
import { readBeginning } from "../fsx/beginning.js";
import type { Mount } from "./argv.js";
import { type Host, isWithin } from "./host.js";
import type { SandboxPolicy } from "./types.js";

/** What in a repository names programs that git runs. */
const pinned = ["hooks", "config", "config.worktree"];

/**
 * Mounts that keep a command from changing what git would run for its owner later, outside: the repository's directory
 * can be written but not moved away, its hooks and configuration not at all. A worktree's repository outside the
 * workspace is bound the same way, once it is seen to own that worktree.
 *
 * Limit: a repository that a command makes anew, or a `commondir` file it adds, cannot be covered, nor hooks that are a
 * link: mounts need something to lie on. The tools' own git runs in the sandbox for this reason.
 */
export function gitPins(policy: SandboxPolicy, host: Host): Mount[] {
  const entry = join(policy.root, ".git");
  switch (host.kind(entry)) {
    case "directory":
      return pinsIn(entry, host);
    case "file":
      return [...worktreePins(policy, entry, host), { kind: "read", at: entry, from: entry }];
    default:
      return [];
  }
}

function pinsIn(repository: string, host: Host): Mount[] {
  const paths = pinned.map((name) => join(repository, name));
  const [hooks = "", config = "", worktreeConfig = ""] = paths;
  const isMissing = (path: string): boolean => host.kind(path) === undefined;
  return [
    { kind: "write", at: repository, from: repository },
    ...paths
      .filter((path) => ["directory", "file"].includes(host.kind(path) ?? ""))
      .map((path): Mount => ({ kind: "read", at: path, from: path })),
    // Made when missing, which git does not mind; otherwise a command could make them.
    ...(isMissing(hooks) ? [{ kind: "empty", at: hooks } as const] : []),
    ...(isMissing(worktreeConfig) && !isMissing(config)
      ? [{ kind: "blank", at: worktreeConfig } as const]
      : []),
  ];
}

function worktreePins(policy: SandboxPolicy, pointer: string, host: Host): Mount[] {
  const { root, home, tmp, cache } = policy;
  const named = /^gitdir: (.+)\n?$/.exec(readBeginning(pointer) ?? "")?.[1];
  const own = named === undefined ? undefined : host.real(resolve(root, named));
  if (own === undefined) return [];
  if (isWithin(own, root)) return pinsIn(own, host);
  // The pointer is in a command's reach; what it points to must not be, and must point back, from the place where git
  // keeps worktrees.
  if ([home, tmp, cache].some((place) => isWithin(own, place))) return [];
  const worktrees = dirname(own);
  const back = readBeginning(join(own, "gitdir"))?.trimEnd();
  const isOwner = worktrees.endsWith("/worktrees") && back !== undefined && host.real(back) === pointer;
  return isOwner ? pinsIn(dirname(worktrees), host) : [];
}
