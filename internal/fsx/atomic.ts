import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, readdir, rename, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errnoOf } from "../errs/errs.js";
import { accessFault } from "./fault.js";

/** A write may be under way, by this program or another one. */
const staleMs = 10 * 60_000;
const temporaryName = /^\.[0-9a-f]{18}\.tmp$/;

/**
 * Removes what writers that were killed have left in `directory`: their files that nobody has touched for ten minutes.
 * What cannot be removed stays; a missing directory is none of its business.
 *
 * @param now Milliseconds since the epoch, by the clock of the file system.
 */
export async function sweepTemporary(directory: string, now: number): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const path of names.filter((name) => temporaryName.test(name)).map((name) => join(directory, name))) {
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: now }));
    if (now - mtimeMs > staleMs) await unlink(path).catch(() => {});
  }
}

/** The file system calls an atomic write makes, so that a test can let each of them fail. */
export interface AtomicFs {
  open(path: string, flags: number, mode?: number): Promise<Pick<FileHandle, AtomicHandle>>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
}
type AtomicHandle = "chmod" | "writeFile" | "sync" | "close";

const createNew = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW;

/**
 * Replaces the file at `path` with `data`, so that a reader or a crash at any moment finds the old content or the new
 * one, whole: a new file in the same directory is written, synced and renamed over it, then the directory is synced.
 * `mode` is set exactly, whatever the umask. A symlink at `path` is replaced, not followed.
 *
 * @throws Fault PERMISSION or FAILED naming `path`. No other file is left behind, and unless only the last sync failed
 * the old file still stands.
 */
export function writeFileAtomic(path: string, data: string | Uint8Array, mode: number): Promise<void> {
  return atomicWriter({ open, rename, unlink })(path, data, mode);
}

/** `writeFileAtomic` on the given file system calls. */
export function atomicWriter(fs: AtomicFs): typeof writeFileAtomic {
  return async (path, data, mode) => {
    const directory = dirname(path);
    try {
      await replace(fs, {
        path,
        temporary: join(directory, `.${randomBytes(9).toString("hex")}.tmp`),
        data,
        mode,
      });
      await syncDirectory(fs, directory);
    } catch (error) {
      throw accessFault("write", path, error);
    }
  };
}

interface Replacement {
  readonly path: string;
  readonly temporary: string;
  readonly data: string | Uint8Array;
  readonly mode: number;
}

async function replace(fs: AtomicFs, { path, temporary, data, mode }: Replacement): Promise<void> {
  const file = await fs.open(temporary, createNew, 0o600);
  try {
    try {
      await file.writeFile(data);
      await file.chmod(mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.rename(temporary, path);
  } catch (error) {
    // The first failure is the one to report.
    await fs.unlink(temporary).catch(() => {});
    throw error;
  }
}

async function syncDirectory(fs: AtomicFs, directory: string): Promise<void> {
  const handle = await fs.open(directory, constants.O_RDONLY);
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems cannot sync a directory; the rename itself has succeeded.
    if (errnoOf(error) !== "EINVAL" && errnoOf(error) !== "ENOTSUP") throw error;
  } finally {
    await handle.close();
  }
}
