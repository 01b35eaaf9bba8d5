import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  unlinkSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { errnoOf, Fault } from "../errs/errs.js";
import { quote } from "./faults.js";
import { childPath, type Pin, type Platform } from "./platform.js";

/** The kernel refuses with ELOOP when any part of the path is a link (macOS 11). Not among Node's constants. */
const O_NOFOLLOW_ANY = 0x20000000;
const read = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY | O_NOFOLLOW_ANY;

const createNew = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | O_NOFOLLOW_ANY;

/**
 * macOS: no descriptor-relative paths, so each step is opened by its full path with O_NOFOLLOW_ANY, which no
 * exchanged link can redirect. Names and sizes in a listing are read by path between two checks that the path still
 * leads to the directory held; a directory exchanged and put back within that moment could show foreign names,
 * never foreign content. Names are changed by path after the same check, which leaves that moment open to somebody
 * who can exchange directories; the content of a new file cannot be redirected. A root that is renamed is gone. Not yet run on macOS.
 */
export function darwinPlatform(given: string): Platform {
  requireNoFollowAny();
  const path = realpathSync(given);
  if (path === "/")
    throw new Fault("INVALID_ARGUMENT", `${quote(given)} cannot be a workspace: the whole file system`);
  const at = (relative: string): string => join(path, relative);
  const root = pinDirect(at("."), ".", constants.O_DIRECTORY);

  /** Runs `use` on the path of `dir`, which leads to `dir` itself before and after. */
  function guarded<T>(dir: Pin, use: (path: string) => T): T {
    check(dir);
    const result = use(at(dir.path));
    check(dir);
    return result;
  }

  function check(dir: Pin): void {
    const now = pinDirect(at(dir.path), dir.path, constants.O_DIRECTORY);
    closeSync(now.fd);
    if (now.stat.ino !== dir.stat.ino || now.stat.dev !== dir.stat.dev) {
      throw new Fault("NOT_FOUND", `${quote(dir.path)} was replaced meanwhile`, { hint: "try again" });
    }
  }

  function pinAt(relative: string): Pin {
    const stat = lstatSync(at(relative), { bigint: true });
    // A link cannot be opened this way, and a FIFO or device must not be.
    if (!stat.isFile() && !stat.isDirectory()) return { path: relative, fd: -1, stat };
    return pinDirect(at(relative), relative, 0);
  }

  return {
    path,
    given: resolve(given),
    root,
    pinStraight(wanted) {
      try {
        const pin = pinAt(wanted);
        return pin.stat.isSymbolicLink() ? undefined : pin;
      } catch {
        return undefined;
      }
    },
    pinChild: (parent, name) => pinAt(childPath(parent, name)),
    readLink: (parent, name) => guarded(parent, (dir) => readlinkSync(join(dir, name))),
    statChild: (parent, name) => guarded(parent, (dir) => lstatSync(join(dir, name), { bigint: true })),
    list: (dir) => guarded(dir, (name) => readdirSync(name, { withFileTypes: true })),
    open: (file) => file.fd,
    release(pin) {
      if (pin.fd !== -1) closeSync(pin.fd);
    },
    isInPlace(dir) {
      try {
        check(dir);
        return true;
      } catch {
        return false;
      }
    },
    create: (dir, name) => guarded(dir, (path) => openSync(join(path, name), createNew, 0o600)),
    link: (dir, from, to) => guarded(dir, (path) => linkSync(join(path, from), join(path, to))),
    rename: (dir, from, to) => guarded(dir, (path) => renameSync(join(path, from), join(path, to))),
    unlink: (dir, name) => guarded(dir, (path) => unlinkSync(join(path, name))),
    mkdir: (dir, name) => guarded(dir, (path) => mkdirSync(join(path, name))),
    rmdir: (dir, name) => guarded(dir, (path) => rmdirSync(join(path, name))),
    openForSync: (dir) => openSync(at(dir.path), read | constants.O_DIRECTORY),
  };
}

function pinDirect(path: string, relative: string, flags: number): Pin {
  const fd = openSync(path, read | flags);
  return { path: relative, fd, stat: fstatSync(fd, { bigint: true }) };
}

/** Older kernels ignore the flag. `/tmp` is a link on every macOS, so opening through it must fail. */
function requireNoFollowAny(): void {
  try {
    closeSync(openSync("/tmp/.", read));
  } catch (error) {
    if (errnoOf(error) === "ELOOP") return;
    throw error;
  }
  throw new Fault("FAILED", "path confinement needs macOS 11 or later");
}
