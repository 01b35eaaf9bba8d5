import type { Root } from "../workspace/root.js";
import { type Confirmation, createConfirmer } from "./confirm.js";
import { previewOf } from "./preview.js";
import type { RgEvents, RgLine } from "./rg-events.js";

/** A matching line. */
export interface SearchMatch {
  /** Relative to the workspace. */
  readonly path: string;
  /** Counts from 1. */
  readonly line: number;
  /** Where the first match begins: characters (Unicode code points) from 1. */
  readonly column: number;
  readonly preview: string;
  readonly previewTruncated: boolean;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

export interface CollectorOptions {
  readonly root: Root;
  /** The path relative to the workspace, or undefined for a file that is not wanted. */
  readonly place: (printed: string) => string | undefined;
  readonly contextLines: number;
  readonly maxResults: number;
  readonly maxPreviewBytes: number;
}

export interface Collector {
  readonly events: RgEvents;
  /** By path and line. */
  matches(): readonly SearchMatch[];
  /** A match came that had no room. */
  overflowed(): boolean;
  warnings(): readonly string[];
  /** To be called when lines will not go on at once: lets go of what is kept open from file to file. */
  pause(): void;
  close(): void;
}

/** The file whose lines are coming. */
interface CurrentFile {
  readonly printed: string;
  /** Undefined: not wanted, or not to be confirmed. */
  readonly path: string | undefined;
  readonly confirmation: Confirmation | undefined;
  /** Confirmed lines by number; kept for the lines around a match. */
  readonly lines: Map<number, string>;
  /** Matches that still lack the lines around them. */
  readonly found: (SearchMatch & { before: string[]; after: string[] })[];
}

const maxWarnings = 20;

/** Turns ripgrep's lines into matches: confirms each, cuts it, and gives it the lines around it. */
export function createCollector(options: CollectorOptions): Collector {
  const { root, place, contextLines, maxResults, maxPreviewBytes } = options;
  const matches: SearchMatch[] = [];
  const left = { name: 0, length: 0 };
  const tooLarge: string[] = [];
  const confirmer = createConfirmer(root);
  let current: CurrentFile | undefined;
  let overflow = false;

  function begin(printed: string): CurrentFile {
    const path = place(printed);
    const confirmation = path === undefined ? undefined : confirmer.open(path);
    if (path !== undefined && confirmation?.tooLarge) tooLarge.push(path);
    return { printed, path, confirmation, lines: new Map(), found: [] };
  }

  function line(event: RgLine): boolean {
    if (current?.printed !== event.path) {
      if (finish()) return true;
      current = begin(event.path);
    }
    const { path, confirmation, lines, found } = current;
    if (path === undefined) return false;
    // After the last match that fits, only the lines that follow it are still of use.
    if (overflow && event.number > (found.at(-1)?.line ?? 0) + contextLines) return finish();
    // Not a word about what fails: even a count would tell of a file outside.
    if (confirmation?.holds(event.offset, event.bytes) !== true) return false;
    const preview = previewOf(event, event.matched ? maxPreviewBytes : Number.POSITIVE_INFINITY);
    if (contextLines > 0) lines.set(event.number, preview.text);
    if (!event.matched) return false;
    if (matches.length === maxResults) {
      overflow = true;
      return event.number > (found.at(-1)?.line ?? 0) + contextLines && finish();
    }
    const { text, cut, column } = preview;
    const match = {
      path,
      line: event.number,
      column,
      preview: text,
      previewTruncated: cut,
      before: [],
      after: [],
    };
    found.push(match);
    matches.push(match);
    return false;
  }

  /** Closes the current file; true when nothing further is wanted. */
  function finish(): boolean {
    if (current !== undefined) {
      current.confirmation?.close();
      if (contextLines > 0) addContext(current);
      current = undefined;
    }
    return overflow;
  }

  function addContext({ found, lines }: CurrentFile): void {
    const add = (texts: string[], number: number): void => {
      const text = lines.get(number);
      if (text !== undefined) texts.push(text);
    };
    for (const { line, before, after } of found) {
      for (let number = line - contextLines; number < line; number++) add(before, number);
      for (let number = line + 1; number <= line + contextLines; number++) add(after, number);
    }
  }

  return {
    events: {
      line,
      fileEnd: finish,
      skipped: (why) => {
        left[why]++;
      },
    },
    matches() {
      finish();
      return matches.sort((a, b) => (a.path === b.path ? a.line - b.line : a.path < b.path ? -1 : 1));
    },
    overflowed: () => overflow,
    warnings: () => [
      ...tooLarge.slice(0, maxWarnings).map((path) => `${path} left out: too large for a UTF-16 file`),
      ...(left.name > 0
        ? [`${left.name} matches left out: the names of their files are not valid UTF-8`]
        : []),
      ...(left.length > 0 ? [`${left.length} lines left out: too long`] : []),
    ],
    pause: confirmer.release,
    close() {
      confirmer.release();
      current?.confirmation?.close();
      current = undefined;
    },
  };
}
