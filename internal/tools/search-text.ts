import { maxGlobs } from "../search/scope.js";
import { type SearchMatch, type SearchOutcome, searchText } from "../search/search.js";
import { readOnly } from "./annotations.js";
import type { FindDeps } from "./list-files.js";
import { type NextCall, nextCall } from "./next-calls.js";
import { shownLines } from "./shown-lines.js";
import type { Tool, ToolCall, ToolResult } from "./types.js";

const maxMaxResults = 10_000;

interface Args {
  readonly query: string;
  readonly path: string;
  readonly regex: boolean;
  readonly case_sensitive: boolean;
  readonly include_globs?: readonly string[];
  readonly glob?: string;
  readonly exclude_globs?: readonly string[];
  readonly context_lines: number;
  readonly max_results: number;
  readonly max_preview_bytes: number;
}

/** `search_text`: lines of text files that hold a text or match a regular expression. */
export function searchTextTool({ ripgrep, ignoreChecker }: FindDeps): Tool {
  return {
    name: "search_text",
    title: "Search text",
    description:
      "Searches text files line by line for a text or a regular expression (Rust syntax), without what list_dir leaves out unless path names it.",
    inputSchema: {
      type: "object",
      properties: {
        query: { type: "string", minLength: 1 },
        path: { type: "string", default: "." },
        regex: { type: "boolean", default: false },
        case_sensitive: { type: "boolean", default: false },
        include_globs: {
          type: "array",
          maxItems: maxGlobs,
          items: { type: "string" },
          description: "As patterns of list_files.",
        },
        glob: { type: "string" },
        exclude_globs: { type: "array", maxItems: maxGlobs, items: { type: "string" } },
        context_lines: { type: "integer", minimum: 0, maximum: 5, default: 0 },
        max_results: { type: "integer", minimum: 1, maximum: maxMaxResults, default: 1000 },
        max_preview_bytes: { type: "integer", minimum: 80, maximum: 4096, default: 512 },
      },
      required: ["query"],
      additionalProperties: false,
    },
    annotations: readOnly,
    profile: "read-only",
    lane: "heavy",
    async run(call) {
      const { workspace, signal } = call;
      const args = call.args as unknown as Args;
      const outcome = await searchText(
        workspace.root,
        { ripgrep, ignore: ignoreChecker(workspace) },
        {
          query: args.query,
          path: args.path,
          regex: args.regex,
          caseSensitive: args.case_sensitive,
          include: [...(args.include_globs ?? []), ...(args.glob === undefined ? [] : [args.glob])],
          exclude: args.exclude_globs ?? [],
          // There is no argument to ask for them; a folder or file that is named is searched all the same.
          includeHidden: false,
          includeIgnored: false,
          contextLines: args.context_lines,
          maxResults: args.max_results,
          maxPreviewBytes: args.max_preview_bytes,
        },
        signal,
      );
      return resultOf(call, args, outcome);
    },
  };
}

function resultOf(call: ToolCall, args: Args, { matches, truncated, warnings }: SearchOutcome): ToolResult {
  const full = matches.length === args.max_results;
  const next =
    truncated && full && matches.length < maxMaxResults
      ? nextCall("search_text", call, { max_results: Math.min(args.max_results * 10, maxMaxResults) })
      : null;
  return {
    content: [{ type: "text", text: textOf({ matches, truncated, warnings }, next) }],
    structured: {
      ok: true,
      query: args.query,
      matches: matches.map(wireMatch),
      total_matches: matches.length,
      total_matches_exact: !truncated,
      truncated,
      engine: "rg",
      next_action: next,
      warnings,
    },
  };
}

function wireMatch(match: SearchMatch): Record<string, unknown> {
  const { path, line, column, preview, before, after, previewTruncated } = match;
  const cut = previewTruncated ? { preview_truncated: true } : {};
  return { path, line, column, preview, before, after, ...cut };
}

function textOf(outcome: SearchOutcome, next: NextCall | null): string {
  const { matches, truncated, warnings } = outcome;
  const blocks = matches.map(blockOf);
  const shown = shownLines(blocks);
  const notes: string[] = matches.length === 0 ? ["(no matches)"] : [];
  const narrower = "search_text with a narrower path or glob";
  if (shown.length < blocks.length) {
    notes.push(`[${shown.length} of ${blocks.length} shown; for the others: ${narrower}]`);
  }
  if (truncated) {
    const wider = next === null ? "" : `search_text ${JSON.stringify(next.arguments)}, or `;
    notes.push(`[cut at ${matches.length} matches; next: ${wider}${narrower}]`);
  }
  return [...shown, ...notes, ...warnings.map((warning) => `[${warning}]`)].join("\n");
}

/** The matching line, with the lines around it marked by `-` as grep does. */
function blockOf({ path, line, column, preview, previewTruncated, before, after }: SearchMatch): string {
  const around = (texts: readonly string[], first: number): string[] =>
    texts.map((text, at) => `${path}-${first + at}- ${text}`);
  return [
    ...around(before, line - before.length),
    `${path}:${line}:${column}: ${preview}${previewTruncated ? " [line cut]" : ""}`,
    ...around(after, line + 1),
  ].join("\n");
}
