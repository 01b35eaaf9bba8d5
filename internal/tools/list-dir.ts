import type { Clock } from "../clock/clock.js";
import { type IgnoreChecker, type ListedEntry, type Listing, listDirectory } from "../files/listing.js";
import type { Workspace } from "../workspace/workspace.js";
import { readOnly } from "./annotations.js";
import { type NextCall, nextCall } from "./next-calls.js";
import type { Tool, ToolCall, ToolResult } from "./types.js";

const maxMaxEntries = 10_000;

interface Args {
  readonly path: string;
  readonly recursive: boolean;
  readonly max_depth: number;
  readonly max_entries: number;
  readonly include_hidden: boolean;
  readonly include_ignored: boolean;
  readonly sort: "name" | "type" | "modified";
}

export interface ListDirDeps {
  /** What git ignores in a workspace. */
  readonly ignoreChecker: (workspace: Workspace) => IgnoreChecker;
  readonly clock: Clock;
}

/** `list_dir`: what is in a folder, on request with the folders below it. */
export function listDirTool({ ignoreChecker, clock }: ListDirDeps): Tool {
  return {
    name: "list_dir",
    title: "List directory",
    description:
      "Lists a folder. Hidden, git-ignored and generated entries such as node_modules are left out unless asked for.",
    inputSchema: {
      type: "object",
      properties: {
        path: { type: "string", default: "." },
        recursive: { type: "boolean", default: false },
        max_depth: {
          type: "integer",
          minimum: 1,
          maximum: 20,
          default: 1,
          description: "Levels below path, with recursive.",
        },
        max_entries: { type: "integer", minimum: 1, maximum: maxMaxEntries, default: 1000 },
        include_hidden: { type: "boolean", default: false },
        include_ignored: { type: "boolean", default: false },
        sort: { type: "string", enum: ["name", "type", "modified"], default: "name" },
      },
      additionalProperties: false,
    },
    annotations: readOnly,
    profile: "read-only",
    lane: ({ recursive }) => (recursive === true ? "heavy" : "fast"),
    async run(call) {
      const { workspace, signal } = call;
      const wanted = call.args as unknown as Args;
      const listing = await listDirectory(
        workspace.root,
        { ignore: ignoreChecker(workspace), clock },
        {
          path: wanted.path,
          depth: wanted.recursive ? wanted.max_depth : 0,
          maxEntries: wanted.max_entries,
          includeHidden: wanted.include_hidden,
          includeIgnored: wanted.include_ignored,
          sort: wanted.sort,
        },
        signal,
      );
      return resultOf(call, wanted, listing);
    },
  };
}

function resultOf(call: ToolCall, args: Args, listing: Listing): ToolResult {
  const { path, entries, truncated, warnings } = listing;
  const next =
    truncated && args.max_entries < maxMaxEntries
      ? nextCall("list_dir", call, { max_entries: Math.min(args.max_entries * 10, maxMaxEntries) })
      : null;
  return {
    content: [{ type: "text", text: textOf(args, listing, next) }],
    structured: {
      ok: true,
      path,
      entries: entries.map(wireEntry),
      truncated,
      next_action: next,
      warnings,
    },
  };
}

function wireEntry(entry: ListedEntry): Record<string, unknown> {
  return {
    name: entry.name,
    path: entry.path,
    type: entry.type,
    size_bytes: entry.sizeBytes,
    modified: new Date(entry.modifiedMs).toISOString(),
    is_hidden: entry.isHidden,
    is_ignored: entry.isIgnored,
    ...(entry.symlinkTarget === undefined ? {} : { symlink_target: entry.symlinkTarget }),
  };
}

function textOf(args: Args, listing: Listing, next: NextCall | null): string {
  const { entries, truncated, leftOut, warnings } = listing;
  const lines = entries.map((entry) => `${args.recursive ? entry.path : entry.name} [${entry.type}]`);
  if (entries.length === 0) lines.push("(no entries)");
  const hidden = leftOut.hidden === 0 ? [] : [`${leftOut.hidden} hidden (include_hidden)`];
  const ignored = leftOut.ignored === 0 ? [] : [`${leftOut.ignored} ignored (include_ignored)`];
  const missing = [...hidden, ...ignored].join(", ");
  if (missing !== "") lines.push(`[left out: ${missing}]`);
  if (truncated) {
    const call =
      next === null ? "list_dir with a subfolder as path" : `list_dir ${JSON.stringify(next.arguments)}`;
    lines.push(`[cut at ${entries.length} entries; next: ${call}]`);
  }
  return [...lines, ...warnings.map((warning) => `[${warning}]`)].join("\n");
}
