import { realpathSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";

/** True for a canonical path, relative to the root, that lies in a closed folder or is one. */
export type IsClosed = (path: string) => boolean;

/**
 * Finds which of the absolute paths `closed` lie below `root` (a real path) and must not be reached through it: the
 * server's own secrets may be kept inside a folder it serves. Compared without case, since some file systems have none.
 */
export function closedBelow(root: string, closed: readonly string[]): IsClosed {
  const below = closed
    .map((path) => relative(root, realPath(path)))
    .filter((path) => path !== "" && path !== ".." && !path.startsWith("../"))
    .map(fold);
  if (below.length === 0) return () => false;
  return (path) => {
    const folded = fold(path);
    return below.some((start) => folded === start || folded.startsWith(`${start}/`));
  };
}

/** With links resolved as far as the path exists. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return dirname(path) === path ? path : join(realPath(dirname(path)), basename(path));
  }
}

function fold(path: string): string {
  return path.normalize("NFC").toLowerCase();
}
