import { fstatSync, readSync } from "node:fs";
import type { Clock } from "../clock/clock.js";
import type { OpenedFile } from "../workspace/root.js";
import { cutUtf8, decode, lineEnd, openUtf8Tail, type TextEncoding, unitBytes } from "./encoding.js";
import { createIndexCache } from "./index-cache.js";
import { indexLines, type LineIndex } from "./line-index.js";

export interface RangeRequest {
  /** 1-based. */
  readonly startLine: number;
  readonly maxLines: number;
  /** Of the text in UTF-8. */
  readonly maxBytes: number;
}

export interface TextRange {
  /** The lines as they stand in the file, terminators and all, without a byte order mark. */
  readonly content: string;
  readonly encoding: TextEncoding;
  /** Whole lines in `content`; 0 when not even the first fits, and `content` is its beginning. */
  readonly lines: number;
  /** Bytes of the file that `content` was decoded from. */
  readonly fileBytes: number;
  readonly totalLines: number;
  readonly totalBytes: number;
  /** `maxBytes` stopped it before `maxLines` or the end of the file did. */
  readonly cutByBytes: boolean;
}

export interface TextReader {
  /**
   * Reads lines of an opened file. The first read of a file above 64 KiB passes over it once; later ones read little
   * more than the lines asked for, as long as the file stays as it is. Faults: BINARY_FILE, UNSUPPORTED_ENCODING.
   */
  read(file: OpenedFile, request: RangeRequest, signal: AbortSignal): Promise<TextRange>;
}

const windowBytes = 64 * 1024;

export function createTextReader({
  clock,
  cacheBytes = 4 * 1024 * 1024,
}: {
  clock: Clock;
  cacheBytes?: number;
}): TextReader {
  const cache = createIndexCache({ clock, maxBytes: cacheBytes });
  const scratch = Buffer.allocUnsafeSlow(windowBytes);
  return {
    async read(file, request, signal) {
      let index = cache.get(file.stat);
      if (index === undefined) {
        index = await indexLines(file, signal);
        cache.put(file.stat, fstatSync(file.fd, { bigint: true }), index);
      }
      // No await from here on: the scratch buffer serves one read at a time.
      return readRange(fileWindow(file.fd, index, scratch), index, request);
    },
  };
}

function readRange(window: FileWindow, index: LineIndex, request: RangeRequest): TextRange {
  const { encoding, lines: totalLines, bytes: totalBytes } = index;
  const { startLine, maxLines, maxBytes } = request;
  const mark = lastMark(index, startLine);
  let start = index.markOffsets[mark] ?? 0;
  for (let line = index.markLines[mark] ?? 1; line < startLine && start < totalBytes; line++) {
    start = window.lineEndAt(start, totalBytes);
  }

  // A byte of the file gives at least one byte of UTF-8, in UTF-16 at least half a byte.
  const limit = start + maxBytes * unitBytes(encoding);
  let end = start;
  let count = 0;
  while (count < maxLines && end < totalBytes) {
    const next = window.lineEndAt(end, limit);
    if (next > limit) break;
    end = next;
    count++;
  }
  const text = decode(window.bytes(start, end), encoding);
  const kept = wholeLines(text, maxBytes);
  const lines = kept.length === text.length ? count : countLines(kept);
  const cutByBytes = lines < maxLines && startLine + lines <= totalLines;
  const common = { encoding, lines, totalLines, totalBytes, cutByBytes };
  if (lines > 0 || !cutByBytes) return { ...common, content: kept, fileBytes: sizeIn(kept, encoding) };

  let beginning = window.bytes(start, Math.min(limit, totalBytes));
  if (encoding === "utf-8") beginning = beginning.subarray(0, beginning.length - openUtf8Tail(beginning));
  const content = cutUtf8(decode(beginning, encoding), maxBytes);
  return { ...common, content, fileBytes: sizeIn(content, encoding) };
}

/** Position of the last mark at or before `line`. */
function lastMark({ markLines }: LineIndex, line: number): number {
  let low = 0;
  for (let high = markLines.length; high - low > 1; ) {
    const middle = (low + high) >> 1;
    if ((markLines[middle] ?? 0) <= line) low = middle;
    else high = middle;
  }
  return low;
}

interface FileWindow {
  /**
   * The offset behind the LF that ends the line beginning at `from`, or the end of the file; any offset above `limit`
   * when the line does not end by then.
   */
  lineEndAt(from: number, limit: number): number;
  /** Bytes of the file; valid until the next call. */
  bytes(start: number, end: number): Buffer;
}

/** Reads a file through `scratch`, so that consecutive lines, and all of a small file, cost one read. */
function fileWindow(fd: number, { encoding, bytes: total }: LineIndex, scratch: Buffer): FileWindow {
  let held = scratch.subarray(0, 0);
  let heldFrom = 0;
  return {
    lineEndAt(from, limit) {
      for (let at = from; at < total; at = heldFrom + held.length) {
        if (at < heldFrom || at >= heldFrom + held.length) {
          held = readInto(fd, scratch, at, Math.min(at + scratch.length, total));
          heldFrom = at;
          // The file is shorter by now.
          if (held.length === 0) return total;
        }
        const end = lineEnd(held, at - heldFrom, encoding);
        if (end !== -1) return heldFrom + end;
        if (heldFrom + held.length > limit) return limit + 1;
      }
      return total;
    },
    bytes(start, end) {
      if (start >= heldFrom && end <= heldFrom + held.length)
        return held.subarray(start - heldFrom, end - heldFrom);
      return readInto(fd, Buffer.allocUnsafe(end - start), start, end);
    },
  };
}

function readInto(fd: number, into: Buffer, start: number, end: number): Buffer {
  let filled = 0;
  while (filled < end - start) {
    const got = readSync(fd, into, filled, end - start - filled, start + filled);
    if (got === 0) break;
    filled += got;
  }
  return into.subarray(0, filled);
}

/** The longest beginning of `text` made of whole lines that takes at most `maxBytes` in UTF-8. */
function wholeLines(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  const cut = cutUtf8(text, maxBytes);
  return cut.slice(0, cut.lastIndexOf("\n") + 1);
}

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) count++;
  return count;
}

/** Bytes that `text` takes in the file. */
function sizeIn(text: string, encoding: TextEncoding): number {
  return encoding === "utf-8" ? Buffer.byteLength(text) : text.length * unitBytes(encoding);
}
