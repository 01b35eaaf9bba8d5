import type { IgnoreChecker } from "../search/ignore.js";
import { type FileListing, listFiles } from "../search/list.js";
import type { Ripgrep } from "../search/ripgrep.js";
import { maxGlobs } from "../search/scope.js";
import type { Workspace } from "../workspace/workspace.js";
import { readOnly } from "./annotations.js";
import { nextCall } from "./next-calls.js";
import { shownLines } from "./shown-lines.js";
import type { Tool, ToolCall, ToolResult } from "./types.js";

const maxMaxResults = 50_000;

interface Args {
  readonly path: string;
  readonly patterns?: readonly string[];
  readonly glob?: string;
  readonly exclude_patterns?: readonly string[];
  readonly include_hidden: boolean;
  readonly include_ignored: boolean;
  readonly max_results: number;
  readonly sort: "path" | "modified";
}

/** What searching and listing files stand on. */
export interface FindDeps {
  readonly ripgrep: Ripgrep;
  /** What git ignores in a workspace. */
  readonly ignoreChecker: (workspace: Workspace) => IgnoreChecker;
}

/** `list_files`: the files below a folder, however deep. */
export function listFilesTool({ ripgrep, ignoreChecker }: FindDeps): Tool {
  return {
    name: "list_files",
    title: "List files",
    description: "Lists the files below a folder at any depth, without what list_dir leaves out.",
    inputSchema: {
      type: "object",
      properties: {
        path: { type: "string", default: "." },
        patterns: {
          type: "array",
          maxItems: maxGlobs,
          items: { type: "string" },
          description: "Globs, one must match: *.ts at any depth, src/**/*.ts by path.",
        },
        glob: { type: "string" },
        exclude_patterns: { type: "array", maxItems: maxGlobs, items: { type: "string" } },
        include_hidden: { type: "boolean", default: false },
        include_ignored: { type: "boolean", default: false },
        max_results: { type: "integer", minimum: 1, maximum: maxMaxResults, default: 5000 },
        sort: { type: "string", enum: ["path", "modified"], default: "path" },
      },
      additionalProperties: false,
    },
    annotations: readOnly,
    profile: "read-only",
    lane: "heavy",
    async run(call) {
      const { workspace, signal } = call;
      const args = call.args as unknown as Args;
      const listing = await listFiles(
        workspace.root,
        { ripgrep, ignore: ignoreChecker(workspace) },
        {
          path: args.path,
          include: [...(args.patterns ?? []), ...(args.glob === undefined ? [] : [args.glob])],
          exclude: args.exclude_patterns ?? [],
          includeHidden: args.include_hidden,
          includeIgnored: args.include_ignored,
          maxResults: args.max_results,
          sort: args.sort,
        },
        signal,
      );
      return resultOf(call, args, listing);
    },
  };
}

function resultOf(call: ToolCall, args: Args, { files, truncated, warnings }: FileListing): ToolResult {
  const full = files.length === args.max_results;
  const next =
    truncated && full && files.length < maxMaxResults
      ? nextCall("list_files", call, { max_results: Math.min(args.max_results * 10, maxMaxResults) })
      : null;
  const lines = shownLines(files.map(({ path }) => path));
  const notes: string[] = files.length === 0 ? ["(no files)"] : [];
  if (lines.length < files.length) {
    notes.push(
      `[${lines.length} of ${files.length} shown; for the others: list_files with a subfolder as path, or with patterns]`,
    );
  }
  if (truncated) {
    const wider = next === null ? "" : `list_files ${JSON.stringify(next.arguments)}, or `;
    notes.push(
      `[cut at ${files.length} files; next: ${wider}list_files with a subfolder as path, or with patterns]`,
    );
  }
  return {
    content: [
      { type: "text", text: [...lines, ...notes, ...warnings.map((warning) => `[${warning}]`)].join("\n") },
    ],
    structured: {
      ok: true,
      path: args.path,
      files: files.map(({ path, sizeBytes, modifiedMs }) => ({
        path,
        type: "file",
        size_bytes: sizeBytes,
        modified: new Date(modifiedMs).toISOString(),
      })),
      truncated,
      next_action: next,
      warnings,
    },
  };
}
