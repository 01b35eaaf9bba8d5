import type { IgnoreChecker } from "../search/ignore.js";
import { type FileListing, listFiles } from "../search/list.js";
import type { Ripgrep } from "../search/ripgrep.js";
import { maxGlobs } from "../search/scope.js";
import type { Workspace } from "../workspace/workspace.js";
import { readOnly } from "./annotations.js";
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
    description:
      "Lists the files below a folder of the workspace at any depth, filtered by globs. Hidden and git-ignored files and generated folders such as node_modules are left out unless asked for.",
    inputSchema: {
      type: "object",
      properties: {
        path: { type: "string", default: ".", description: "Folder to list, relative to the workspace." },
        patterns: {
          type: "array",
          maxItems: maxGlobs,
          items: { type: "string" },
          description:
            "Globs; a file is listed when one matches. Without a slash a glob matches names at any depth (*.ts), with one it matches paths (src/**/*.ts).",
        },
        glob: { type: "string", description: "One more glob, as in patterns." },
        exclude_patterns: {
          type: "array",
          maxItems: maxGlobs,
          items: { type: "string" },
          description: "Globs of files and folders to leave out.",
        },
        include_hidden: {
          type: "boolean",
          default: false,
          description: "Include names that begin with a dot.",
        },
        include_ignored: {
          type: "boolean",
          default: false,
          description: "Include what git ignores and generated folders.",
        },
        max_results: {
          type: "integer",
          minimum: 1,
          maximum: maxMaxResults,
          default: 5000,
          description: "Most files to return.",
        },
        sort: {
          type: "string",
          enum: ["path", "modified"],
          default: "path",
          description: "Order: by path, or newest first.",
        },
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
  const next = truncated && full && files.length < maxMaxResults ? nextArguments(call, args) : undefined;
  const lines = shownLines(files.map(({ path }) => path));
  const notes: string[] = files.length === 0 ? ["(no files)"] : [];
  if (lines.length < files.length) {
    notes.push(
      `[${lines.length} of ${files.length} shown; for the others: list_files with a subfolder as path, or with patterns]`,
    );
  }
  if (truncated) {
    const wider = next === undefined ? "" : `list_files ${JSON.stringify(next)}, or `;
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
      next_action: next === undefined ? null : { tool: "list_files", arguments: next },
      warnings,
    },
  };
}

/** The same call with room for more files. */
function nextArguments(call: ToolCall, args: Args): Record<string, unknown> {
  const workspace = call.reachable.length > 1 ? { workspace: call.workspace.id } : {};
  return { ...args, ...workspace, max_results: Math.min(args.max_results * 10, maxMaxResults) };
}
