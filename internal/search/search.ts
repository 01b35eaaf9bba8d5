import { Fault } from "../errs/errs.js";
import type { Root } from "../workspace/root.js";
import { createCollector, type SearchMatch } from "./collector.js";
import type { FilesDeps } from "./list.js";
import { readEvents } from "./rg-events.js";
import { openScope, type ScopeOptions } from "./scope.js";

export type { SearchMatch } from "./collector.js";

export interface SearchRequest extends ScopeOptions {
  readonly query: string;
  readonly regex: boolean;
  readonly caseSensitive: boolean;
  readonly contextLines: number;
  readonly maxResults: number;
  readonly maxPreviewBytes: number;
}

export interface SearchOutcome {
  /** One for each matching line, by path and line. */
  readonly matches: readonly SearchMatch[];
  /** There are more matches, or may be. */
  readonly truncated: boolean;
  readonly warnings: readonly string[];
}

const maxQueryBytes = 32 << 10;

/**
 * Searches the text files below a directory, or one file, with ripgrep: literally or by Rust regular expression, line
 * by line. Which matches are shown when there are more than `maxResults` depends on which ripgrep met
 * first. Every line was confirmed by reading it through the root. Faults: those of Root.resolve and Ripgrep.run.
 */
export async function searchText(
  root: Root,
  deps: FilesDeps,
  request: SearchRequest,
  signal: AbortSignal,
): Promise<SearchOutcome> {
  checkQuery(request);
  const scope = openScope(root, deps.ignore, { ...request, allowFile: true });
  const collector = createCollector({ root, place: scope.place, ...request });
  const { pattern, length } = patternOf(request);
  const read = readEvents(collector.events, length);
  try {
    const { how, unreadable } = await deps.ripgrep.run({
      args: [...searchArgs(request), ...scope.args, "--regexp", pattern, "--", scope.target],
      cwd: scope.cwd,
      signal,
      take(chunk) {
        try {
          return read(chunk);
        } finally {
          collector.pause();
        }
      },
    });
    const warnings = [...collector.warnings()];
    if (how === "timeout") warnings.push("stopped at the time limit; search a subfolder for the rest");
    if (unreadable) warnings.push("some files or folders could not be read");
    return { matches: collector.matches(), truncated: how !== "done" || collector.overflowed(), warnings };
  } finally {
    collector.close();
    scope.close();
  }
}

function searchArgs({ caseSensitive, contextLines, maxResults }: SearchRequest): string[] {
  return [
    "--json",
    "--no-mmap",
    "--crlf",
    caseSensitive ? "--case-sensitive" : "--ignore-case",
    `--context=${contextLines}`,
    // One more than can be shown tells that there are more.
    `--max-count=${maxResults + 1}`,
  ];
}

/**
 * The regular expression to search by. ripgrep reports every match on a line, millions on one of a minified file, and
 * there is no option to stop at the first. So a match of a literal text takes in the rest of its line, byte by byte;
 * where the text itself ends is known from its `length` in characters, which letter case does not change.
 */
function patternOf({ query, regex }: SearchRequest): { pattern: string; length: number | undefined } {
  if (regex) return { pattern: query, length: undefined };
  const escaped = query.replace(/[\\.+*?()|[\]{}^$#&~-]/g, "\\$&");
  return { pattern: `${escaped}(?-u:[^\\n])*`, length: [...query].length };
}

function checkQuery({ query, regex }: SearchRequest): void {
  if (Buffer.byteLength(query) > maxQueryBytes) {
    throw new Fault("INVALID_ARGUMENT", `query is longer than ${maxQueryBytes} bytes`);
  }
  if (query.includes("\0") || (!regex && /[\r\n]/.test(query))) {
    throw new Fault("INVALID_ARGUMENT", "query holds a line break or a NUL", {
      hint: "search for one line of the text",
    });
  }
}
