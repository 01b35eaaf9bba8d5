import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import type { OpenedFile } from "../workspace/root.js";

/** What is needed of an opened file to read it. */
export type Readable = Pick<OpenedFile, "fd" | "stat" | "close">;

/** Gives what `open` reads, parsed; undefined when the file is absent, unreadable, too large or makes no sense. */
export type ParsedFiles<T> = (key: string, open: () => Readable | undefined) => T | undefined;

export interface ParsedFilesOptions<T> {
  readonly parse: (bytes: Buffer) => T | undefined;
  readonly maxBytes: number;
  readonly maxFiles: number;
}

/** Keeps parsed files by `key` for as long as the file's identity, size and times stay what they were. */
export function createParsedFiles<T>({ parse, maxBytes, maxFiles }: ParsedFilesOptions<T>): ParsedFiles<T> {
  const kept = new Map<string, { stamp: string; value: T | undefined }>();

  return (key, open) => {
    let file: Readable | undefined;
    try {
      file = open();
      if (file === undefined) return undefined;
      const stamp = stampOf(file);
      const known = kept.get(key);
      if (known?.stamp === stamp) return known.value;
      const value = file.stat.size > maxBytes ? undefined : parse(readAll(file));
      kept.delete(key);
      if (kept.size >= maxFiles) kept.delete(kept.keys().next().value as string);
      kept.set(key, { stamp, value });
      return value;
    } catch {
      return undefined;
    } finally {
      file?.close();
    }
  };
}

/** Opens a regular file outside any root, without waiting on a FIFO. */
export function openRegular(path: string): Readable | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  const stat = fstatSync(fd, { bigint: true });
  const close = (): void => closeSync(fd);
  if (stat.isFile()) return { fd, stat, close };
  close();
  return undefined;
}

/** The whole content of an opened file. */
export function readAll({ fd, stat }: Readable): Buffer {
  return readStart(fd, Buffer.allocUnsafe(Number(stat.size)));
}

/** Reads a file from its beginning into `bytes`; returns the part of them that it fills. */
export function readStart(fd: number, bytes: Buffer): Buffer {
  let length = 0;
  while (length < bytes.length) {
    const read = readSync(fd, bytes, length, bytes.length - length, length);
    if (read === 0) break;
    length += read;
  }
  return bytes.subarray(0, length);
}

function stampOf({ stat }: Readable): string {
  return `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
}
