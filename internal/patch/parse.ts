import { Fault } from "../errs/errs.js";
import { type Eol, splitLines } from "./text.js";

export interface HunkLine {
  readonly op: " " | "-" | "+";
  readonly text: string;
  /** A line end the patch itself spells out; undefined: whatever fits the file. */
  readonly eol: Eol | undefined;
}

export interface Hunk {
  /** Texts behind `@@`, outermost first: lines of the file below which the hunk applies. */
  readonly anchors: readonly string[];
  readonly lines: readonly HunkLine[];
  /** The hunk is at the end of the file (`*** End of File`). */
  readonly endOfFile: boolean;
  /** How many lines at the end of `lines` are empty without a prefix: blank context, or only space before the next header. */
  readonly blankTail: number;
  /** Lines of the patch that hold the hunk's body, from 0, end exclusive. */
  readonly from: number;
  readonly to: number;
}

export type Operation =
  | { readonly kind: "add"; readonly path: string; readonly content: string }
  | { readonly kind: "delete"; readonly path: string }
  | {
      readonly kind: "update";
      readonly path: string;
      readonly moveTo: string | undefined;
      readonly hunks: readonly Hunk[];
    };

export interface Patch {
  readonly operations: readonly Operation[];
  /** The patch text by lines. */
  readonly lines: readonly string[];
}

const header = /^\*\*\* (Add File|Delete File|Update File):(.*)$/;
const moveHeader = /^\*\*\* Move to:(.*)$/;
const endOfFile = "*** End of File";
const endOfPatch = "*** End Patch";
const example =
  "start with *** Begin Patch, then *** Update File: path, then @@ and lines that start with a space, - or +";

/**
 * Reads a patch in the envelope format (`*** Begin Patch` ... `*** End Patch`).
 * Faults: PATCH_FAILED naming the line, INVALID_ARGUMENT (text that is not well-formed Unicode).
 */
export function parsePatch(text: string): Patch {
  // Each lone surrogate would be written as U+FFFD.
  if (/\p{Surrogate}/u.test(text)) {
    throw new Fault("INVALID_ARGUMENT", "the patch is not well-formed Unicode");
  }
  const lines = patchLines(text);
  const first = lines.findIndex((line) => line.trim() !== "");
  const last = lines.findLastIndex((line) => line.trim() !== "");
  if (lines[first]?.trim() !== "*** Begin Patch") {
    throw new Fault("PATCH_FAILED", "the patch does not start with *** Begin Patch", { hint: example });
  }
  if (last === first || lines[last]?.trim() !== endOfPatch) {
    throw new Fault("PATCH_FAILED", "the patch does not end with *** End Patch", { hint: example });
  }
  const operations: Operation[] = [];
  let at = first + 1;
  while (at < last) {
    const line = lines[at] ?? "";
    const match = header.exec(line);
    if (match === null) {
      if (line.trim() !== "")
        throw bad(at, `expected *** Add File, *** Delete File or *** Update File, not`, line);
      at++;
      continue;
    }
    const path = pathOf(match[2], at);
    at++;
    const end = sectionEnd(lines, at, last);
    operations.push(operationOf(match[1], path, { lines, from: at, to: end }));
    at = end;
  }
  if (operations.length === 0)
    throw new Fault("PATCH_FAILED", "the patch holds no operation", { hint: example });
  return { operations, lines };
}

/** A patch sent with CRLF throughout means LF; a CR in some lines only is meant as it stands. */
function patchLines(text: string): string[] {
  const lines = text.split("\n");
  const ended = lines.slice(0, -1);
  if (ended.length === 0 || !ended.every((line) => line.endsWith("\r"))) return lines;
  return lines.map((line) => line.replace(/\r$/, ""));
}

interface Section {
  readonly lines: readonly string[];
  readonly from: number;
  readonly to: number;
}

function sectionEnd(lines: readonly string[], from: number, last: number): number {
  let at = from;
  while (at < last && !header.test(lines[at] ?? "")) at++;
  return at;
}

function operationOf(kind: string | undefined, path: string, section: Section): Operation {
  if (kind === "Add File") return { kind: "add", path, content: addedContent(section) };
  if (kind === "Update File") return updateOf(path, section);
  const stray = firstFilled(section);
  if (stray !== -1)
    throw bad(stray, "nothing may follow *** Delete File, but there is", section.lines[stray]);
  return { kind: "delete", path };
}

function firstFilled({ lines, from, to }: Section): number {
  const found = lines.slice(from, to).findIndex((line) => line.trim() !== "");
  return found === -1 ? -1 : from + found;
}

function addedContent({ lines, from, to }: Section): string {
  const body = lines.slice(from, to);
  while (body.at(-1)?.trim() === "") body.pop();
  return body
    .map((line, i) => {
      if (line.startsWith("+")) return `${line.slice(1)}\n`;
      if (line === "") return "\n";
      throw bad(from + i, "each line of a new file starts with +, unlike", line);
    })
    .join("");
}

function updateOf(path: string, { lines, from, to }: Section): Operation {
  const move = moveHeader.exec(lines[from] ?? "");
  const start = move === null ? from : from + 1;
  const hunks = hunksOf({ lines, from: start, to });
  if (hunks.length === 0 && move === null) throw bad(from - 1, "no change follows", lines[from - 1]);
  return { kind: "update", path, moveTo: move === null ? undefined : pathOf(move[1], from), hunks };
}

function hunksOf({ lines, from, to }: Section): Hunk[] {
  const hunks: Hunk[] = [];
  let anchors: string[] = [];
  let opened = -1;
  let bodyFrom = from;

  /** Ends the hunk whose body lies before line `end`. */
  function close(end: number, atEndOfFile: boolean): void {
    const raw = lines.slice(bodyFrom, end);
    const blankTail = raw.length - (raw.findLastIndex((line) => line !== "") + 1);
    if (blankTail === raw.length) {
      if (opened !== -1) throw bad(opened, "a hunk without lines:", lines[opened]);
    } else {
      const parsed = raw.flatMap((line, i) => hunkLines(line, bodyFrom + i));
      hunks.push({ anchors, lines: parsed, endOfFile: atEndOfFile, blankTail, from: bodyFrom, to: end });
    }
    anchors = [];
    opened = -1;
  }

  for (let at = from; at < to; at++) {
    const line = lines[at] ?? "";
    if (line.startsWith("@@")) {
      // Several @@ lines in a row narrow the place step by step.
      if (opened === -1 || at !== bodyFrom) close(at, false);
      opened = at;
      anchors.push(...anchorOf(line));
      bodyFrom = at + 1;
    } else if (line.trimEnd() === endOfFile) {
      close(at, true);
      bodyFrom = at + 1;
    }
  }
  close(to, false);
  return hunks;
}

/** The text behind `@@`, without the line numbers of a unified diff and without a closing `@@`. */
function anchorOf(line: string): string[] {
  const text = line
    .slice(2)
    .replace(/^\s*-\d+(?:,\d+)? \+\d+(?:,\d+)? @@/, "")
    .replace(/\s@@\s*$/, "")
    .replace(/^ /, "")
    .trimEnd();
  return text.trim() === "" ? [] : [text];
}

/** One line of a patch, or several when it holds a lone CR, which ends a line in the file too. */
function hunkLines(line: string, at: number): HunkLine[] {
  if (line === "" || line === "\r") return [{ op: " ", text: "", eol: undefined }];
  const op = line[0];
  if (op !== " " && op !== "-" && op !== "+") {
    throw bad(at, "a hunk line starts with a space, - or +, unlike", line);
  }
  const parts = splitLines(`${line.slice(1)}\n`);
  return parts.slice(0, -1).map(({ text, eol }) => ({ op, text, eol: eol === "\n" ? undefined : eol }));
}

function pathOf(text: string | undefined, at: number): string {
  const path = text?.trim() ?? "";
  if (path === "") throw bad(at, "a path is missing in", text);
  return path;
}

function bad(at: number, what: string, line: string | undefined): Fault {
  const shown = JSON.stringify((line ?? "").slice(0, 200));
  return new Fault("PATCH_FAILED", `line ${at + 1} of the patch: ${what} ${shown}`, {
    hint: example,
    details: { patch_line: at + 1 },
  });
}
