import { lstatSync, realpathSync } from "node:fs";
import { wayTo } from "../fsx/file-chain.js";

/** What the sandbox asks the host's file system. */
export interface Host {
  /** What is at `path`, a symlink being neither; undefined when nothing is. */
  kind(path: string): "directory" | "file" | "other" | undefined;
  /** Undefined when it does not exist or cannot be reached. */
  real(path: string): string | undefined;
}

export const systemHost: Host = {
  kind(path) {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    return stat.isDirectory() ? "directory" : stat.isFile() ? "file" : "other";
  },
  real(path) {
    try {
      return realpathSync.native(path);
    } catch {
      return undefined;
    }
  },
};

/**
 * The real path of what the owner calls `path`; undefined when it does not exist, or when a link on the way lies where
 * commands can make one: that would be their word, and not the owner's.
 */
export function ownersPath(
  path: string,
  isWritable: (path: string) => boolean,
  host: Host,
): string | undefined {
  const { steps, end } = wayTo(path);
  if (end === undefined || steps.some(({ at, isLink }) => isLink && isWritable(at))) return undefined;
  // Meanwhile it may have become a link itself.
  return host.real(end) === end ? end : undefined;
}

/** True when `path` is `directory` or lies in it. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === "/" ? "/" : `${directory}/`);
}
