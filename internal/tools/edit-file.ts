import type { Patcher } from "../patch/patcher.js";
import { inWorkspace } from "./next-calls.js";
import { shownLines } from "./shown-lines.js";
import type { Tool } from "./types.js";

interface Args {
  readonly path: string;
  readonly old_text: string;
  readonly new_text: string;
  readonly expected_count: number;
}

/** `edit_file`: replaces an exact text in one file. */
export function editFileTool({ patcher }: { readonly patcher: Patcher }): Tool {
  return {
    name: "edit_file",
    title: "Edit file",
    description: "Replaces an exact text in a file. It must occur expected_count times, or nothing changes.",
    inputSchema: {
      type: "object",
      properties: {
        path: { type: "string", minLength: 1 },
        old_text: { type: "string", minLength: 1 },
        new_text: { type: "string" },
        expected_count: { type: "integer", minimum: 1, default: 1 },
      },
      required: ["path", "old_text", "new_text"],
      additionalProperties: false,
    },
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
    profile: "full",
    lane: "fast",
    async run(call) {
      const { path, old_text, new_text, expected_count } = call.args as unknown as Args;
      const request = { path, oldText: old_text, newText: new_text, expectedCount: expected_count };
      const done = await inWorkspace(call, () => patcher.editFile(call, request));
      const at = `${done.lines.length === 1 ? "line" : "lines"} ${shownLines(done.lines.map(String)).join(", ")}`;
      const warnings = done.warnings.map((text) => `Warning: ${text}`);
      return {
        content: [{ type: "text", text: [`Changed ${done.path} at ${at}.`, ...warnings].join("\n") }],
        structured: {
          ok: true,
          path: done.path,
          count: done.lines.length,
          lines: done.lines,
          matched_with: done.matchedWith,
          additions: done.additions,
          removals: done.removals,
          warnings: done.warnings,
        },
        changes: done.changes,
      };
    },
  };
}
