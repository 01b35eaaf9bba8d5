import { realpathSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { readBeginning } from "../fsx/beginning.js";

/** Where the repository of a work tree is (gitrepository-layout(5)). Both are real absolute paths. */
export interface RepositoryDirs {
  readonly own: string;
  /** What it shares with other work trees; `own` where it shares nothing. */
  readonly common: string;
}

/** The directories behind `own`, which a `.git` entry names; undefined when there is no repository. */
export function repositoryDirs(own: string): RepositoryDirs | undefined {
  const real = realPath(own);
  if (real === undefined || readBeginning(join(real, "HEAD")) === undefined) return undefined;
  const shared = readBeginning(join(real, "commondir"));
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
export function pointsBack({ own, common }: RepositoryDirs, workTree: string, root: string): boolean {
  if (own.startsWith(`${root}/`)) return false;
  // What it says of itself leads no further than to the repository around it.
  if (own !== common && dirname(own) !== join(common, "worktrees")) return false;
  const back = readBeginning(join(own, "gitdir"));
  if (back !== undefined) return realPath(resolve(own, back.trimEnd())) === join(workTree, ".git");
  // A submodule's repository says it in its configuration.
  const named = /^\s*worktree\s*=\s*(.+?)\s*$/m.exec(readBeginning(join(own, "config")) ?? "")?.[1];
  return named !== undefined && realPath(resolve(own, named)) === workTree;
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch {
    return undefined;
  }
}
