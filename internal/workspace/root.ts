import type { BigIntStats } from "node:fs";
import { Fault } from "../errs/errs.js";
import { closedBelow, type IsClosed } from "./closed.js";
import { darwinPlatform } from "./darwin.js";
import { notAFile, quote, systemFault } from "./faults.js";
import { linuxPlatform } from "./linux.js";
import { parsePath } from "./path.js";
import { childPath, type Pin, type Platform } from "./platform.js";
import { walk } from "./walk.js";

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
  /** Names with their type by lstat, read through the descriptor, in no order. */
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

/**
 * Confined access to everything below one directory.
 *
 * Paths are relative to the root, with `/` separators. Every method refuses with a Fault: ABSOLUTE_PATH_DENIED,
 * PATH_OUTSIDE_WORKSPACE (`..` above the root, a closed path, or a file of another owner with a second hard link),
 * SYMLINK_ESCAPE, NOT_FOUND, IS_DIRECTORY, NOT_A_DIRECTORY, PERMISSION_REQUIRED (the system denies access),
 * INVALID_ARGUMENT (not a path, too long, too many links, a FIFO, socket or device).
 */
export interface Root {
  /** Real absolute path when the root was opened. */
  readonly path: string;
  openFile(path: string): OpenedFile;
  openDir(path: string): OpenedDir;
  /** What stands at `path` (links followed inside the root), and its canonical relative path. */
  resolve(path: string): { readonly path: string; readonly type: "file" | "directory" };
  close(): void;
}

/**
 * Opens the directory at `path` as a root and holds it by descriptor: renaming or replacing the path later does
 * not change what is reached. What is at or below one of the absolute paths `closed` is never reached. `uid` is the
 * user whose hard-linked files may be read (default: our own).
 */
export function openRoot(
  path: string,
  { uid = process.getuid?.() ?? -1, closed = [] }: { uid?: number; closed?: readonly string[] } = {},
): Root {
  const platform = platformFor(path);
  const isClosed = closedBelow(platform.path, closed);

  let open = true;

  function find(text: string): Pin {
    // The descriptor's number may stand for something else by now.
    if (!open) throw new Fault("NOT_FOUND", "the workspace is no longer served");
    const wanted = parsePath(text);
    const pin = walk(platform, wanted);
    if (isClosed(pin.path)) {
      platform.release(pin);
      throw new Fault("PATH_OUTSIDE_WORKSPACE", `${quote(text)} is kept out: it is the server's own`);
    }
    if (!wanted.directory || pin.stat.isDirectory()) return pin;
    platform.release(pin);
    throw new Fault("NOT_A_DIRECTORY", `${quote(text)} is not a directory`);
  }

  /** Runs `use` on what stands at `text`; the pin is let go when `use` throws. */
  function withPin<T>(text: string, use: (pin: Pin) => T): T {
    const pin = find(text);
    try {
      return use(pin);
    } catch (error) {
      platform.release(pin);
      throw systemFault(error, text);
    }
  }

  return {
    path: platform.path,
    openFile: (text) =>
      withPin(text, (pin) => {
        if (!pin.stat.isFile()) throw notAFile(pin.stat, text);
        refuseForeignHardLink(pin.stat, uid, text);
        const fd = platform.open(pin);
        return { fd, stat: pin.stat, path: pin.path, close: () => platform.release({ ...pin, fd }) };
      }),
    openDir: (text) =>
      withPin(text, (pin) => {
        if (!pin.stat.isDirectory()) throw new Fault("NOT_A_DIRECTORY", `${quote(text)} is not a directory`);
        return openedDir(platform, { pin, text, isClosed });
      }),
    resolve: (text) =>
      withPin(text, (pin) => {
        const type = pin.stat.isDirectory() ? "directory" : "file";
        if (type === "file" && !pin.stat.isFile()) throw notAFile(pin.stat, text);
        platform.release(pin);
        return { path: pin.path, type };
      }),
    close() {
      if (open) platform.release(platform.root);
      open = false;
    },
  };
}

function platformFor(path: string): Platform {
  try {
    if (process.platform === "linux") return linuxPlatform(path);
    if (process.platform === "darwin") return darwinPlatform(path);
  } catch (error) {
    throw systemFault(error, path);
  }
  throw new Fault("FAILED", `no path confinement for platform ${process.platform}`);
}

function openedDir(
  platform: Platform,
  { pin, text, isClosed }: { pin: Pin; text: string; isClosed: IsClosed },
): OpenedDir {
  const isOpen = (name: string): boolean => !isClosed(childPath(pin, name));
  return {
    fd: pin.fd,
    path: pin.path,
    entries() {
      try {
        const entries = platform.list(pin).filter(({ name }) => isOpen(name));
        return entries.map((entry) => ({
          name: entry.name,
          type: entry.isFile()
            ? "file"
            : entry.isDirectory()
              ? "directory"
              : entry.isSymbolicLink()
                ? "symlink"
                : "other",
        }));
      } catch (error) {
        throw systemFault(error, text);
      }
    },
    lstatChild: (name) => (isChildName(name) ? orUndefined(() => platform.statChild(pin, name)) : undefined),
    readlinkChild: (name) =>
      isChildName(name) ? orUndefined(() => platform.readLink(pin, name)) : undefined,
    close: () => platform.release(pin),
  };
}

/**
 * A second name of a file elsewhere cannot be told from its path. Whoever may write here could have linked a file
 * that is not theirs to give, where the system does not forbid that (fs.protected_hardlinks = 0).
 */
function refuseForeignHardLink(stat: BigIntStats, uid: number, text: string): void {
  if (stat.nlink === 1n || stat.uid === BigInt(uid)) return;
  throw new Fault("PATH_OUTSIDE_WORKSPACE", `${quote(text)} is a hard link to a file of another owner`, {
    hint: "access denied; copy the file instead of linking it",
  });
}

function isChildName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !name.includes("/") && !name.includes("\0");
}

function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
