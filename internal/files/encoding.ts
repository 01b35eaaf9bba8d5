import { Fault } from "../errs/errs.js";

/** How a text file is encoded. `latin-1` is ISO 8859-1, byte by byte, so nothing is lost. */
export type TextEncoding = "utf-8" | "utf-16le" | "utf-16be" | "latin-1";

export interface Sniffed {
  readonly encoding: TextEncoding;
  /** Bytes of the byte order mark, which is no part of the text. */
  readonly bom: number;
}

/** Bytes from a file's start that decide whether it is binary. */
export const headBytes = 4096;

/**
 * Tells text from binary by the first `headBytes` of a file. UTF-8 is assumed here and must still be validated; UTF-16
 * is known by its mark or by the NUL in every other byte. Faults: BINARY_FILE, UNSUPPORTED_ENCODING (UTF-32).
 */
export function sniff(head: Buffer, path: string): Sniffed {
  const mark = head.toString("hex", 0, 4);
  if (mark === "fffe0000" || mark === "0000feff") {
    throw new Fault("UNSUPPORTED_ENCODING", `${JSON.stringify(path)} is UTF-32 text`, {
      hint: "convert it to UTF-8 to read it",
    });
  }
  if (mark.startsWith("fffe")) return { encoding: "utf-16le", bom: 2 };
  if (mark.startsWith("feff")) return { encoding: "utf-16be", bom: 2 };
  if (!head.includes(0)) return { encoding: "utf-8", bom: mark.startsWith("efbbbf") ? 3 : 0 };
  if (looksLikeUtf16(head, 1)) return { encoding: "utf-16le", bom: 0 };
  if (looksLikeUtf16(head, 0)) return { encoding: "utf-16be", bom: 0 };
  throw new Fault("BINARY_FILE", `${JSON.stringify(path)} is a binary file`, {
    hint: "read_file reads text only; view_image shows PNG, JPEG, GIF and WebP images",
  });
}

/**
 * Mostly Latin text in UTF-16 has NUL in most high bytes (at `high`, 0 or 1, of each pair) and only printable
 * characters and white space in the low bytes beside them. Numbers in 16 bits have control characters there.
 */
function looksLikeUtf16(head: Buffer, high: 0 | 1): boolean {
  const pairs = head.length >> 1;
  let zeros = 0;
  for (let i = 0; i < pairs * 2; i += 2) {
    if (head[i + high] !== 0) continue;
    const low = head[i + 1 - high] ?? 0;
    if (low < 0x20 && low !== 0x09 && low !== 0x0a && low !== 0x0d && low !== 0x0c) return false;
    zeros++;
  }
  return pairs >= 2 && zeros * 2 > pairs;
}

/** Bytes of one code unit. */
export function unitBytes(encoding: TextEncoding): 1 | 2 {
  return encoding === "utf-16le" || encoding === "utf-16be" ? 2 : 1;
}

/** Decodes whole characters; what is malformed becomes U+FFFD. */
export function decode(bytes: Buffer, encoding: TextEncoding): string {
  if (encoding === "utf-8") return bytes.toString("utf8");
  if (encoding === "latin-1") return bytes.toString("latin1");
  return new TextDecoder(encoding, { ignoreBOM: true }).decode(bytes);
}

/**
 * Where the line that holds byte `from` ends: the index behind its LF, or -1 when `bytes` holds none. For UTF-16,
 * `bytes` starts at a code unit and `from` is even.
 */
export function lineEnd(bytes: Buffer, from: number, encoding: TextEncoding): number {
  if (unitBytes(encoding) === 1) return bytes.indexOf(0x0a, from) + 1 || -1;
  const low = encoding === "utf-16le" ? 0 : 1;
  for (let at = bytes.indexOf(0x0a, from); at !== -1; at = bytes.indexOf(0x0a, at + 1)) {
    const start = at - (at % 2);
    if (at % 2 === low && bytes[start + 1 - low] === 0) return start + 2;
  }
  return -1;
}

/** How many bytes at the end of `bytes` begin a UTF-8 character that is not complete there: 0 to 3. */
export function openUtf8Tail(bytes: Buffer): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte < 0xc0) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length > back ? back : 0;
  }
  return 0;
}

/** The longest beginning of `text` that takes at most `maxBytes` in UTF-8, whole characters only. */
export function cutUtf8(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  const kept = bytes.subarray(0, maxBytes);
  return kept.toString("utf8", 0, kept.length - openUtf8Tail(kept));
}
