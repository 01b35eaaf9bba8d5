import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Mount } from "./argv.js";
import { type Host, isWithin } from "./host.js";

/** What in a repository names programs that git runs. */
const pinned = ["hooks", "config", "config.worktree"];

/**
 * Mounts that keep a command from changing what git would run for its owner later, outside: the repository's directory
 * can be written but not moved away, its hooks and configuration not at all. A worktree's repository outside the
 * workspace is bound the same way, once it is seen to own that worktree.
 *
 * Limit: a repository that a command makes anew, or a `commondir` file it adds, cannot be covered, since mounts need
 * something to lie on. The tools' own git runs in the sandbox for this reason.
 */
export function gitPins(root: string, host: Host): Mount[] {
  const entry = join(root, ".git");
  switch (host.kind(entry)) {
    case "directory":
      return pinsIn(entry, host);
    case "file":
      return [...worktreePins(root, entry, host), { kind: "read", at: entry, from: entry }];
    default:
      return [];
  }
}

/** Changes when the mounts of `gitPins` do. */
export function gitStamp(root: string, host: Host): string {
  const entry = `${root}/.git`;
  return `${host.kind(entry)} ${pinned.map((name) => host.exists(`${entry}/${name}`)).join(" ")}`;
}

function pinsIn(repository: string, host: Host): Mount[] {
  const hooks = join(repository, "hooks");
  return [
    { kind: "write", at: repository, from: repository },
    // Made when missing, which git does not mind; otherwise a command could make it.
    ...(host.kind(hooks) === undefined ? [{ kind: "empty", at: hooks } as const] : []),
    ...pinned
      .map((name) => join(repository, name))
      .filter((path) => ["directory", "file"].includes(host.kind(path) ?? ""))
      .map((path): Mount => ({ kind: "read", at: path, from: path })),
  ];
}

function worktreePins(root: string, pointer: string, host: Host): Mount[] {
  const named = /^gitdir: (.+)\n?$/.exec(readText(pointer))?.[1];
  const own = named === undefined ? undefined : host.real(resolve(root, named));
  if (own === undefined) return [];
  if (isWithin(own, root)) return pinsIn(own, host);
  // The pointer is in a command's reach; what it points to must point back, from the place where git keeps worktrees.
  const worktrees = dirname(own);
  const isOwner =
    worktrees.endsWith("/worktrees") && host.real(readText(join(own, "gitdir")).trimEnd()) === pointer;
  return isOwner ? pinsIn(dirname(worktrees), host) : [];
}

/** "" when it cannot be read. */
function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
