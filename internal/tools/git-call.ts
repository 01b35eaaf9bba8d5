import type { FileChange } from "../git/changes.js";
import type { Git, GitPlace } from "../git/git.js";
import type { Repository } from "../git/repository.js";
import type { SandboxPolicy } from "../sandbox/types.js";
import type { Workspace } from "../workspace/workspace.js";
import { type NextCall, nextCall } from "./next-calls.js";
import type { JsonSchema, ToolCall } from "./types.js";

/** What every git tool stands on. */
export interface GitToolDeps {
  readonly git: Git;
  /** Of gitPolicy, made when the workspace was opened. */
  readonly policy: (workspace: Workspace) => SandboxPolicy;
}

/** The same arguments on the tools that answer with a patch. */
export interface PatchArgs {
  readonly path?: string;
  readonly paths?: readonly string[];
  readonly context_lines: number;
  readonly max_bytes: number;
}

const maxMaxBytes = 1_048_576;
/** More would make the call that shows them longer than what it shows. */
const maxPathsLeft = 50;
const maxPaths = 100;

export const patchProperties = {
  path: { type: "string" },
  paths: { type: "array", maxItems: maxPaths, items: { type: "string" } },
  context_lines: { type: "integer", minimum: 0, maximum: 20, default: 3 },
  max_bytes: { type: "integer", minimum: 1, maximum: maxMaxBytes, default: 262_144 },
} as const satisfies Readonly<Record<string, JsonSchema>>;

export const notARepository =
  "not a git repository; if there is one in a folder of the workspace, name that folder as path";

/** Where git runs for `call`. */
export function gitPlace({ policy }: GitToolDeps, call: ToolCall, { top }: Repository): GitPlace {
  return { policy: policy(call.workspace), top, signal: call.signal };
}

export function pathsOf({ path, paths = [] }: Pick<PatchArgs, "path" | "paths">): readonly string[] {
  return path === undefined ? paths : [path, ...paths];
}

/** The call that shows what a limit cut from a patch: the files left, or more bytes of a single one. */
export function nextPatchCall(
  tool: string,
  call: ToolCall,
  { all, left }: { readonly all: number; readonly left: readonly { readonly path: string }[] },
): NextCall | null {
  if (left.length > 0 && left.length < all) {
    const paths = left.slice(0, maxPathsLeft).map(({ path }) => path);
    return nextCall(tool, call, { path: undefined, paths });
  }
  const { max_bytes } = call.args as unknown as PatchArgs;
  return max_bytes < maxMaxBytes ? nextCall(tool, call, { max_bytes: maxMaxBytes }) : null;
}

/** What stands before a patch that was cut. */
export function cutNote(cutBy: string | undefined, next: NextCall | null): string {
  const call = next === null ? "narrower paths" : `${next.tool} ${JSON.stringify(next.arguments)}`;
  return `[cut: too many ${cutBy}; next: ${call}]`;
}

export function wireChange(change: FileChange): Record<string, unknown> {
  return {
    path: change.path,
    ...(change.oldPath !== undefined && { old_path: change.oldPath }),
    status: change.status,
    binary: change.binary,
    additions: change.additions,
    deletions: change.deletions,
  };
}

/** `path` as it may stand in a line of text: names with control characters or quotes in JSON quotes. */
export function shownPath(path: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they would break the line
  return /[\x00-\x1f\x7f"\\]/.test(path) ? JSON.stringify(path) : path;
}
