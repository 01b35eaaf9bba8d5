import { Fault } from "../errs/errs.js";
import { sha256 } from "./facts.js";
import { nearestRegion } from "./nearest.js";
import { decodeText, parseText, splitLines } from "./text.js";

export interface Edit {
  readonly path: string;
  readonly oldText: string;
  readonly newText: string;
  /** How often `oldText` must be there; all of them are replaced. */
  readonly expectedCount: number;
}

export interface Edited {
  readonly bytes: Buffer;
  /** `line_endings`: LF in the arguments stood for the file's own line ends. */
  readonly matchedWith: "exact" | "line_endings";
  /** Lines on which the replaced texts began, from 1. */
  readonly lines: readonly number[];
  readonly additions: number;
  readonly removals: number;
}

const maxShown = 20;

/**
 * Replaces a text in a file by another; nothing else changes. Where the text does not occur byte for byte, LF in it
 * stands for any line end, and in the new text for the one that is there. Faults: PATCH_CONTEXT_NOT_FOUND,
 * PATCH_CONTEXT_AMBIGUOUS (another count than expected), PATCH_FAILED (no change), BINARY_FILE, UNSUPPORTED_ENCODING.
 */
export function editText(bytes: Buffer, edit: Edit): Edited {
  const { path, oldText, newText, expectedCount } = edit;
  if (oldText === "") throw new Fault("INVALID_ARGUMENT", "old_text is empty");
  if (/\p{Surrogate}/u.test(oldText + newText)) {
    throw new Fault("INVALID_ARGUMENT", "old_text or new_text is not well-formed Unicode");
  }
  if (oldText === newText)
    throw new Fault("PATCH_FAILED", "old_text and new_text are the same: nothing would change");
  const text = decodeText(bytes, path);
  let matchedWith: Edited["matchedWith"] = "exact";
  let spans = exactSpans(text, oldText);
  if (spans.length === 0 && /[\r\n]/.test(oldText)) {
    matchedWith = "line_endings";
    spans = looseSpans(text, oldText);
  }
  if (spans.length === 0) throw notFound(text, bytes, edit);
  const lines = lineNumbers(text, spans);
  const overlapping = spans.some(({ from }, i) => from < (spans[i - 1]?.to ?? 0));
  if (spans.length !== expectedCount || overlapping)
    throw wrongCount(spans.length, lines, edit, sha256(bytes));
  let result = "";
  let at = 0;
  for (const { from, to } of spans) {
    const fitting = matchedWith === "exact" ? newText : withLineEnds(newText, text.slice(from, to));
    result += text.slice(at, from) + fitting;
    at = to;
  }
  return {
    bytes: Buffer.from(result + text.slice(at)),
    matchedWith,
    lines,
    additions: linesIn(newText) * expectedCount,
    removals: linesIn(oldText) * expectedCount,
  };
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/** Every place, also those that overlap the one before: which of them is meant would be a guess. */
function exactSpans(text: string, wanted: string): Span[] {
  const spans: Span[] = [];
  for (let at = text.indexOf(wanted); at !== -1; at = text.indexOf(wanted, at + 1)) {
    spans.push({ from: at, to: at + wanted.length });
  }
  return spans;
}

function looseSpans(text: string, wanted: string): Span[] {
  const parts = wanted.split(/\r\n|\n|\r/).map((part) => part.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  // Looking ahead finds places that overlap, too.
  const pattern = new RegExp(`(?=(${parts.join("(?:\\r\\n|\\n|\\r)")}))`, "gu");
  return [...text.matchAll(pattern)].map((match) => ({
    from: match.index,
    to: match.index + (match[1]?.length ?? 0),
  }));
}

/** `text` with the line ends of `model`, one after the other; the last of them for all that follow. */
function withLineEnds(text: string, model: string): string {
  const ends = model.match(/\r\n|\n|\r/g) ?? ["\n"];
  let next = 0;
  return text.replace(/\r\n|\n|\r/g, () => ends[Math.min(next++, ends.length - 1)] ?? "\n");
}

/** The lines, from 1, on which the spans begin. */
function lineNumbers(text: string, spans: readonly Span[]): number[] {
  let line = 1;
  let at = 0;
  return spans.map(({ from }) => {
    line += splitLines(text.slice(at, from)).length - 1;
    at = from;
    return line;
  });
}

function linesIn(text: string): number {
  if (text === "") return 0;
  const { length } = splitLines(text);
  return /[\r\n]$/.test(text) ? length - 1 : length;
}

function wrongCount(
  count: number,
  lines: readonly number[],
  { path, expectedCount }: Edit,
  hash: string,
): Fault {
  const places = `${lines.slice(0, maxShown).join(", ")}${lines.length > maxShown ? ", ..." : ""}`;
  const wrong = count === expectedCount ? "overlapping itself" : `not ${expectedCount}`;
  return new Fault(
    "PATCH_CONTEXT_AMBIGUOUS",
    `old_text occurs ${count} times in ${JSON.stringify(path)}, ${wrong}: lines ${places}`,
    {
      hint:
        count < expectedCount
          ? "read the file again and set expected_count"
          : "add lines around it to old_text until it is unique, or set expected_count to replace all",
      details: {
        path,
        match_count: count,
        expected_count: expectedCount,
        lines: lines.slice(0, maxShown),
        sha256: hash,
      },
    },
  );
}

function notFound(text: string, bytes: Buffer, { path, oldText, newText, expectedCount }: Edit): Fault {
  const { lines } = parseText(text);
  const applied = newText.trim() !== "" && exactSpans(text, newText).length === expectedCount;
  const region = nearestRegion(
    lines,
    splitLines(oldText).map((line) => line.text),
  );
  const start = region?.start ?? 1;
  const end = Math.min(region?.end ?? 0, start + maxShown - 1);
  const nearest = {
    start_line: start,
    end_line: end,
    text: lines
      .slice(start - 1, end)
      .map((line) => line.text.slice(0, 200))
      .join("\n"),
  };
  const range = region && { start_line: start, end_line: end };
  const hint = applied
    ? "new_text is there: the edit may be applied already; read the file to make sure"
    : region === undefined
      ? "nothing in the file is like it; read it again"
      : `copy the text as it is, white space included; the nearest are lines ${start}-${end}:\n${nearest.text}`;
  return new Fault("PATCH_CONTEXT_NOT_FOUND", `old_text does not occur in ${JSON.stringify(path)}`, {
    hint,
    details: {
      path,
      match_count: 0,
      sha256: sha256(bytes),
      already_applied: applied,
      ...(region && { nearest }),
      next_action: { tool: "read_file", arguments: { path, ...range } },
    },
  });
}
