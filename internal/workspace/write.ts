import { type BigIntStats, closeSync, fchmodSync, fchownSync, fsync } from "node:fs";
import { promisify } from "node:util";
import { errnoOf, Fault } from "../errs/errs.js";
import type { IsClosed } from "./closed.js";
import { notAFile, quote, systemFault } from "./faults.js";
import { type OpenedFile, refuseForeignHardLink } from "./opened.js";
import { parsePath, type WantedPath } from "./path.js";
import { childPath, type Pin, type Platform } from "./platform.js";
import { walk } from "./walk.js";
import { writeWhole } from "./write-whole.js";

/**
 * A directory held for changing what is in it. Every name is that of a direct child, and a link under it is never
 * followed. Unless said otherwise, methods throw plain system errors: the caller knows what was being tried.
 */
export interface WriteDir {
  /** Relative to the root, canonical. */
  readonly path: string;
  /** False when it was moved or removed since it was opened. */
  isInPlace(): boolean;
  /** lstat of a child; undefined when there is none. */
  lstat(name: string): BigIntStats | undefined;
  /**
   * Opens a regular file for reading; undefined when there is none. The caller closes it. Faults: SYMLINK_ESCAPE (a
   * link, wherever it leads), IS_DIRECTORY, INVALID_ARGUMENT, PATH_OUTSIDE_WORKSPACE, PERMISSION_REQUIRED.
   */
  openFile(name: string): OpenedFile | undefined;
  /** Opens a subdirectory. The caller closes it. Fault: NOT_A_DIRECTORY. */
  openDir(name: string): WriteDir;
  /** Makes a file, mode 0600, that must not exist yet. The caller closes it. */
  create(name: string): NewFile;
  /** Gives a file a second name, which must not exist yet. */
  link(from: string, to: string): void;
  /** Renames a file, over whatever file has the name `to`. */
  rename(from: string, to: string): void;
  unlink(name: string): void;
  mkdir(name: string): void;
  rmdir(name: string): void;
  /** Writes the names in it to the disk. */
  sync(): Promise<void>;
  close(): void;
}

/** A file made by `WriteDir.create`. */
export interface NewFile {
  write(bytes: Uint8Array): Promise<void>;
  /** Sets permission bits exactly; owner and group as far as the system lets us. */
  setAccess(access: { readonly mode: number; readonly uid?: number; readonly gid?: number }): void;
  /** Writes its content to the disk. */
  sync(): Promise<void>;
  close(): void;
}

/** Where a file stands or would stand. */
export interface WritePlace {
  /** The nearest directory that exists. The caller closes it. */
  readonly dir: WriteDir;
  /** Names of the directories missing below it, outermost first. */
  readonly missing: readonly string[];
  readonly name: string;
  /** Canonical path of the file, relative to the root: links in its directories resolved, not one in its name. */
  readonly path: string;
}

export interface WriteContext {
  readonly platform: Platform;
  readonly isClosed: IsClosed;
  /** The user whose hard-linked files may be read. */
  readonly uid: number;
}

/** Finds where the file at `text` stands or would stand. Faults as of `Root`. */
export function openPlace(context: WriteContext, text: string): WritePlace {
  const wanted = parsePath(text);
  const parents = wanted.names.slice(0, -1);
  const name = wanted.names.at(-1);
  if (name === undefined || wanted.directory) {
    throw new Fault("IS_DIRECTORY", `${quote(text)} names a directory, not a file`);
  }
  const { pin, missing } = nearestDirectory(context.platform, wanted, parents);
  const path = [pin.path, ...missing, name].filter((part) => part !== ".").join("/");
  if (!context.isClosed(path)) return { dir: writeDir(context, pin), missing, name, path };
  context.platform.release(pin);
  throw closed(text);
}

function nearestDirectory(
  platform: Platform,
  wanted: WantedPath,
  parents: readonly string[],
): { pin: Pin; missing: readonly string[] } {
  let first: unknown;
  for (let known = parents.length; ; known--) {
    const missing = parents.slice(known);
    let pin: Pin;
    try {
      pin = walk(platform, { text: wanted.text, names: parents.slice(0, known), directory: true });
    } catch (error) {
      first ??= error;
      if (known > 0 && error instanceof Fault && error.code === "NOT_FOUND") continue;
      throw error;
    }
    // `new/..` leads nowhere, and a link that leads nowhere is in the way of a directory of its name.
    if (missing.includes("..") || (missing[0] !== undefined && exists(platform, pin, missing[0]))) {
      platform.release(pin);
      throw first;
    }
    if (pin.stat.isDirectory()) return { pin, missing };
    platform.release(pin);
    throw new Fault("NOT_A_DIRECTORY", `${quote(pin.path)} in ${quote(wanted.text)} is not a directory`);
  }
}

function exists(platform: Platform, dir: Pin, name: string): boolean {
  return lstatOf(platform, dir, name) !== undefined;
}

function lstatOf(platform: Platform, dir: Pin, name: string): BigIntStats | undefined {
  try {
    return platform.statChild(dir, name);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function writeDir(context: WriteContext, pin: Pin): WriteDir {
  const { platform } = context;
  return {
    path: pin.path,
    isInPlace: () => platform.isInPlace(pin),
    lstat: (name) => lstatOf(platform, pin, name),
    openFile(name) {
      const path = childPath(pin, name);
      try {
        return openRegular(context, pin, name);
      } catch (error) {
        if (errnoOf(error) === "ENOENT") return undefined;
        throw systemFault(error, path);
      }
    },
    openDir(name) {
      const child = platform.pinChild(pin, name);
      if (child.stat.isDirectory()) return writeDir(context, child);
      platform.release(child);
      throw new Fault("NOT_A_DIRECTORY", `${quote(childPath(pin, name))} is not a directory`);
    },
    create: (name) => newFile(platform.create(pin, name)),
    link: (from, to) => platform.link(pin, from, to),
    rename: (from, to) => platform.rename(pin, from, to),
    unlink: (name) => platform.unlink(pin, name),
    mkdir: (name) => platform.mkdir(pin, name),
    rmdir: (name) => platform.rmdir(pin, name),
    async sync() {
      const fd = platform.openForSync(pin);
      try {
        await fsyncOf(fd);
      } catch (error) {
        // Some network file systems cannot sync a directory; what was done in it has succeeded.
        if (errnoOf(error) !== "EINVAL" && errnoOf(error) !== "ENOTSUP") throw error;
      } finally {
        closeSync(fd);
      }
    },
    close: () => platform.release(pin),
  };
}

function openRegular({ platform, isClosed, uid }: WriteContext, dir: Pin, name: string): OpenedFile {
  const pin = platform.pinChild(dir, name);
  try {
    if (isClosed(pin.path)) throw closed(pin.path);
    if (pin.stat.isSymbolicLink()) {
      throw new Fault(
        "SYMLINK_ESCAPE",
        `${quote(pin.path)} is a symbolic link; nothing is written through it`,
        {
          hint: "name the file it leads to",
        },
      );
    }
    if (!pin.stat.isFile()) throw notAFile(pin.stat, pin.path);
    refuseForeignHardLink(pin.stat, uid, pin.path);
    const fd = platform.open(pin);
    return { fd, stat: pin.stat, path: pin.path, close: () => platform.release({ ...pin, fd }) };
  } catch (error) {
    platform.release(pin);
    throw error;
  }
}

function closed(path: string): Fault {
  return new Fault("PATH_OUTSIDE_WORKSPACE", `${quote(path)} is kept out: it is the server's own`);
}

const fsyncOf = promisify(fsync);

function newFile(fd: number): NewFile {
  return {
    write: (bytes) => writeWhole(fd, bytes),
    setAccess({ mode, uid, gid }) {
      if (uid !== undefined && gid !== undefined) giveTo(fd, uid, gid);
      // After the change of owner, which takes away set-user-id bits.
      fchmodSync(fd, mode);
    },
    sync: () => fsyncOf(fd),
    close: () => closeSync(fd),
  };
}

/** Only root can give a file away; an owner can choose among their own groups. What cannot be done is left. */
function giveTo(fd: number, uid: number, gid: number): void {
  for (const owner of [uid, -1]) {
    try {
      fchownSync(fd, owner, gid);
      return;
    } catch {
      // The next best.
    }
  }
}
