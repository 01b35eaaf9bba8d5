import type { Line } from "./text.js";

/** Lines from `from`, which holds the anchor, to before `to`. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface AnchoredSpans {
  /** The first anchor that is nowhere in what the ones before it leave. */
  readonly missing: string | undefined;
  /** The blocks that the anchor lines open, told by indentation. */
  readonly blocks: readonly Span[];
  /** All that lies below the anchor lines. */
  readonly below: readonly Span[];
}

/** Where a hunk with these anchors may apply; without anchors, in the whole file. */
export function anchoredSpans(lines: readonly Line[], anchors: readonly string[]): AnchoredSpans {
  const whole: readonly Span[] = [{ from: 0, to: lines.length }];
  let blocks = whole;
  let below = whole;
  for (const anchor of anchors) {
    const inBlocks = occurrences(lines, anchor, blocks);
    const inBelow = occurrences(lines, anchor, below);
    if (inBelow.length === 0) return { missing: anchor, blocks: [], below: [] };
    blocks = inBlocks.map(({ at, to }) => ({ from: at, to: Math.min(to, blockEnd(lines, at)) }));
    below = inBelow.map(({ at, to }) => ({ from: at, to }));
  }
  return { missing: undefined, blocks, below };
}

/** From the strictest reading of an anchor to the loosest; the first one that occurs counts. */
const readings: readonly ((line: string, anchor: string) => boolean)[] = [
  (line, anchor) => line === anchor,
  (line, anchor) => line.trim() === anchor.trim(),
  (line, anchor) => line.includes(anchor.trim()),
];

function occurrences(
  lines: readonly Line[],
  anchor: string,
  spans: readonly Span[],
): { at: number; to: number }[] {
  for (const reading of readings) {
    const found = new Map<number, number>();
    for (const { from, to } of spans) {
      for (let at = from; at < to; at++) {
        if (reading(lines[at]?.text ?? "", anchor)) found.set(at, Math.max(to, found.get(at) ?? 0));
      }
    }
    if (found.size > 0) return [...found].map(([at, to]) => ({ at, to }));
  }
  return [];
}

/**
 * The block that line `at` opens ends at the next line indented no deeper, other than lines of brackets, which may
 * open or close the block itself.
 */
function blockEnd(lines: readonly Line[], at: number): number {
  const own = indentation(lines[at]?.text ?? "");
  for (let i = at + 1; i < lines.length; i++) {
    const text = lines[i]?.text ?? "";
    if (/^[\s{}()[\];,]*$/.test(text)) continue;
    if (indentation(text) <= own) return i;
  }
  return lines.length;
}

function indentation(text: string): number {
  return text.length - text.trimStart().length;
}
