import { write, writeSync } from "node:fs";
import { promisify } from "node:util";

/** Up to this many bytes are written at once, without the detour over another thread. */
const directBytes = 64 << 10;
const writeOf = promisify(write);

/** Writes all of `bytes` at the file's position. Throws plain system errors. */
export async function writeWhole(fd: number, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const left = bytes.length - done;
    done +=
      left <= directBytes
        ? writeSync(fd, bytes, done, left)
        : (await writeOf(fd, bytes, done, left, null)).bytesWritten;
  }
}
