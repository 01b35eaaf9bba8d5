import { lstatSync, readlinkSync, realpathSync } from "node:fs";
import { join } from "node:path";

/** What the sandbox asks the host's file system. */
export interface Host {
  /** What is at `path`, a symlink being neither; undefined when nothing is. */
  kind(path: string): "directory" | "file" | "other" | undefined;
  /** Undefined when it does not exist or cannot be reached. */
  real(path: string): string | undefined;
  /** The target of a symlink as it stands there; undefined when `path` is none. */
  link(path: string): string | undefined;
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
  link(path) {
    try {
      return readlinkSync(path);
    } catch {
      return undefined;
    }
  },
};

const mostLinks = 40;

/**
 * The real path of what the owner calls `path`; undefined when it does not exist, or when a link on the way lies where
 * commands can make one: that would be their word, and not the owner's.
 */
export function ownersPath(
  path: string,
  isWritable: (path: string) => boolean,
  host: Host,
): string | undefined {
  let at = "/";
  let links = 0;
  for (let left = path.split("/"); left.length > 0; ) {
    const [name = "", ...rest] = left;
    const next = join(at, name);
    const target = host.link(next);
    left = rest;
    if (target === undefined) {
      at = next;
      continue;
    }
    links += 1;
    if (links > mostLinks || isWritable(next)) return undefined;
    if (target.startsWith("/")) at = "/";
    left = [...target.split("/"), ...rest];
  }
  return host.real(at) === at ? at : undefined;
}

/** True when `path` is `directory` or lies in it. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === "/" ? "/" : `${directory}/`);
}
