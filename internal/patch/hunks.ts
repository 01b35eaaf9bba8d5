import { Fault } from "../errs/errs.js";
import { type Found, grades, haystack, locate, type MatchedWith, type Miss } from "./match.js";
import type { Hunk, HunkLine } from "./parse.js";
import { type Eol, joinText, type Line, parseText, usualEol } from "./text.js";

/** A hunk that found no place, or no single one. */
export interface HunkMiss {
  readonly hunkIndex: number;
  readonly miss: Miss;
}

export interface Applied {
  readonly text: string;
  /** The loosest way a hunk was found. */
  readonly matchedWith: MatchedWith;
  readonly additions: number;
  readonly removals: number;
  /** What the caller should know: hunks that were not found exactly, anchors that are not there. */
  readonly notes: readonly string[];
}

/** Lines `at` to before `at + removed` of the file are replaced by `lines`. */
interface Edit {
  readonly hunk: number;
  readonly at: number;
  readonly removed: number;
  readonly lines: readonly HunkLine[];
}

/**
 * Applies hunks to a file's text; each is looked for in the text as it was before. Every byte outside the changed
 * lines stays, a changed line keeps the line end of the line it replaces, and a new one takes its neighbour's.
 * Fault: PATCH_HUNKS_OVERLAP.
 */
export function applyHunks(text: string, hunks: readonly Hunk[], path: string): Applied | HunkMiss {
  const { bom, lines } = parseText(text);
  const file = haystack(lines);
  const found: Found[] = [];
  for (const [hunkIndex, hunk] of hunks.entries()) {
    const place = locate(file, hunk);
    if ("kind" in place) return { hunkIndex, miss: place };
    found.push(place);
  }
  const edits = hunks.flatMap((hunk, i) => editsOf(hunk, found[i] as Found, i));
  refuseOverlap(hunks, found, edits, path);
  const changed = hunks.flatMap((hunk) => hunk.lines);
  return {
    text: joinText({ bom, lines: edited(lines, edits) }),
    matchedWith: loosest(found.map(({ matchedWith }) => matchedWith)),
    additions: changed.filter(({ op }) => op === "+").length,
    removals: changed.filter(({ op }) => op === "-").length,
    notes: found.flatMap((place, i) => notesOn(place, i, path)),
  };
}

function loosest(ways: readonly MatchedWith[]): MatchedWith {
  return grades[Math.max(0, ...ways.map((way) => grades.indexOf(way)))] ?? "exact";
}

function notesOn({ at, matchedWith, ignoredAnchor }: Found, index: number, path: string): string[] {
  const where = `hunk ${index + 1} of ${JSON.stringify(path)}`;
  const line = `line ${at + 1}`;
  if (ignoredAnchor !== undefined) {
    return [
      `${where}: its anchor ${JSON.stringify(ignoredAnchor)} is not in the file; its lines are only at ${line}`,
    ];
  }
  if (matchedWith === "trailing_whitespace")
    return [`${where} matched at ${line} but for trailing white space`];
  if (matchedWith === "indentation") {
    return [`${where} matched at ${line} but for indentation; added lines were indented as the file is`];
  }
  return [];
}

function editsOf({ lines }: Hunk, { at, length, reindent }: Found, hunk: number): Edit[] {
  const edits: Edit[] = [];
  let position = at;
  let start = at;
  let added: HunkLine[] = [];
  const flush = (): void => {
    if (position > start || added.length > 0)
      edits.push({ hunk, at: start, removed: position - start, lines: added });
    added = [];
  };
  for (const line of lines) {
    if (line.op === "+") {
      added.push(reindent === undefined ? line : { ...line, text: reindent(line.text) ?? line.text });
      continue;
    }
    // Blank lines at the hunk's end that were no context after all.
    if (position === at + length) break;
    if (line.op === " ") {
      flush();
      start = position + 1;
    }
    position++;
  }
  flush();
  return edits;
}

/** Hunks may share context lines, but none may remove what another one needs. */
function refuseOverlap(
  hunks: readonly Hunk[],
  found: readonly Found[],
  edits: readonly Edit[],
  path: string,
): void {
  const usedBy = new Map<number, Set<number>>();
  for (const [hunk, { at, length }] of found.entries()) {
    for (let i = at; i < at + length; i++) usedBy.set(i, (usedBy.get(i) ?? new Set()).add(hunk));
  }
  for (const { hunk, at, removed } of edits) {
    for (let i = at; i < at + removed; i++) {
      const other = [...(usedBy.get(i) ?? [])].find((one) => one !== hunk);
      if (other === undefined) continue;
      const [a, b] = [Math.min(hunk, other), Math.max(hunk, other)];
      throw new Fault(
        "PATCH_HUNKS_OVERLAP",
        `hunks ${a + 1} and ${b + 1} of ${hunks.length} for ${JSON.stringify(path)} both cover line ${i + 1}`,
        { hint: "make them one hunk", details: { path, hunk_index: b, line: i + 1 } },
      );
    }
  }
}

function edited(lines: readonly Line[], edits: readonly Edit[]): Line[] {
  const usual = usualEol(lines);
  const result: Line[] = [];
  let next = 0;
  for (const { at, removed, lines: added } of edits.toSorted((a, b) => a.at - b.at || a.hunk - b.hunk)) {
    for (; next < at; next++) result.push(lines[next] as Line);
    const before = lines[at + removed - 1]?.eol || lines[at - 1]?.eol || lines[at + removed]?.eol || usual;
    for (const [i, { text, eol }] of added.entries()) {
      const replaced = i < removed ? lines[at + i]?.eol : undefined;
      result.push({ text, eol: eol ?? (replaced || before) });
    }
    next = at + removed;
  }
  for (; next < lines.length; next++) result.push(lines[next] as Line);
  return result.map(({ text, eol }, i) => ({ text, eol: endOf(eol, i === result.length - 1, usual) }));
}

/** Only the last line has no line end; which one that is may have changed. */
function endOf(eol: Eol, isLast: boolean, usual: Eol): Eol {
  return isLast ? "" : eol || usual;
}
