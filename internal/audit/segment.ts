import {
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from "node:fs";

/** One file of the journal, open for appending. All calls are synchronous: a record is written when they return. */
export interface Segment {
  readonly path: string;
  readonly bytes: number;
  /** Appends all of `text` or nothing of it. Throws the system's error. */
  append(text: string): void;
  /** False once somebody has removed the file. */
  isThere(): boolean;
  /** Bytes of a line that was cut off by a crash, which are removed. */
  dropTorn(): number;
  /** The last whole line; undefined when there is none. */
  lastLine(): string | undefined;
  /** Has it written to the disk, some time soon. */
  syncSoon(): void;
  close(): void;
}

const flags = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
const newline = 0x0a;
const blockBytes = 64 * 1024;

export function openSegment(path: string): Segment {
  const fd = openSync(path, flags, 0o600);
  let bytes = fstatSync(fd).size;
  let isSyncing = false;
  /** The file may hold more than `bytes`: a disk that is full takes the first part of a line. */
  let isTorn = false;

  function append(text: string): void {
    if (isTorn) cutTorn();
    const data = Buffer.from(text);
    try {
      for (let done = 0; done < data.length; ) done += writeSync(fd, data, done);
      bytes += data.length;
    } catch (error) {
      isTorn = true;
      cutTorn();
      throw error;
    }
  }

  function cutTorn(): void {
    ftruncateSync(fd, bytes);
    isTorn = false;
  }

  /** Where the line that ends before `end` begins. */
  function lineStart(end: number): number {
    const block = Buffer.alloc(blockBytes);
    for (let to = end; to > 0; ) {
      const from = Math.max(0, to - blockBytes);
      const read = readSync(fd, block, 0, to - from, from);
      const at = block.subarray(0, read).lastIndexOf(newline);
      if (at >= 0) return from + at + 1;
      to = from;
    }
    return 0;
  }

  return {
    path,
    get bytes() {
      return bytes;
    },
    append,
    isThere: () => fstatSync(fd).nlink > 0,
    dropTorn() {
      const whole = lineStart(bytes);
      const torn = bytes - whole;
      if (torn > 0) ftruncateSync(fd, whole);
      bytes = whole;
      return torn;
    },
    lastLine() {
      if (bytes === 0) return undefined;
      const from = lineStart(bytes - 1);
      const line = Buffer.alloc(bytes - 1 - from);
      readSync(fd, line, 0, line.length, from);
      return line.toString("utf8");
    },
    syncSoon() {
      if (isSyncing) return;
      isSyncing = true;
      fdatasync(fd, () => {
        isSyncing = false;
      });
    },
    close() {
      try {
        fdatasyncSync(fd);
      } finally {
        closeSync(fd);
      }
    },
  };
}
