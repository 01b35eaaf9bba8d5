import type { Patcher, PatchOutcome } from "../patch/patcher.js";
import { inWorkspace } from "./next-calls.js";
import type { Tool, ToolResult } from "./types.js";

interface Args {
  readonly patch: string;
  readonly dry_run: boolean;
}

/** `apply_patch`: changes several files at once, all or none. */
export function applyPatchTool({ patcher }: { readonly patcher: Patcher }): Tool {
  return {
    name: "apply_patch",
    title: "Apply patch",
    description:
      "Adds, changes, moves and deletes files by one patch: all of it or nothing. @@ may name the enclosing function. Example:\n*** Begin Patch\n*** Update File: src/app.py\n@@ def greet():\n-    print('Hi')\n+    print('Hello')\n*** End Patch\nAlso: *** Add File: path (lines start with +), *** Delete File: path, and *** Move to: path below *** Update File.",
    inputSchema: {
      type: "object",
      properties: {
        patch: { type: "string", minLength: 1 },
        dry_run: { type: "boolean", default: false },
      },
      required: ["patch"],
      additionalProperties: false,
    },
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
    profile: "full",
    lane: "fast",
    async run(call) {
      const { patch, dry_run } = call.args as unknown as Args;
      const outcome = await inWorkspace(call, () => patcher.applyPatch(call, patch, dry_run));
      return resultOf(outcome, dry_run);
    },
  };
}

function resultOf(
  { affected, summary, additions, removals, warnings, changes }: PatchOutcome,
  dryRun: boolean,
): ToolResult {
  const what = `${dryRun ? "Would change" : "Changed"} ${affected.length} ${affected.length === 1 ? "file" : "files"}`;
  const lines = [
    `${what}, +${additions} -${removals}:`,
    ...summary,
    ...warnings.map((text) => `Warning: ${text}`),
  ];
  return {
    content: [{ type: "text", text: lines.join("\n") }],
    structured: {
      ok: true,
      dry_run: dryRun,
      clean: affected.every(({ matched_with }) => !looseMatches.has(matched_with ?? "exact")),
      summary: summary.join("\n"),
      affected_files: affected,
      additions,
      removals,
      warnings,
    },
    changes,
  };
}

/** Ways of finding a place that pass over white space. */
const looseMatches: ReadonlySet<string> = new Set(["trailing_whitespace", "indentation"]);
