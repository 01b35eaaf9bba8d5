import { realpathSync, statSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { Fault } from "../errs/errs.js";
import { linksTo } from "../fsx/file-chain.js";
import { quote } from "./faults.js";

/** True for a canonical path, relative to the root, that lies in a closed folder or is one. */
export type IsClosed = (path: string) => boolean;

/**
 * Finds which of the absolute paths `closed` lie below `root` (a real path) and must not be reached through it: the
 * server's own files may be kept inside a folder it serves. So are the links by which they are found: another link in
 * such a place would be another file. Compared without case, since some file systems have none.
 *
 * Faults: INVALID_ARGUMENT when `root` is another name of a folder around them, as a bind mount makes one. Limit: a
 * mount of a closed folder itself somewhere below the root is not seen; it takes the machine's administrator to make.
 */
export function closedBelow(root: string, closed: readonly string[]): IsClosed {
  const paths = closed.map(realPath);
  const links = closed.flatMap(linksTo);
  for (const path of [...paths, ...links.map((link) => dirname(link))]) refuseAlias(root, path);
  const below = [...paths, ...links]
    .map((path) => relative(root, path))
    .filter((path) => path !== "" && path !== ".." && !path.startsWith("../"))
    .map(fold);
  if (below.length === 0) return () => false;
  return (path) => {
    const folded = fold(path);
    return below.some((start) => folded === start || folded.startsWith(`${start}/`));
  };
}

/** Sandbox and file tools tell closed paths by name, which holds only while the root goes by the name they have it by. */
function refuseAlias(root: string, path: string): void {
  const own = identity(root);
  for (let at = path; at !== dirname(at); at = dirname(at)) {
    if (fold(at) === fold(root)) return;
    if (own === undefined || identity(at) !== own) continue;
    throw new Fault(
      "INVALID_ARGUMENT",
      `${quote(root)} is another name of ${quote(at)}, which holds ${quote(path)}`,
      {
        hint: "serve the folder by that name, or keep state_dir and secrets outside it",
      },
    );
  }
}

/** Undefined when there is nothing, or nothing that this user could get at either. */
function identity(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
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
