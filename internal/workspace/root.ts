import type { BigIntStats } from "node:fs";
import { Fault } from "../errs/errs.js";
import { closedBelow, type IsClosed } from "./closed.js";
import { darwinPlatform } from "./darwin.js";
import { notAFile, quote, systemFault } from "./faults.js";
import { linuxPlatform } from "./linux.js";
import { type OpenedFile, openPinned } from "./opened.js";
import { parsePath } from "./path.js";
import { childPath, type Pin, type Platform } from "./platform.js";
import { walk } from "./walk.js";
import { openPlace, type WritePlace } from "./write.js";

export type { OpenedFile } from "./opened.js";

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
  /** Opens one direct child; undefined when it is a symlink, which is never followed here. Faults as of Root.openFile. */
  openChild(name: string): OpenedFile | undefined;
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
  /** Where the file at `path` stands or would stand, for writing; a link in its last name is not followed. */
  openPlace(path: string): WritePlace;
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

  /** The descriptor's number may stand for something else by now. */
  function requireOpen(): void {
    if (!open) throw new Fault("NOT_FOUND", "the workspace is no longer served");
  }

  function find(text: string): Pin {
    requireOpen();
    const wanted = parsePath(text);
    const pin = walk(platform, wanted);
    if (isClosed(pin.path)) {
      platform.release(pin);
      throw keptOut(text);
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
    openFile: (text) => withPin(text, (pin) => openPinned(platform, pin, { uid, text })),
    openDir: (text) =>
      withPin(text, (pin) => {
        if (!pin.stat.isDirectory()) throw new Fault("NOT_A_DIRECTORY", `${quote(text)} is not a directory`);
        return openedDir({ platform, isClosed, uid, requireOpen }, pin, text);
      }),
    resolve: (text) =>
      withPin(text, (pin) => {
        const type = pin.stat.isDirectory() ? "directory" : "file";
        if (type === "file" && !pin.stat.isFile()) throw notAFile(pin.stat, text);
        platform.release(pin);
        return { path: pin.path, type };
      }),
    openPlace(text) {
      requireOpen();
      try {
        return openPlace({ platform, isClosed, uid }, text);
      } catch (error) {
        throw systemFault(error, text);
      }
    },
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

interface DirContext {
  readonly platform: Platform;
  readonly isClosed: IsClosed;
  readonly uid: number;
  readonly requireOpen: () => void;
}

function openedDir(context: DirContext, pin: Pin, text: string): OpenedDir {
  const { platform, isClosed } = context;
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
    openChild: (name) => openChild(context, pin, name),
    close: () => platform.release(pin),
  };
}

function openChild(
  { platform, isClosed, uid, requireOpen }: DirContext,
  dir: Pin,
  name: string,
): OpenedFile | undefined {
  requireOpen();
  const path = childPath(dir, name);
  // The system would write U+FFFD for a lone surrogate: one name would be checked and another one opened.
  if (!isChildName(name) || /\p{Surrogate}/u.test(name)) {
    throw new Fault("INVALID_ARGUMENT", `${quote(name)} is not the name of a file`);
  }
  if (isClosed(path)) throw keptOut(path);
  let pin: Pin | undefined;
  try {
    pin = platform.pinChild(dir, name);
    if (!pin.stat.isSymbolicLink()) return openPinned(platform, pin, { uid, text: path });
  } catch (error) {
    if (pin !== undefined) platform.release(pin);
    throw systemFault(error, path);
  }
  platform.release(pin);
  return undefined;
}

function keptOut(path: string): Fault {
  return new Fault("PATH_OUTSIDE_WORKSPACE", `${quote(path)} is kept out: it is the server's own`);
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
