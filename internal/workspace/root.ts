import type { BigIntStats } from "node:fs";

/** A regular file opened inside a root. The caller closes it. */
export interface OpenedFile {
  readonly fd: number;
  readonly stat: BigIntStats;
  /** Canonical path relative to the root ("." is the root), links resolved, `/` separators. */
  readonly path: string;
  close(): void;
}

/** A directory opened inside a root. The caller closes it. */
export interface OpenedDir {
  readonly fd: number;
  readonly path: string;
  /** Names with their type by lstat, read through the descriptor. */
  entries(): DirEntry[];
  /** lstat of one direct child; undefined when it is gone. */
  lstatChild(name: string): BigIntStats | undefined;
  /** Text of a symlink that is a direct child; undefined when it is none. */
  readlinkChild(name: string): string | undefined;
  close(): void;
}

export interface DirEntry {
  readonly name: string;
  readonly type: "file" | "directory" | "symlink" | "other";
}

/** Confined access to everything below one directory. */
export interface Root {
  readonly path: string;
  openFile(path: string): OpenedFile;
  openDir(path: string): OpenedDir;
  /** What stands at `path` (links followed inside the root), and its canonical relative path. */
  resolve(path: string): { readonly path: string; readonly type: "file" | "directory" };
  close(): void;
}
