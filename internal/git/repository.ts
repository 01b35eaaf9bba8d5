import { join } from "node:path";
import { Fault } from "../errs/errs.js";
import { readBeginning } from "../fsx/beginning.js";
import { parsePath } from "../workspace/path.js";
import type { Root } from "../workspace/root.js";
import { isInside, pointerTarget, pointsBack, repositoryDirs } from "./pointer.js";

/** The repository that paths of a workspace belong to. */
export interface Repository {
  /** Its work tree relative to the workspace; "" is the workspace itself. */
  readonly top: string;
  /** The paths relative to `top`; none when everything is meant. */
  readonly paths: readonly string[];
}

/** A path argument, looked up as far as it exists. */
interface Place {
  /** Relative to the workspace, links in its directories resolved; "" is the workspace. What it names need not exist. */
  readonly path: string;
  /** The nearest directory at or above it. */
  readonly dir: string;
}

/**
 * Finds the repository of `paths` (relative to the workspace; none means the workspace itself): the nearest directory
 * at or above them, but never above the workspace, with a repository in its `.git`. Undefined when there is none.
 *
 * Faults: those of a path argument; INVALID_ARGUMENT when the paths are of several repositories;
 * PATH_OUTSIDE_WORKSPACE for a repository elsewhere that does not itself name this work tree. What a repository inside
 * borrows from elsewhere (alternates, links below `.git`) is held by the sandbox alone.
 */
export function findRepository(root: Root, paths: readonly string[]): Repository | undefined {
  const places = (paths.length === 0 ? ["."] : paths).map((path) => placeOf(root, path));
  const tops = places.map(({ dir }) => findTop(root, dir));
  const [top] = tops;
  if (tops.some((other) => other !== top)) {
    throw new Fault("INVALID_ARGUMENT", "the paths are not all in one git repository", {
      hint: "make one call for each repository",
    });
  }
  if (top === undefined) return undefined;
  const below = places.map(({ path }) => (path === top ? "" : path.slice(top === "" ? 0 : top.length + 1)));
  return { top, paths: below.includes("") ? [] : below };
}

function placeOf(root: Root, text: string): Place {
  const { names } = parsePath(text);
  const last = names.at(-1);
  if (last === undefined || last === "..") {
    const { path, type } = root.resolve(text);
    return { path: fromRoot(path), dir: type === "directory" ? fromRoot(path) : parentOf(fromRoot(path)) };
  }
  const parent = existing(root, names.slice(0, -1));
  if (parent === undefined) return lexical(root, text, names);
  const path = join(parent, last);
  return { path, dir: isDirectory(root, parent, last) ? path : parent };
}

/** The path of something deleted along with its directory. */
function lexical(root: Root, text: string, names: readonly string[]): Place {
  const path = join(...names);
  if (path === ".." || path.startsWith("../")) {
    throw new Fault("PATH_OUTSIDE_WORKSPACE", `${JSON.stringify(text)} leads outside the workspace`);
  }
  let dir = parentOf(path);
  while (existing(root, dir === "" ? [] : [dir]) === undefined) dir = parentOf(dir);
  return { path: path === "." ? "" : path, dir };
}

/** The canonical path of a directory; undefined when there is none. */
function existing(root: Root, names: readonly string[]): string | undefined {
  try {
    const { path, type } = root.resolve(names.join("/") || ".");
    return type === "directory" ? fromRoot(path) : undefined;
  } catch (error) {
    if (error instanceof Fault && (error.code === "NOT_FOUND" || error.code === "NOT_A_DIRECTORY")) {
      return undefined;
    }
    throw error;
  }
}

function isDirectory(root: Root, parent: string, name: string): boolean {
  const dir = root.openDir(parent || ".");
  try {
    return dir.lstatChild(name)?.isDirectory() === true;
  } finally {
    dir.close();
  }
}

function findTop(root: Root, start: string): string | undefined {
  for (let dir = start; ; dir = parentOf(dir)) {
    if (holdsRepository(root, dir)) return dir;
    if (dir === "") return undefined;
  }
}

function holdsRepository(root: Root, dir: string): boolean {
  const opened = root.openDir(dir || ".");
  try {
    if (opened.lstatChild(".git") === undefined) return false;
  } finally {
    opened.close();
  }
  const workTree = join(root.path, dir);
  const entry = root.resolve(join(dir, ".git"));
  const at = join(root.path, entry.path);
  const target = entry.type === "directory" ? at : pointerTarget(workTree, readBeginning(at) ?? "");
  const dirs = target === undefined ? undefined : repositoryDirs(target);
  if (dirs === undefined) return false;
  if (!isInside(dirs, root.path) && !pointsBack(dirs, workTree, root.path)) {
    throw new Fault(
      "PATH_OUTSIDE_WORKSPACE",
      `the git repository of ${JSON.stringify(dir || ".")} lies outside the workspace and does not name it as its work tree`,
      { hint: "access to it is denied" },
    );
  }
  return true;
}

/** "" for the workspace itself, which a Root calls ".". */
function fromRoot(path: string): string {
  return path === "." ? "" : path;
}

function parentOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
}
