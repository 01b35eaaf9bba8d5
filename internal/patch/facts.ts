import { createHash } from "node:crypto";
import { read, readSync } from "node:fs";
import { promisify } from "node:util";
import { Fault } from "../errs/errs.js";
import type { OpenedFile } from "../workspace/root.js";
import type { WriteDir } from "../workspace/write.js";

/** What a file holds and how it may be used. */
export interface Content {
  readonly bytes: Buffer;
  /** Permission bits. */
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** A file as it was read. */
export interface Snapshot extends Required<Content> {
  readonly hardLinks: number;
}

/** SHA-256 of a file's content in hex; null where there was, or is, no file. */
export interface HashedChange {
  readonly path: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** Up to this many bytes are read at once, without the detour over another thread. */
const directBytes = 256 << 10;

/** Reads a file whole; undefined when there is none. Faults: as of `WriteDir.openFile`, OUTPUT_TOO_LARGE. */
export async function readSnapshot(
  dir: WriteDir,
  name: string,
  limit = Number.POSITIVE_INFINITY,
): Promise<Snapshot | undefined> {
  const file = dir.openFile(name);
  if (file === undefined) return undefined;
  try {
    const bytes = await readBytes(file, limit);
    const { mode, uid, gid, nlink } = file.stat;
    return {
      bytes,
      mode: Number(mode) & 0o7777,
      uid: Number(uid),
      gid: Number(gid),
      hardLinks: Number(nlink),
    };
  } finally {
    file.close();
  }
}

async function readBytes({ fd, stat, path }: OpenedFile, limit: number): Promise<Buffer> {
  if (stat.size > limit) {
    throw new Fault(
      "OUTPUT_TOO_LARGE",
      `${JSON.stringify(path)} has ${stat.size} bytes, more than can be patched at once`,
      {
        hint: `one call changes files of at most ${limit >> 20} MiB in all; change it with a command instead`,
      },
    );
  }
  // One byte more than expected shows a file that has grown since.
  let bytes = Buffer.allocUnsafe(Number(stat.size) + 1);
  let filled = 0;
  for (;;) {
    const room = bytes.length - filled;
    const got =
      room <= directBytes
        ? readSync(fd, bytes, filled, room, filled)
        : (await readOf(fd, bytes, filled, room, filled)).bytesRead;
    filled += got;
    if (got === 0) return bytes.subarray(0, filled);
    if (filled === bytes.length) bytes = Buffer.concat([bytes, Buffer.allocUnsafe(directBytes)]);
  }
}

const readOf = promisify(read);

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
