import type { BigIntStats, Dirent } from "node:fs";

/** Something below the root that no link was followed to reach, held so that nothing can take its place. */
export interface Pin {
  /** Relative to the root, canonical; "." is the root. */
  readonly path: string;
  /** -1 where the platform cannot hold this kind of thing open. */
  readonly fd: number;
  readonly stat: BigIntStats;
}

/**
 * What path confinement needs of an operating system. Every method throws plain system errors. None of them
 * follows a symbolic link below the root; resolving links is the walk's work.
 */
export interface Platform {
  /** Real absolute path of the root when it was opened. */
  readonly path: string;
  /** The path it was opened by; a link may name the root by either. */
  readonly given: string;
  readonly root: Pin;
  /** Pins a canonical path in one go; undefined when a link is involved or anything else is in the way. */
  pinStraight(path: string): Pin | undefined;
  /** Pins a direct child, a link as itself. `name` may be "." and is otherwise a single plain name. */
  pinChild(parent: Pin, name: string): Pin;
  readLink(parent: Pin, name: string): string;
  statChild(parent: Pin, name: string): BigIntStats;
  list(dir: Pin): Dirent[];
  /** Opens a pinned regular file for reading and uses the pin up. */
  open(file: Pin): number;
  release(pin: Pin): void;
  /** False when `dir` no longer lies at its path. */
  isInPlace(dir: Pin): boolean;
  /** Makes a file, mode 0600, that must not exist, and opens it for writing. */
  create(dir: Pin, name: string): number;
  /** Gives a file, or a link itself, a second name that must not exist. */
  link(dir: Pin, from: string, to: string): void;
  rename(dir: Pin, from: string, to: string): void;
  unlink(dir: Pin, name: string): void;
  mkdir(dir: Pin, name: string): void;
  rmdir(dir: Pin, name: string): void;
  /** Opens `dir` so that it can be synced. */
  openForSync(dir: Pin): number;
}

/** The path of a child of `parent`, relative to the root. */
export function childPath(parent: Pin, name: string): string {
  if (name === ".") return parent.path;
  return parent.path === "." ? name : `${parent.path}/${name}`;
}
