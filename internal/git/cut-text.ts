/** The part of a text that a limit left. */
export interface CutText {
  readonly text: string;
  readonly lines: number;
  readonly bytes: number;
  readonly cutBy: "lines" | "bytes" | undefined;
}

/** No answer has more lines. */
const maxLines = 2000;

const newline = 10;

/**
 * The first whole lines of `bytes`, as far as the limits allow; of a first line longer than that, its beginning. `cut`
 * says that `bytes` is itself not all there was.
 */
export function cutText(bytes: Buffer, { maxBytes, cut }: { maxBytes: number; cut: boolean }): CutText {
  let end = 0;
  let lines = 0;
  while (end < bytes.length && lines < maxLines) {
    const at = bytes.indexOf(newline, end);
    const next = at === -1 ? bytes.length : at + 1;
    if (next > maxBytes || (at === -1 && cut)) break;
    end = next;
    lines += 1;
  }
  if (lines === 0 && bytes.length > 0) {
    end = characterBoundary(bytes, Math.min(maxBytes, bytes.length));
    lines = 1;
  }
  const text = bytes.toString("utf8", 0, end);
  const isWhole = end === bytes.length && !cut;
  return {
    text,
    lines,
    bytes: Buffer.byteLength(text),
    cutBy: isWhole ? undefined : lines === maxLines ? "lines" : "bytes",
  };
}

/** The last position up to `end` that splits no UTF-8 character. */
function characterBoundary(bytes: Buffer, end: number): number {
  let at = end;
  while (at > 0 && at > end - 4 && ((bytes[at] ?? 0) & 0xc0) === 0x80) at -= 1;
  return at;
}
