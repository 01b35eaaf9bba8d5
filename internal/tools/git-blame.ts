import { Fault } from "../errs/errs.js";
import { type Blame, type BlameLine, readBlame } from "../git/blame.js";
import { findRepository } from "../git/repository.js";
import { readOnly } from "./annotations.js";
import { type GitToolDeps, gitPlace, notARepository } from "./git-call.js";
import { nextCall } from "./next-calls.js";
import { shownLines } from "./shown-lines.js";
import type { Tool, ToolCall, ToolResult } from "./types.js";

interface Args {
  readonly path: string;
  readonly rev?: string;
  readonly start_line: number;
  readonly end_line?: number;
  readonly max_lines: number;
}

/** `git_blame`: who last changed each line of a file. */
export function gitBlameTool(deps: GitToolDeps): Tool {
  return {
    name: "git_blame",
    title: "Git blame",
    description:
      "Shows who last changed each line of a file; without rev, lines not committed have an all-zero commit.",
    inputSchema: {
      type: "object",
      properties: {
        path: { type: "string", minLength: 1 },
        rev: { type: "string" },
        start_line: { type: "integer", minimum: 1, default: 1 },
        end_line: { type: "integer", minimum: 1 },
        max_lines: { type: "integer", minimum: 1, maximum: 1000, default: 200 },
      },
      required: ["path"],
      additionalProperties: false,
    },
    annotations: readOnly,
    profile: "read-only",
    lane: "heavy",
    async run(call) {
      const args = call.args as unknown as Args;
      const { rev, start_line, end_line, max_lines } = args;
      if (end_line !== undefined && end_line < start_line) {
        throw new Fault("INVALID_ARGUMENT", `end_line ${end_line} is before start_line ${start_line}`);
      }
      const repository = findRepository(call.workspace.root, [args.path]);
      if (repository === undefined)
        return resultOf(call, args, { lines: [], truncated: false }, [notARepository]);
      const [path] = repository.paths;
      if (path === undefined) throw new Fault("IS_DIRECTORY", `${JSON.stringify(args.path)} is a directory`);
      const request = { path, rev, startLine: start_line, endLine: end_line, maxLines: max_lines };
      const blame = await readBlame(deps.git, gitPlace(deps, call, repository), request);
      return resultOf(call, args, blame, []);
    },
  };
}

function resultOf(
  call: ToolCall,
  args: Args,
  { lines, truncated }: Blame,
  warnings: readonly string[],
): ToolResult {
  const last = lines.at(-1)?.line ?? args.start_line;
  const next = truncated ? nextCall("git_blame", call, { start_line: last + 1 }) : null;
  const texts = lines.length === 0 && warnings.length === 0 ? ["(no lines)"] : lines.map(lineOf);
  const shown = shownLines(texts);
  const notes = [
    ...(shown.length < texts.length ? [`[${shown.length} of ${texts.length} lines shown]`] : []),
    ...(next === null ? [] : [`[more lines follow; next: git_blame ${JSON.stringify(next.arguments)}]`]),
  ];
  return {
    content: [{ type: "text", text: [...warnings, ...shown, ...notes].join("\n") }],
    structured: {
      ok: true,
      is_repo: warnings.length === 0,
      path: args.path,
      rev: args.rev ?? null,
      start_line: args.start_line,
      end_line: last,
      max_lines: args.max_lines,
      lines: lines.map(wireLine),
      truncated,
      next_action: next,
      warnings,
    },
  };
}

function wireLine(line: BlameLine): Record<string, unknown> {
  return {
    line: line.line,
    original_line: line.originalLine,
    commit: line.commit,
    author: line.author,
    author_mail: line.authorMail,
    author_time: line.authorTime,
    summary: line.summary,
    content: line.content,
    ...(line.contentCut && { content_truncated: true }),
  };
}

function lineOf({ line, commit, author, authorTime, content, contentCut }: BlameLine): string {
  return `${line}: ${commit.slice(0, 8)} ${dayOf(authorTime)} ${author}: ${content}${contentCut ? " [line cut]" : ""}`;
}

/** A commit can name any time, also one that no calendar has. */
function dayOf(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString().slice(0, 10);
}
