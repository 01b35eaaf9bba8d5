import { maxGlobs } from "../search/scope.js";
import { type SearchMatch, type SearchOutcome, searchText } from "../search/search.js";
import { readOnly } from "./annotations.js";
import type { FindDeps } from "./list-files.js";
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
      "Searches the text files of the workspace line by line, for a text as it is or for a regular expression (Rust syntax). Hidden and git-ignored files and generated folders such as node_modules are not searched unless path names them.",
    inputSchema: {
      type: "object",
      properties: {
        query: { type: "string", minLength: 1, description: "Text to find, or a pattern with regex." },
        path: {
          type: "string",
          default: ".",
          description: "Folder or file to search, relative to the workspace.",
        },
        regex: { type: "boolean", default: false, description: "Take query as a regular expression." },
        case_sensitive: { type: "boolean", default: false, description: "Tell upper from lower case." },
        include_globs: {
          type: "array",
          maxItems: maxGlobs,
          items: { type: "string" },
          description:
            "Globs; a file is searched when one matches. Without a slash a glob matches names at any depth (*.ts), with one it matches paths (src/**/*.ts).",
        },
        glob: { type: "string", description: "One more glob, as in include_globs." },
        exclude_globs: {
          type: "array",
          maxItems: maxGlobs,
          items: { type: "string" },
          description: "Globs of files and folders to leave out.",
        },
        context_lines: {
          type: "integer",
          minimum: 0,
          maximum: 5,
          default: 0,
          description: "Lines to show before and after each match.",
        },
        max_results: {
          type: "integer",
          minimum: 1,
          maximum: maxMaxResults,
          default: 1000,
          description: "Most matching lines to return.",
        },
        max_preview_bytes: {
          type: "integer",
          minimum: 80,
          maximum: 4096,
          default: 512,
          description: "Most bytes to show of a matching line; never more than 500 characters.",
        },
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
  const next = truncated && full && matches.length < maxMaxResults ? nextArguments(call, args) : undefined;
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
      next_action: next === undefined ? null : { tool: "search_text", arguments: next },
      warnings,
    },
  };
}

/** The same call with room for more matches. */
function nextArguments(call: ToolCall, args: Args): Record<string, unknown> {
  const workspace = call.reachable.length > 1 ? { workspace: call.workspace.id } : {};
  return { ...args, ...workspace, max_results: Math.min(args.max_results * 10, maxMaxResults) };
}

function wireMatch(match: SearchMatch): Record<string, unknown> {
  const { path, line, column, preview, before, after, previewTruncated } = match;
  const cut = previewTruncated ? { preview_truncated: true } : {};
  return { path, line, column, preview, before, after, ...cut };
}

function textOf(outcome: SearchOutcome, next: Record<string, unknown> | undefined): string {
  const { matches, truncated, warnings } = outcome;
  const blocks = matches.map(blockOf);
  const shown = shownLines(blocks);
  const notes: string[] = matches.length === 0 ? ["(no matches)"] : [];
  const narrower = "search_text with a narrower path or glob";
  if (shown.length < blocks.length) {
    notes.push(`[${shown.length} of ${blocks.length} shown; for the others: ${narrower}]`);
  }
  if (truncated) {
    const wider = next === undefined ? "" : `search_text ${JSON.stringify(next)}, or `;
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
