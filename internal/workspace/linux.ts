import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  unlinkSync,
} from "node:fs";
import { resolve } from "node:path";
import { Fault } from "../errs/errs.js";
import { quote } from "./faults.js";
import { childPath, type Pin, type Platform } from "./platform.js";

/**
 * Names a file without opening it: nothing is read, no FIFO waits, no device wakes, no permission on it is needed.
 * Not among Node's constants; the same number on every architecture that Node runs on under Linux.
 */
const O_PATH = 0o10000000;
const look = O_PATH | constants.O_NOFOLLOW;
const createNew = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const read = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * Linux: `/proc/self/fd/N` stands for the very file that descriptor N holds, whatever its path is by now. A child is
 * reached as `/proc/self/fd/N/child`; a file that was looked at is opened as `/proc/self/fd/N`.
 */
export function linuxPlatform(given: string): Platform {
  const root = pinAt(given, O_PATH | constants.O_DIRECTORY, ".");
  const path = readlinkSync(fdPath(root));
  if (path === "/" || path.includes("\ufffd")) {
    closeSync(root.fd);
    const why = path === "/" ? "the whole file system" : "its path is not valid UTF-8";
    throw new Fault("INVALID_ARGUMENT", `${quote(given)} cannot be a workspace: ${why}`);
  }

  return {
    path,
    given: resolve(given),
    root,
    pinStraight(wanted) {
      let pin: Pin | undefined;
      try {
        pin = pinAt(`${fdPath(root)}/${wanted}`, look, wanted);
        // The kernel may have followed links. Exactly the path that was asked for, as seen from where the root is now,
        // proves that it followed none. The root's own path holds no U+FFFD, so no two names can look the same in it.
        const straight = readlinkSync(fdPath(pin)) === `${readlinkSync(fdPath(root))}/${wanted}`;
        if (straight && !pin.stat.isSymbolicLink()) return pin;
      } catch {
        // The walk meets the same error and can say where.
      }
      if (pin !== undefined) closeSync(pin.fd);
      return undefined;
    },
    pinChild: (parent, name) => pinAt(childOf(parent, name), look, childPath(parent, name)),
    readLink: (parent, name) => readlinkSync(childOf(parent, name)),
    statChild: (parent, name) => lstatSync(childOf(parent, name), { bigint: true }),
    list: (dir) => readdirSync(fdPath(dir), { withFileTypes: true }),
    open(file) {
      const fd = openSync(fdPath(file), read);
      closeSync(file.fd);
      return fd;
    },
    release: (pin) => closeSync(pin.fd),
    isInPlace(dir) {
      const base = readlinkSync(fdPath(root));
      return readlinkSync(fdPath(dir)) === (dir.path === "." ? base : `${base}/${dir.path}`);
    },
    create: (dir, name) => openSync(childOf(dir, name), createNew, 0o600),
    link: (dir, from, to) => linkSync(childOf(dir, from), childOf(dir, to)),
    rename: (dir, from, to) => renameSync(childOf(dir, from), childOf(dir, to)),
    unlink: (dir, name) => unlinkSync(childOf(dir, name)),
    mkdir: (dir, name) => mkdirSync(childOf(dir, name)),
    rmdir: (dir, name) => rmdirSync(childOf(dir, name)),
    openForSync: (dir) => openSync(fdPath(dir), constants.O_RDONLY | constants.O_DIRECTORY),
  };
}

function fdPath(pin: { readonly fd: number }): string {
  return `/proc/self/fd/${pin.fd}`;
}

function childOf(dir: Pin, name: string): string {
  return `${fdPath(dir)}/${name}`;
}

function pinAt(path: string, flags: number, relative: string): Pin {
  const fd = openSync(path, flags);
  let stat: BigIntStats;
  try {
    stat = fstatSync(fd, { bigint: true });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return { path: relative, fd, stat };
}
