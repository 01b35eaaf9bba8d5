import type { RgLine } from "./rg-events.js";

/** A line as it is shown. */
export interface Preview {
  readonly text: string;
  /** The line goes on before or after it. */
  readonly cut: boolean;
  /** Where the match begins: characters (Unicode code points) from 1. */
  readonly column: number;
}

/** No line is shown at greater length, in characters. */
const maxCharacters = 500;

/**
 * Cuts a line to 500 characters and `maxBytes` bytes of UTF-8, around its match when the beginning would not show it.
 */
export function previewOf({ bytes, text, start, end }: RgLine, maxBytes: number): Preview {
  // Match positions count bytes; as many characters as bytes means that each is one.
  const at = (position: number): number =>
    text.length === bytes.length ? position : bytes.toString("utf8", 0, position).length;
  const line = withoutEnd(text);
  const from = at(start);
  const column = from - pairsIn(line, from) + 1;
  if (line.length <= maxCharacters && Buffer.byteLength(line) <= maxBytes)
    return { text: line, cut: false, column };
  const whole = head(line, maxBytes);
  if (at(end) <= whole.length) return { text: whole, cut: whole.length < line.length, column };
  // A quarter of what fits stands before the match.
  const lead = tail(line.slice(0, from), Math.floor(maxBytes / 4));
  return { text: head(line.slice(from - lead.length), maxBytes), cut: true, column };
}

function withoutEnd(text: string): string {
  if (!text.endsWith("\n")) return text;
  return text.slice(0, text.endsWith("\r\n") ? -2 : -1);
}

/** The longest beginning of `text` that fits. */
function head(text: string, maxBytes: number): string {
  let end = 0;
  let left = maxBytes;
  for (let characters = 0; characters < maxCharacters && end < text.length; characters++) {
    const code = text.codePointAt(end) as number;
    left -= bytesOf(code);
    if (left < 0) break;
    end += code > 0xffff ? 2 : 1;
  }
  return text.slice(0, end);
}

/** The last characters of `text`, at most `maxBytes` bytes and a quarter of the characters that are shown. */
function tail(text: string, maxBytes: number): string {
  const characters = [...text.slice(-maxCharacters)].slice(-maxCharacters / 4);
  // A pair cut in two by the slice before.
  if (/^[\udc00-\udfff]/.test(characters[0] ?? "")) characters.shift();
  let left = maxBytes - Buffer.byteLength(characters.join(""));
  while (left < 0) left += Buffer.byteLength(characters.shift() as string);
  return characters.join("");
}

function bytesOf(code: number): number {
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

/** How many characters before `end` take two units. */
function pairsIn(text: string, end: number): number {
  let count = 0;
  for (let at = 0; at < end; at++) {
    if ((text.charCodeAt(at) & 0xfc00) === 0xd800) count++;
  }
  return count;
}
