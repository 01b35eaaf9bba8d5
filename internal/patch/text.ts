import { Fault } from "../errs/errs.js";

/** How a line ends; "" only for the last one. */
export type Eol = "\n" | "\r\n" | "\r" | "";

export interface Line {
  readonly text: string;
  readonly eol: Eol;
}

/** A text file taken apart so that putting it together gives the same bytes. */
export interface TextFile {
  /** The byte order mark, or "". */
  readonly bom: string;
  /** At least one; when the file ends in a line end, the last one is empty. */
  readonly lines: readonly Line[];
}

/** Bytes from the start in which a NUL means that the file is not text. */
const headBytes = 4096;

/** Decodes a file's bytes without loss. Faults: BINARY_FILE, UNSUPPORTED_ENCODING (anything but UTF-8). */
export function decodeText(bytes: Uint8Array, path: string): string {
  if (bytes.subarray(0, headBytes).includes(0)) {
    throw new Fault("BINARY_FILE", `${JSON.stringify(path)} is not UTF-8 text and cannot be edited as text`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Fault("UNSUPPORTED_ENCODING", `${JSON.stringify(path)} is not valid UTF-8`, {
      hint: "only UTF-8 text can be edited; convert the file first",
    });
  }
}

/** Splits at LF, CRLF and lone CR only; form feed, U+2028 and the like are ordinary characters. */
export function parseText(text: string): TextFile {
  const bom = text.startsWith("\ufeff") ? "\ufeff" : "";
  return { bom, lines: splitLines(text.slice(bom.length)) };
}

export function splitLines(text: string): Line[] {
  const lines: Line[] = [];
  let start = 0;
  for (const match of text.matchAll(/\r\n|\n|\r/g)) {
    lines.push({ text: text.slice(start, match.index), eol: match[0] as Eol });
    start = match.index + match[0].length;
  }
  lines.push({ text: text.slice(start), eol: "" });
  return lines;
}

export function joinText({ bom, lines }: TextFile): string {
  return bom + lines.map(({ text, eol }) => text + eol).join("");
}

/** The line end a file uses: that of its first line. */
export function usualEol(lines: readonly Line[]): Eol {
  return lines[0]?.eol || "\n";
}
