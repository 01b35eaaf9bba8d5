import { accessSync, constants, existsSync, lstatSync, realpathSync } from "node:fs";

/** What the sandbox asks the host's file system. */
export interface Host {
  /** What is at `path`, a symlink being neither; undefined when nothing is. */
  kind(path: string): "directory" | "file" | "other" | undefined;
  /** Quicker than `kind`. */
  exists(path: string): boolean;
  /** Undefined when it does not exist or cannot be reached. */
  real(path: string): string | undefined;
}

export const systemHost: Host = {
  kind(path) {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    return stat.isDirectory() ? "directory" : stat.isFile() ? "file" : "other";
  },
  exists: existsSync,
  real(path) {
    try {
      return realpathSync.native(path);
    } catch {
      return undefined;
    }
  },
};

/** The first of `candidates` that can be run. Fixed places, never a search path: a workspace may be on it. */
export function firstExecutable(candidates: readonly string[]): string | undefined {
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** True when `path` is `directory` or lies in it. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === "/" ? "/" : `${directory}/`);
}
