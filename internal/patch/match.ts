import { anchoredSpans, type Span } from "./anchor.js";
import { type Reindent, reindentRule } from "./indent.js";
import type { Hunk } from "./parse.js";
import type { Line } from "./text.js";

/** How the lines of a hunk were found in the file, from the strictest to the loosest. */
export const grades = ["exact", "anchor", "end_of_file", "trailing_whitespace", "indentation"] as const;
export type MatchedWith = (typeof grades)[number];

export interface Found {
  readonly at: number;
  /** Lines of the hunk's old side that are there; less than all when space at its end belonged to no context. */
  readonly length: number;
  readonly matchedWith: MatchedWith;
  readonly reindent: Reindent | undefined;
  /** Set when an anchor is nowhere in the file and the lines were unique without it. */
  readonly ignoredAnchor: string | undefined;
}

export type Miss =
  | { readonly kind: "none"; readonly anchor: string | undefined; readonly elsewhere: readonly number[] }
  | { readonly kind: "several"; readonly at: readonly number[]; readonly length: number };

/** The lines a hunk expects in the file: context and what it removes. */
export function oldSide(hunk: Hunk): string[] {
  return hunk.lines.filter(({ op }) => op !== "+").map(({ text }) => text);
}

const whitespaceGrades = [
  { grade: "exact", key: (text: string) => text },
  { grade: "trailing_whitespace", key: (text: string) => text.trimEnd() },
  { grade: "indentation", key: (text: string) => text.trim() },
] as const;

/** A file's lines, in the forms they are compared in; each form is made when it is first needed. */
export interface Haystack {
  readonly lines: readonly Line[];
  keys(grade: number): readonly string[];
}

export function haystack(lines: readonly Line[]): Haystack {
  const made: string[][] = [];
  return {
    lines,
    keys(grade) {
      made[grade] ??= lines.map(({ text }) => whitespaceGrades[grade]?.key(text) ?? text);
      return made[grade];
    },
  };
}

/**
 * Finds the one place a hunk means. The strictest grade at which its lines are anywhere decides; there they must be
 * in one place only, within what the anchors and `*** End of File` leave. Nothing is ever chosen by similarity.
 */
export function locate(file: Haystack, hunk: Hunk): Found | Miss {
  const old = oldSide(hunk);
  const withoutTail = hunk.blankTail > 0 ? old.slice(0, -hunk.blankTail) : old;
  if (withoutTail.length === 0) return placeInsert(file, hunk);
  const variants = hunk.blankTail > 0 ? [old, withoutTail] : [old];
  const spans = anchoredSpans(file.lines, hunk.anchors);
  const elsewhere: number[] = [];
  for (const [index, { grade }] of whitespaceGrades.entries()) {
    for (const wanted of variants) {
      const all = positions(file, wanted, index).filter(
        (at) => !hunk.endOfFile || isAtEnd(file, at + wanted.length),
      );
      const fits = all.flatMap((at) => {
        const reindent = grade === "indentation" ? reindentAt(file, wanted, at) : undefined;
        return grade === "indentation" && !canReindent(hunk, reindent) ? [] : [{ at, reindent }];
      });
      const found = (
        match: { at: number; reindent: Reindent | undefined },
        ignoredAnchor?: string,
      ): Found => {
        return { ...match, length: wanted.length, matchedWith: grade, ignoredAnchor };
      };
      if (spans.missing !== undefined) {
        const [only, ...more] = fits;
        if (only !== undefined && more.length === 0 && grade === "exact") return found(only, spans.missing);
        elsewhere.push(...fits.map(({ at }) => at));
        continue;
      }
      // The anchor's own block first: a text may well occur again below it.
      for (const tier of [spans.blocks, spans.below]) {
        const inside = fits.filter(({ at }) => tier.some((span) => at >= span.from && at < span.to));
        const [only] = inside;
        if (only !== undefined && inside.length === 1) return found(only);
        if (inside.length > 1) {
          return { kind: "several", at: inside.map(({ at }) => at), length: wanted.length };
        }
      }
      elsewhere.push(...fits.map(({ at }) => at));
    }
  }
  return { kind: "none", anchor: spans.missing ?? hunk.anchors.at(-1), elsewhere };
}

/** Where a hunk without old lines goes: below its anchor, else at the end of the file, before its last line end. */
function placeInsert({ lines }: Haystack, { anchors, endOfFile }: Hunk): Found | Miss {
  const common = { length: 0, reindent: undefined, ignoredAnchor: undefined } as const;
  if (anchors.length === 0 || endOfFile) {
    return { at: endOfLines(lines), matchedWith: "end_of_file", ...common };
  }
  const { missing, blocks, below } = anchoredSpans(lines, anchors);
  if (missing !== undefined) return { kind: "none", anchor: missing, elsewhere: [] };
  const spans = blocks.length > 0 ? blocks : below;
  const at = [...new Set(spans.map(({ from }: Span) => from))];
  const [only] = at;
  if (only === undefined || at.length > 1) return { kind: "several", at, length: 1 };
  return { at: only + 1, matchedWith: "anchor", ...common };
}

/** The number of lines, not counting the empty one behind the last line end. */
function endOfLines(lines: readonly Line[]): number {
  return lines.at(-1)?.text === "" ? lines.length - 1 : lines.length;
}

function isAtEnd({ lines }: Haystack, end: number): boolean {
  return end === lines.length || end === endOfLines(lines);
}

function positions(file: Haystack, wanted: readonly string[], grade: number): number[] {
  const keys = file.keys(grade);
  const key = whitespaceGrades[grade]?.key ?? String;
  const parts = wanted.map(key);
  const [first] = parts;
  const found: number[] = [];
  if (first === undefined || (grade > 0 && parts.every((part) => part === ""))) return found;
  for (let at = keys.indexOf(first); at !== -1; at = keys.indexOf(first, at + 1)) {
    if (parts.every((part, i) => keys[at + i] === part)) found.push(at);
  }
  return found;
}

function reindentAt({ lines }: Haystack, wanted: readonly string[], at: number): Reindent | undefined {
  return reindentRule(wanted.map((patch, i) => ({ patch, file: lines[at + i]?.text ?? "" })));
}

function canReindent(hunk: Hunk, reindent: Reindent | undefined): boolean {
  if (reindent === undefined) return false;
  return hunk.lines.every(({ op, text }) => op !== "+" || reindent(text) !== undefined);
}
