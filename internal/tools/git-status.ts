import { findRepository } from "../git/repository.js";
import { readStatus, type Status, type StatusEntry } from "../git/status.js";
import { readOnly } from "./annotations.js";
import { type GitToolDeps, gitPlace, notARepository, shownPath } from "./git-call.js";
import { nextCall } from "./next-calls.js";
import { shownLines } from "./shown-lines.js";
import type { Tool, ToolCall, ToolResult } from "./types.js";

const maxMaxEntries = 10_000;

interface Args {
  readonly path: string;
  readonly include_untracked: boolean;
  readonly max_entries: number;
}

/** `git_status`: the branch, and which files are changed. */
export function gitStatusTool(deps: GitToolDeps): Tool {
  return {
    name: "git_status",
    title: "Git status",
    description:
      "Shows the branch, its upstream, and files that are changed, staged, untracked or in conflict.",
    inputSchema: {
      type: "object",
      properties: {
        path: { type: "string", default: "." },
        include_untracked: { type: "boolean", default: true },
        max_entries: { type: "integer", minimum: 1, maximum: maxMaxEntries, default: 1000 },
      },
      additionalProperties: false,
    },
    annotations: readOnly,
    profile: "read-only",
    lane: "heavy",
    async run(call) {
      const args = call.args as unknown as Args;
      const repository = findRepository(call.workspace.root, [args.path]);
      if (repository === undefined) return noRepositoryResult();
      const status = await readStatus(deps.git, gitPlace(deps, call, repository), {
        paths: repository.paths,
        includeUntracked: args.include_untracked,
        maxEntries: args.max_entries,
      });
      return resultOf(call, args, status);
    },
  };
}

function noRepositoryResult(): ToolResult {
  return {
    content: [{ type: "text", text: notARepository }],
    structured: {
      ok: true,
      is_repo: false,
      branch: null,
      head: null,
      upstream: null,
      ahead: null,
      behind: null,
      clean: null,
      entries: [],
      truncated: false,
      next_action: null,
      warnings: [notARepository],
    },
  };
}

function resultOf(call: ToolCall, args: Args, status: Status): ToolResult {
  const { branch, head, upstream, ahead, behind, entries, truncated } = status;
  const more = truncated && args.max_entries < maxMaxEntries;
  const next = more ? nextCall("git_status", call, { max_entries: maxMaxEntries }) : null;
  return {
    content: [{ type: "text", text: textOf(status, next) }],
    structured: {
      ok: true,
      is_repo: true,
      branch: branch ?? null,
      head: head ?? null,
      upstream: upstream ?? null,
      ahead: ahead ?? null,
      behind: behind ?? null,
      clean: entries.length === 0 && !truncated,
      entries: entries.map(wireEntry),
      truncated,
      next_action: next,
      warnings: [],
    },
  };
}

function wireEntry(entry: StatusEntry): Record<string, unknown> {
  return {
    path: entry.path,
    original_path: entry.originalPath ?? null,
    index_status: entry.index,
    worktree_status: entry.worktree,
    ...(entry.conflicted && { conflicted: true }),
    ...(entry.submodule !== undefined && { submodule: entry.submodule }),
  };
}

function textOf(status: Status, next: ReturnType<typeof nextCall> | null): string {
  const lines = status.entries.map(lineOf);
  const shown = shownLines(lines);
  const notes: string[] = lines.length === 0 ? ["(clean)"] : [];
  if (shown.length < lines.length)
    notes.push(`[${shown.length} of ${lines.length} shown; for the others: a narrower path]`);
  if (status.truncated) {
    const wider = next === null ? "" : `git_status ${JSON.stringify(next.arguments)}, or `;
    notes.push(`[cut at ${lines.length} entries; next: ${wider}a narrower path]`);
  }
  return [headline(status), ...shown, ...notes].join("\n");
}

function headline({ branch, head, upstream, ahead, behind }: Status): string {
  const at = head === undefined ? "no commits yet" : head.slice(0, 12);
  const distance = ahead === undefined ? ", which is gone" : `, ${ahead} ahead, ${behind} behind`;
  const tracking = upstream === undefined ? "" : `; upstream ${upstream}${distance}`;
  return `${branch === undefined ? "no branch" : `branch ${branch}`} (${at})${tracking}`;
}

function lineOf({ index, worktree, path, originalPath, conflicted, submodule = [] }: StatusEntry): string {
  const from = originalPath === undefined ? "" : `${shownPath(originalPath)} -> `;
  const notes = [...(conflicted ? ["conflict"] : []), ...submodule.map((change) => `submodule: ${change}`)];
  return `${index}${worktree} ${from}${shownPath(path)}${notes.length === 0 ? "" : ` (${notes.join(", ")})`}`;
}
