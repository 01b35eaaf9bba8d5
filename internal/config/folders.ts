import { realpathSync } from "node:fs";
import { basename, dirname, join, sep } from "node:path";

/** True when `path` is `folder` or below it. Both are absolute and without links. */
export function contains(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder === sep ? sep : folder + sep);
}

/** `path` with its links resolved as far as it exists. */
export function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), basename(path));
  }
}

/** What is wrong with `path` as a place that clients may change, in words; undefined when nothing is. Links are followed. */
export function tooWide(path: string, home: string): string | undefined {
  const folder = realPath(path);
  if (folder === sep) return "the whole machine";
  if (!contains(folder, realPath(home))) return undefined;
  return folder === realPath(home) ? "your home directory" : "above your home";
}
