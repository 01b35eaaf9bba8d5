import { closeSync, constants, openSync, readSync } from "node:fs";

const maxBytes = 64 << 10;

/** The first 64 KiB of a file as text; undefined when it cannot be read. Never waits, as a FIFO would make it. */
export function readBeginning(path: string): string | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const buffer = Buffer.alloc(maxBytes);
    return buffer.toString("utf8", 0, readSync(fd, buffer, 0, maxBytes, 0));
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
