import { closeSync, constants, openSync, readSync, realpathSync } from "node:fs";
import { join, resolve } from "node:path";

/** Where the repository of a work tree is (gitrepository-layout(5)). Both are real absolute paths. */
export interface RepositoryDirs {
  readonly own: string;
  /** What it shares with other work trees; `own` where it shares nothing. */
  readonly common: string;
}

const maxBytes = 64 << 10;

/** The directories behind `own`, which a `.git` entry names; undefined when there is no repository. */
export function repositoryDirs(own: string): RepositoryDirs | undefined {
  const real = realPath(own);
  if (real === undefined || readText(join(real, "HEAD")) === undefined) return undefined;
  const shared = readText(join(real, "commondir"));
  const common = shared === undefined ? real : realPath(resolve(real, shared.trimEnd()));
  return common === undefined ? undefined : { own: real, common };
}

/** The target of a `.git` file with this text, which stands in the directory `workTree`. */
export function pointerTarget(workTree: string, text: string): string | undefined {
  const named = /^gitdir: (.+?)\n?$/s.exec(text)?.[1];
  return named === undefined ? undefined : resolve(workTree, named);
}

/** True when nothing of the repository lies outside of `root`. */
export function isInside({ own, common }: RepositoryDirs, root: string): boolean {
  return own.startsWith(`${root}/`) && common.startsWith(`${root}/`);
}

/**
 * True when a repository outside of `root` names `workTree`, in it, as its work tree (real paths). Whoever can write in
 * the workspace can point a `.git` file at any repository; only that repository's owner can make it point back.
 */
export function pointsBack({ own }: RepositoryDirs, workTree: string, root: string): boolean {
  if (own.startsWith(`${root}/`)) return false;
  const back = readText(join(own, "gitdir"));
  if (back !== undefined) return realPath(resolve(own, back.trimEnd())) === join(workTree, ".git");
  // A submodule's repository says it in its configuration.
  const named = /^\s*worktree\s*=\s*(.+?)\s*$/m.exec(readText(join(own, "config")) ?? "")?.[1];
  return named !== undefined && realPath(resolve(own, named)) === workTree;
}

/** The beginning of a regular file; undefined when it cannot be read. Never waits, as a FIFO would make it. */
export function readText(path: string): string | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const buffer = Buffer.alloc(maxBytes);
    return buffer.toString("utf8", 0, readSync(fd, buffer, 0, maxBytes, 0));
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch {
    return undefined;
  }
}
