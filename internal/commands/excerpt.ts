import type { OutputRing } from "./ring.js";
import { leftover, wholeCharacters } from "./utf8.js";

/** A stretch of one stream as text: its beginning and its end when all of it does not fit. */
export interface Excerpt {
  readonly text: string;
  /** `limit`: kept bytes were left out, `retention`: bytes are gone, null: all of it is here. */
  readonly cutBy: "limit" | "retention" | null;
  readonly lines: number;
  /** Bytes shown; kept but not shown; gone. */
  readonly bytes: number;
  readonly omitted: number;
  readonly dropped: number;
  /** Offset of the first byte left out that can still be read; undefined when there is none. */
  readonly resumeAt: number | undefined;
  /** Where the stretch ends: before a character that is still incomplete. */
  readonly end: number;
}

export interface Stretch {
  readonly from: number;
  /** Most bytes of output to show. */
  readonly limit: number;
  /** Nothing more will come, so an incomplete character at the end is shown as it is. */
  readonly ended: boolean;
}

/** What `ring` holds from `from` on, to show at once. Bytes that are not UTF-8 show as U+FFFD. */
export function excerpt(ring: OutputRing, { from, limit, ended }: Stretch): Excerpt {
  const end = ended ? ring.total : endOfCharacters(ring, from);
  const gapStart = Math.max(ring.headEnd, from);
  const gap = Math.max(0, Math.min(ring.tailStart, end) - gapStart);
  if (gap === 0 && end - from <= limit) {
    const { bytes } = ring.read(from, end - from);
    return { ...shown(bytes), omitted: 0, dropped: 0, cutBy: null, resumeAt: undefined, end };
  }
  const inGap = gap > 0 && from >= ring.headEnd;
  const head = inGap ? Buffer.alloc(0) : wholePart(ring.read(from, Math.min(limit >> 2, end - from)).bytes);
  const headStop = from + head.length;
  const wanted = Math.max(headStop, end - (limit - head.length));
  const tailStart = gap > 0 ? Math.max(wanted, ring.tailStart) : wanted;
  const uncut = ring.read(tailStart, end - tailStart).bytes;
  const tail = uncut.subarray(leftover(uncut));
  const missing = end - from - head.length - tail.length;
  // The rest of a character whose beginning is gone is as good as gone.
  const dropped = gap + (gap > 0 && tailStart === ring.tailStart ? uncut.length - tail.length : 0);
  const omitted = missing - dropped;
  const resumeAt = gap > 0 && headStop >= gapStart ? ring.tailStart : headStop;
  return {
    ...shown(head, `\n[... ${missing} bytes not shown ...]\n`, tail),
    omitted,
    dropped,
    cutBy: omitted > 0 ? "limit" : "retention",
    resumeAt: omitted > 0 ? resumeAt : undefined,
    end,
  };
}

/** Where the last whole character ends. */
function endOfCharacters(ring: OutputRing, from: number): number {
  const afterGap = ring.headEnd < ring.tailStart ? ring.tailStart : 0;
  const { from: start, bytes } = ring.read(Math.max(from, ring.total - 4, afterGap), 4);
  return start + wholeCharacters(bytes);
}

function wholePart(bytes: Buffer): Buffer {
  return bytes.subarray(0, wholeCharacters(bytes));
}

function shown(...parts: readonly (Buffer | string)[]): { text: string; lines: number; bytes: number } {
  const text = parts.map(String).join("");
  const bytes = parts.reduce((sum, part) => sum + (typeof part === "string" ? 0 : part.length), 0);
  return { text, lines: countLines(text), bytes };
}

/** Lines of `text`; a last one without its end counts. */
function countLines(text: string): number {
  let lines = text === "" || text.endsWith("\n") ? 0 : 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines++;
  return lines;
}

/** One page of a stream, for reading it from end to end. */
export interface Page {
  readonly content: string;
  /** Where it begins: the offset asked for, or the end of the gap it fell into. */
  readonly offset: number;
  readonly nextOffset: number;
}

/**
 * The bytes from `from` on. Pages end between characters (one that does not fit is given whole), so the texts of
 * successive pages make the text of the stream. While the stream runs an incomplete character is held back.
 */
export function page(ring: OutputRing, { from, limit, ended }: Stretch): Page {
  const start = Math.min(from, ring.total);
  // More than the limit, to tell what fits from what goes on.
  const read = ring.read(start, limit + 8);
  // Bytes at the end of the gap may be the rest of a character that is gone.
  const skip = read.from > start ? leftover(read.bytes) : 0;
  const bytes = read.bytes.subarray(skip);
  const offset = read.from + skip;
  const size = pageSize(bytes, limit, ended || offset + bytes.length < ring.total);
  return { content: bytes.toString("utf8", 0, size), offset, nextOffset: offset + size };
}

/** Bytes of the page. `final`: should `bytes` fit, nothing continues them. */
function pageSize(bytes: Buffer, limit: number, final: boolean): number {
  if (bytes.length <= limit) return final ? bytes.length : wholeCharacters(bytes);
  const sizes = [limit, 2, 3, 4].map((length) => wholeCharacters(bytes.subarray(0, length)));
  return sizes.find((size) => size > 0) ?? bytes.length;
}
