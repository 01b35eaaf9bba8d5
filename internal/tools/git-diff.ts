import { type Diff, type DiffFile, readDiff } from "../git/diff.js";
import { findRepository } from "../git/repository.js";
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
  readonly staged: boolean;
  readonly unstaged: boolean;
}

const nothing: Diff = { files: [], patch: { text: "", lines: 0, bytes: 0, cutBy: undefined }, left: [] };

/** `git_diff`: what is changed and not committed, as a patch. */
export function gitDiffTool(deps: GitToolDeps): Tool {
  return {
    name: "git_diff",
    title: "Git diff",
    description: "Shows what is not committed as a patch, without untracked files.",
    inputSchema: {
      type: "object",
      properties: {
        ...patchProperties,
        staged: { type: "boolean", default: false },
        unstaged: { type: "boolean", default: true },
      },
      additionalProperties: false,
    },
    annotations: readOnly,
    profile: "read-only",
    lane: "heavy",
    async run(call) {
      const args = call.args as unknown as Args;
      const repository = findRepository(call.workspace.root, pathsOf(args));
      if (repository === undefined) return resultOf(call, nothing, [notARepository]);
      const diff = await readDiff(deps.git, gitPlace(deps, call, repository), {
        paths: repository.paths,
        unstaged: args.unstaged,
        staged: args.staged,
        contextLines: args.context_lines,
        maxBytes: args.max_bytes,
      });
      return resultOf(call, diff, []);
    },
  };
}

function resultOf(call: ToolCall, { files, patch, left }: Diff, warnings: readonly string[]): ToolResult {
  const isCut = patch.cutBy !== undefined;
  const next = isCut ? nextPatchCall("git_diff", call, { all: files.length, left }) : null;
  const notes = isCut ? [cutNote(patch.cutBy, next)] : [];
  const empty = patch.text === "" && warnings.length === 0 && !isCut ? ["(no changes)"] : [];
  return {
    content: [
      { type: "text", text: [...warnings, ...empty, ...notes, patch.text].filter(Boolean).join("\n") },
    ],
    structured: {
      ok: true,
      is_repo: warnings.length === 0,
      diff: patch.text,
      files: files.map(wireFile),
      output_lines: patch.lines,
      output_bytes: patch.bytes,
      truncated: isCut,
      truncated_by: patch.cutBy ?? null,
      next_action: next,
      warnings,
    },
  };
}

function wireFile(file: DiffFile): Record<string, unknown> {
  return { ...wireChange(file), staged: file.staged };
}
