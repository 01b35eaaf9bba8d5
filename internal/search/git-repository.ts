import { realpathSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import type { Root } from "../workspace/root.js";
import { parseIndex, type TrackedNames } from "./git-index.js";
import type { IgnoreRule } from "./gitignore.js";
import { createParsedFiles, openRegular, type ParsedFiles, type Readable, readAll } from "./parsed-files.js";

/** What a repository says of the files in its work tree. No git process is started and no configuration is read. */
export interface Repository {
  /** Rules of its info/exclude. */
  readonly excludes: readonly IgnoreRule[];
  /** True when `path` (byte string, relative to the work tree) is tracked or holds something tracked. */
  tracks(path: string): boolean;
}

/** Opens a file by absolute path: below the root through the root, elsewhere by its path. */
export type OpenByPath = (path: string) => Readable | undefined;

/** Finds the repository whose work tree is the directory at this absolute path; undefined when it is none. */
export type RepositoryFinder = (workTree: string) => Repository | undefined;

const maxPointerBytes = 4096;

/** Makes the opener that keeps reads below `root` confined to it. */
export function openerFor(root: Root): OpenByPath {
  return (path) => {
    const below = relative(root.path, path);
    if (isAbove(below)) return openRegular(path);
    try {
      return root.openFile(below);
    } catch {
      return undefined;
    }
  };
}

/** True for a relative path that leaves its start. */
export function isAbove(path: string): boolean {
  return path === ".." || path.startsWith("../");
}

export function createRepositoryFinder(
  open: OpenByPath,
  ignoreFiles: ParsedFiles<readonly IgnoreRule[]>,
): RepositoryFinder {
  const indexes = createParsedFiles<TrackedNames>({ parse: parseIndex, maxBytes: 64 << 20, maxFiles: 16 });

  return (workTree) => {
    const dirs = gitDirs(workTree, open);
    if (dirs === undefined) return undefined;
    const { own, common } = dirs;
    const exclude = join(common, "info/exclude");
    const index = join(own, "index");
    let tracked: TrackedNames | undefined | "unread" = "unread";
    return {
      excludes: ignoreFiles(exclude, () => open(exclude)) ?? [],
      tracks(path) {
        if (tracked === "unread") tracked = indexes(index, () => open(index));
        return tracked?.holds(path) ?? false;
      },
    };
  };
}

/** The repository's own directory and the one it shares with its other work trees (gitrepository-layout(5)). */
function gitDirs(workTree: string, open: OpenByPath): { own: string; common: string } | undefined {
  const dotGit = join(workTree, ".git");
  if (isRepository(dotGit, open)) return { own: dotGit, common: dotGit };
  const pointer = readLine(open(dotGit));
  if (!pointer?.startsWith("gitdir: ")) return undefined;
  const own = resolve(workTree, pointer.slice("gitdir: ".length));
  if (!isRepository(own, open)) return undefined;
  const commonName = readLine(open(join(own, "commondir")));
  const common = commonName === undefined ? own : resolve(own, commonName);
  // Whoever can write a .git file could point it anywhere and learn from our answers what is tracked there; a
  // repository that really has this work tree names it in return, or has it around itself.
  const names = readLine(open(join(own, "gitdir")));
  const consents = names === undefined ? isInside(dirname(dotGit), own) : sameFile(names, dotGit);
  return consents ? { own, common } : undefined;
}

/** True for a submodule's directory, <outer>/.git/modules/..., when the work tree lies below <outer>. */
function isInside(workTree: string, own: string): boolean {
  const at = own.indexOf("/.git/modules/");
  return at > 0 && workTree.startsWith(`${own.slice(0, at)}/`);
}

function isRepository(dir: string, open: OpenByPath): boolean {
  return readLine(open(join(dir, "HEAD"))) !== undefined;
}

function sameFile(a: string, b: string): boolean {
  try {
    return realpathSync(a) === realpathSync(b);
  } catch {
    return false;
  }
}

function readLine(file: Readable | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    return file.stat.size > maxPointerBytes ? undefined : readAll(file).toString().split("\n", 1)[0];
  } finally {
    file.close();
  }
}
