import type { Line } from "./text.js";

/** Lines from `start`, counted from 1, to `end` inclusive. */
export interface Region {
  readonly start: number;
  readonly end: number;
  /** How many of the wanted lines stand there, white space at both ends aside. */
  readonly equal: number;
}

/** A text that occurs in more lines than this says nothing about the place. */
const tooCommon = 50;
/** Files above this many lines are not searched for a line that is only similar. */
const maxSimilarLines = 50_000;

/**
 * The region a hunk most likely means, for the report of a failure only: where most of its lines stand at their
 * distance from each other, else around the line that shares most words with one of them. Undefined when nothing fits.
 */
export function nearestRegion(lines: readonly Line[], wanted: readonly string[]): Region | undefined {
  const start = mostEqual(lines, wanted) ?? mostSimilar(lines, wanted);
  if (start === undefined) return undefined;
  const from = Math.max(0, start.at);
  const to = Math.min(lines.length, start.at + wanted.length);
  if (to <= from) return undefined;
  return { start: from + 1, end: to, equal: start.equal };
}

function mostEqual(
  lines: readonly Line[],
  wanted: readonly string[],
): { at: number; equal: number } | undefined {
  const places = new Map<string, number[]>();
  const keys = new Set(wanted.map((text) => text.trim()).filter(saysSomething));
  for (const [i, { text }] of lines.entries()) {
    const key = text.trim();
    if (keys.has(key)) places.set(key, [...(places.get(key) ?? []).slice(0, tooCommon), i]);
  }
  const votes = new Map<number, number>();
  for (const [i, text] of wanted.entries()) {
    const found = places.get(text.trim()) ?? [];
    if (found.length > tooCommon) continue;
    for (const place of found) votes.set(place - i, (votes.get(place - i) ?? 0) + 1);
  }
  let best: { at: number; equal: number } | undefined;
  for (const [at, equal] of votes) if (equal > (best?.equal ?? 0)) best = { at, equal };
  return best;
}

/** A lone bracket is everywhere. */
function saysSomething(key: string): boolean {
  return /[\p{L}\p{N}]/u.test(key);
}

function mostSimilar(
  lines: readonly Line[],
  wanted: readonly string[],
): { at: number; equal: number } | undefined {
  if (lines.length > maxSimilarLines) return undefined;
  const longest = wanted.reduce((a, b) => (b.trim().length > a.trim().length ? b : a), "");
  const words = new Set(wordsOf(longest));
  if (words.size === 0) return undefined;
  let best = { at: -1, share: 0 };
  for (const [at, { text }] of lines.entries()) {
    const own = new Set(wordsOf(text));
    const common = [...own].filter((word) => words.has(word)).length;
    const share = (2 * common) / (words.size + own.size);
    if (share > best.share) best = { at, share };
  }
  return best.share >= 0.5 ? { at: best.at - wanted.indexOf(longest), equal: 0 } : undefined;
}

function wordsOf(text: string): string[] {
  return text.match(/[\p{L}\p{N}_]+/gu) ?? [];
}
