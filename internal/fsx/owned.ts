import { closeSync, constants, existsSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { errnoOf, Fault } from "../errs/errs.js";
import { accessFault } from "./fault.js";

/** Who may touch a file: the bits of `fs.Stats` that decide it. */
interface Ownership {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

export interface OwnedFileOptions {
  /** The user who reads; besides root the only one who may own the file. */
  readonly uid: number;
  /**
   * `private`: no access for others at all. `shared`: others may read it but not write it. `granted`: as `private`, but
   * the group's bits may allow reading, for that is how an access control list shows there (acl(5)).
   */
  readonly access: "private" | "shared" | "granted";
  /** Bytes; a longer file is refused. */
  readonly limit: number;
}

/**
 * The bytes of the regular file at `path`, or undefined when there is none. Symlinks are followed, since dotfiles and
 * mounted credentials are links; owner and mode are therefore taken from the opened descriptor, never from the path.
 *
 * @throws Fault PERMISSION when the owner is neither `uid` nor root, or when others have more than `access` grants.
 * @throws Fault FAILED when it is no regular file, is longer than `limit`, or cannot be read.
 */
export function readOwnedFile(path: string, options: OwnedFileOptions): Buffer | undefined {
  const fd = openForReading(path);
  if (fd === undefined) return undefined;
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new Fault("FAILED", `${path} is not a regular file`);
    checkOwnership(path, stat, options);
    return readAtMost(path, fd, options.limit);
  } finally {
    closeSync(fd);
  }
}

/**
 * True when somebody besides the owner may write. A group-writable file passes only in the owner's private group (gid
 * equal to uid, nobody else listed in it): that is what a checkout looks like under umask 002.
 */
export function othersCanWrite(file: Ownership, groupFile = "/etc/group"): boolean {
  if ((file.mode & 0o002) !== 0) return true;
  return (file.mode & 0o020) !== 0 && !(file.gid === file.uid && !hasMembers(file.gid, groupFile));
}

/** Bits that make a file unfit, beyond those that `othersCanWrite` judges. */
const forbidden = { private: 0o077, granted: 0o037, shared: 0 } as const;

function checkOwnership(path: string, file: Ownership, { uid, access }: OwnedFileOptions): void {
  if (file.uid !== uid && file.uid !== 0) {
    throw new Fault("PERMISSION", `${path} belongs to uid ${file.uid}, not to uid ${uid} or root`, {
      hint: `run: chown ${uid} ${quoted(path)}`,
    });
  }
  if ((file.mode & forbidden[access]) !== 0) {
    throw new Fault("PERMISSION", `${path} holds a secret and has mode ${octal(file.mode)}`, {
      hint: `run: chmod 600 ${quoted(path)}`,
    });
  }
  if (othersCanWrite(file)) {
    throw new Fault("PERMISSION", `${path} can be written by others, it has mode ${octal(file.mode)}`, {
      hint: `run: chmod go-w ${quoted(path)}`,
    });
  }
}

function openForReading(path: string): number | undefined {
  try {
    // Without O_NONBLOCK a FIFO would block until somebody writes to it.
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw accessFault("open", path, error);
  }
}

function readAtMost(path: string, fd: number, limit: number): Buffer {
  const buffer = Buffer.allocUnsafe(limit + 1);
  let length = 0;
  for (let read = -1; read !== 0 && length <= limit; length += read) {
    read = readSync(fd, buffer, length, buffer.length - length, null);
  }
  if (length > limit) throw new Fault("FAILED", `${path} is longer than ${limit} bytes`);
  return buffer.subarray(0, length);
}

/** Members listed in the group database; one that is kept elsewhere (LDAP) is taken as private. */
function hasMembers(gid: number, groupFile: string): boolean {
  if (!existsSync(groupFile)) return false;
  const fields = readFileSync(groupFile, "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .find(([, , id]) => id === String(gid));
  return Boolean(fields?.[3]?.trim());
}

/** Permission bits as `chmod` takes them. */
export function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}

/** `path` as one word of a command line to paste. */
export function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
