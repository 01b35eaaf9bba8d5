import { type BigIntStats, closeSync, constants, openSync, renameSync, unlinkSync } from "node:fs";
import { lstat, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../errs/errs.js";
import { writeWhole } from "../workspace/write-whole.js";

/** What the journal needs of the file system, so that a test can let each call fail. */
export interface JournalFs {
  /** Makes a file, mode 0600, that must not exist, and writes the parts one behind the other. */
  write(path: string, parts: readonly Uint8Array[]): Promise<void>;
  /** Reads at most `length` bytes at `offset`. */
  read(path: string, offset: number, length: number): Promise<Buffer>;
  /** Writes a file, or the names in a directory, to the disk. */
  sync(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** One that is gone already is no error. */
  unlink(path: string): Promise<void>;
  list(dir: string): Promise<{ readonly name: string; readonly bytes: number }[]>;
}

export const systemJournalFs: JournalFs = {
  async write(path, parts) {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const fd = openSync(path, flags, 0o600);
    try {
      for (const part of parts) await writeWhole(fd, part);
    } finally {
      closeSync(fd);
    }
  },
  async read(path, offset, length) {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const bytes = Buffer.allocUnsafe(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return bytes.subarray(0, filled);
    } finally {
      await file.close();
    }
  },
  async sync(path) {
    const file = await open(path, constants.O_RDONLY);
    try {
      await file.sync();
    } catch (error) {
      if (errnoOf(error) !== "EINVAL" && errnoOf(error) !== "ENOTSUP") throw error;
    } finally {
      await file.close();
    }
  },
  rename: async (from, to) => renameSync(from, to),
  async unlink(path) {
    try {
      unlinkSync(path);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
    }
  },
  async list(dir) {
    const names = await readdir(dir);
    const stats = await Promise.all(
      names.map((name) =>
        lstat(join(dir, name), { bigint: true }).catch((): BigIntStats | undefined => undefined),
      ),
    );
    return names.flatMap((name, i) => {
      const stat = stats[i];
      return stat?.isFile() ? [{ name, bytes: Number(stat.size) }] : [];
    });
  },
};
