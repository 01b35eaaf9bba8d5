import { isUtf8 } from "node:buffer";
import { read, readSync } from "node:fs";
import { promisify } from "node:util";
import type { OpenedFile } from "../workspace/root.js";
import { headBytes, lineEnd, openUtf8Tail, sniff, type TextEncoding } from "./encoding.js";

/** What one pass over a text file leaves behind: enough to read any of its lines without a second pass. */
export interface LineIndex {
  readonly encoding: TextEncoding;
  /** Bytes that were there. */
  readonly bytes: number;
  /** A line ends at LF; CR is part of the line. Text behind the last LF is a line too. */
  readonly lines: number;
  /** Line numbers (1-based, ascending; the first is 1) and the offset where each begins. */
  readonly markLines: readonly number[];
  readonly markOffsets: readonly number[];
}

const markEveryLines = 256;
/** Long lines are marked more often, so that what lies between two marks is read in one or two steps. */
const markEveryBytes = 256 * 1024;
/** Files up to this size are read at once, on the spot; larger ones by the thread pool in chunks of 1 MiB. */
const smallBytes = 64 * 1024;
const chunkBytes = 1024 * 1024;

const readAsync = promisify(read);

/** Passes over the whole file once. Faults as `sniff`'s; rejects with the signal's reason when it is aborted. */
export async function indexLines(file: OpenedFile, signal: AbortSignal): Promise<LineIndex> {
  const size = Number(file.stat.size);
  const builder = indexBuilder(file.path);
  if (size <= smallBytes) {
    const bytes = Buffer.allocUnsafe(size);
    builder.add(bytes.subarray(0, readSync(file.fd, bytes, 0, size, 0)));
    return builder.end();
  }
  // One chunk is read while the one before it is looked at.
  let filling = fill(file.fd, Buffer.allocUnsafeSlow(chunkBytes), 0);
  let spare: Buffer = Buffer.allocUnsafeSlow(chunkBytes);
  try {
    for (let offset = 0; ; ) {
      const chunk = await filling;
      signal.throwIfAborted();
      offset += chunk.length;
      // What is appended meanwhile belongs to the next call.
      const last = chunk.length < chunkBytes || offset >= size;
      if (!last) filling = fill(file.fd, spare, offset);
      builder.add(chunk);
      if (last) return builder.end();
      spare = chunk;
    }
  } finally {
    // The caller closes the descriptor next; a read still under way must not meet its number in new hands.
    await filling.catch(() => undefined);
  }
}

async function fill(fd: number, into: Buffer, offset: number): Promise<Buffer> {
  let filled = 0;
  while (filled < into.length) {
    const { bytesRead } = await readAsync(fd, into, filled, into.length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return into.subarray(0, filled);
}

/** Takes a file's bytes in order, in pieces of even length but for the last. */
function indexBuilder(path: string): { add(chunk: Buffer): void; end(): LineIndex } {
  const markLines: number[] = [];
  const markOffsets: number[] = [];
  let encoding: TextEncoding | undefined;
  let offset = 0;
  let lineStart = 0;
  let newlines = 0;
  let openTail: Buffer = Buffer.alloc(0);

  function begin(chunk: Buffer): TextEncoding {
    const sniffed = sniff(chunk.subarray(0, headBytes), path);
    lineStart = sniffed.bom;
    markLines.push(1);
    markOffsets.push(lineStart);
    return sniffed.encoding;
  }

  /** False as soon as the bytes so far cannot be UTF-8. */
  function staysUtf8(chunk: Buffer): boolean {
    const bytes = openTail.length === 0 ? chunk : Buffer.concat([openTail, chunk]);
    const tail = openUtf8Tail(bytes);
    openTail = Buffer.from(bytes.subarray(bytes.length - tail));
    return isUtf8(bytes.subarray(0, bytes.length - tail));
  }

  return {
    add(chunk) {
      encoding ??= begin(chunk);
      if (encoding === "utf-8" && !staysUtf8(chunk)) encoding = "latin-1";
      let nextMark = nextMarkAfter();
      for (let at = offset === 0 ? lineStart : 0; ; ) {
        const end = lineEnd(chunk, at, encoding);
        if (end === -1) break;
        at = end;
        newlines++;
        lineStart = offset + end;
        if (newlines < nextMark.line && lineStart < nextMark.offset) continue;
        markLines.push(newlines + 1);
        markOffsets.push(lineStart);
        nextMark = nextMarkAfter();
      }
      offset += chunk.length;
    },
    end() {
      if (encoding === "utf-8" && openTail.length > 0) encoding = "latin-1";
      const rest = offset > lineStart ? 1 : 0;
      return { encoding: encoding ?? "utf-8", bytes: offset, lines: newlines + rest, markLines, markOffsets };
    },
  };

  function nextMarkAfter(): { line: number; offset: number } {
    return {
      line: (markLines.at(-1) ?? 1) - 1 + markEveryLines,
      offset: (markOffsets.at(-1) ?? 0) + markEveryBytes,
    };
  }
}
