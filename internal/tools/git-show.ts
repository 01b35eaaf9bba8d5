import { findRepository } from "../git/repository.js";
import { readShow, type Show } from "../git/show.js";
import { readOnly } from "./annotations.js";
import {
  cutNote,
  type GitToolDeps,
  gitPlace,
  nextPatchCall,
  notARepository,
  type PatchArgs,
  patchProperties,
  pathsOf,
  wireChange,
} from "./git-call.js";
import type { Tool, ToolCall, ToolResult } from "./types.js";

interface Args extends PatchArgs {
  readonly rev: string;
  readonly include_diff: boolean;
}

const nothing: Show = { content: { text: "", lines: 0, bytes: 0, cutBy: undefined }, files: [], left: [] };

/** `git_show`: one commit with its changes, or a file as it was in one. */
export function gitShowTool(deps: GitToolDeps): Tool {
  return {
    name: "git_show",
    title: "Git show",
    description: "Shows a commit with its message and changes, or a file as it was in one.",
    inputSchema: {
      type: "object",
      properties: {
        rev: {
          type: "string",
          default: "HEAD",
          description: "Commit, branch or tag, or commit:path for a file.",
        },
        ...patchProperties,
        include_diff: { type: "boolean", default: true },
      },
      additionalProperties: false,
    },
    annotations: readOnly,
    profile: "read-only",
    lane: "heavy",
    async run(call) {
      const args = call.args as unknown as Args;
      const repository = findRepository(call.workspace.root, pathsOf(args));
      if (repository === undefined) return resultOf(call, args, nothing, [notARepository]);
      const show = await readShow(deps.git, gitPlace(deps, call, repository), {
        paths: repository.paths,
        rev: args.rev,
        includeDiff: args.include_diff,
        contextLines: args.context_lines,
        maxBytes: args.max_bytes,
      });
      return resultOf(call, args, show, []);
    },
  };
}

function resultOf(
  call: ToolCall,
  { rev }: Args,
  { content, files, left }: Show,
  warnings: readonly string[],
): ToolResult {
  const isCut = content.cutBy !== undefined;
  const next = isCut ? nextPatchCall("git_show", call, { all: files.length, left }) : null;
  const notes = isCut ? [cutNote(content.cutBy, next)] : [];
  return {
    content: [{ type: "text", text: [...warnings, ...notes, content.text].filter(Boolean).join("\n") }],
    structured: {
      ok: true,
      is_repo: warnings.length === 0,
      rev,
      content: content.text,
      files: files.map(wireChange),
      output_lines: content.lines,
      output_bytes: content.bytes,
      truncated: isCut,
      truncated_by: content.cutBy ?? null,
      next_action: next,
      warnings,
    },
  };
}
