import { type Commit, type Log, readLog } from "../git/log.js";
import { findRepository } from "../git/repository.js";
import { readOnly } from "./annotations.js";
import { type GitToolDeps, gitPlace, notARepository } from "./git-call.js";
import { nextCall } from "./next-calls.js";
import type { Tool, ToolCall, ToolResult } from "./types.js";

const maxSkip = 10_000;

interface Args {
  readonly path: string;
  readonly ref: string;
  readonly max_count: number;
  readonly skip: number;
}

/** `git_log`: commits, newest first. */
export function gitLogTool(deps: GitToolDeps): Tool {
  return {
    name: "git_log",
    title: "Git log",
    description: "Lists commits, newest first, of a branch or range, or of a file or folder.",
    inputSchema: {
      type: "object",
      properties: {
        path: { type: "string", default: "." },
        ref: { type: "string", default: "HEAD", description: "Branch, tag, commit or range (main..topic)." },
        max_count: { type: "integer", minimum: 1, maximum: 100, default: 20 },
        skip: { type: "integer", minimum: 0, maximum: maxSkip, default: 0 },
      },
      additionalProperties: false,
    },
    annotations: readOnly,
    profile: "read-only",
    lane: "heavy",
    async run(call) {
      const args = call.args as unknown as Args;
      const { path, ref, skip } = args;
      const repository = findRepository(call.workspace.root, [path]);
      if (repository === undefined)
        return resultOf(call, args, { commits: [], truncated: false }, [notARepository]);
      const { paths } = repository;
      const request = { paths, ref, maxCount: args.max_count, skip };
      const log = await readLog(deps.git, gitPlace(deps, call, repository), request);
      return resultOf(call, args, log, []);
    },
  };
}

function resultOf(
  call: ToolCall,
  { path, ref, max_count, skip }: Args,
  { commits, truncated }: Log,
  warnings: readonly string[],
): ToolResult {
  const nextSkip = skip + commits.length;
  const next = truncated && nextSkip <= maxSkip ? nextCall("git_log", call, { skip: nextSkip }) : null;
  const lines = commits.length === 0 && warnings.length === 0 ? ["(no commits)"] : commits.map(lineOf);
  const notes = truncated
    ? [`[older ones follow; next: ${next ? `git_log ${JSON.stringify(next.arguments)}` : "a narrower ref"}]`]
    : [];
  return {
    content: [{ type: "text", text: [...warnings, ...lines, ...notes].join("\n") }],
    structured: {
      ok: true,
      is_repo: warnings.length === 0,
      path,
      ref,
      max_count,
      skip,
      commits: commits.map(wireCommit),
      truncated,
      next_action: next,
      warnings,
    },
  };
}

function wireCommit(commit: Commit): Record<string, unknown> {
  return {
    hash: commit.hash,
    short_hash: commit.shortHash,
    author_name: commit.authorName,
    author_email: commit.authorEmail,
    author_date: commit.authorDate,
    subject: commit.subject,
  };
}

function lineOf({ shortHash, authorDate, authorName, subject }: Commit): string {
  return `${shortHash} ${authorDate.slice(0, 10)} ${authorName}: ${subject}`;
}
