import type { Tool, ToolCall } from "../../internal/tools/types.js";
import type { Workspace } from "../../internal/workspace/workspace.js";

/** The structured answer of a tool and its text; fields that a test does not look at may be absent. */
export interface Answer {
  readonly text: string;
  readonly command_id: string;
  readonly stdout: string;
  readonly next_action: { readonly tool: string; readonly arguments: Record<string, unknown> };
  readonly [field: string]: unknown;
}

export type CallTool = (
  tool: Tool,
  args?: Record<string, unknown>,
  more?: Partial<ToolCall>,
) => Promise<Answer>;

/** Calls tools in `workspace` as the server does, the schema's defaults filled in. */
export function toolCaller(workspace: Workspace): CallTool {
  return async (tool, args = {}, more = {}) => {
    const defaults = Object.entries(tool.inputSchema.properties).filter(([, schema]) => "default" in schema);
    const { content, structured } = await tool.run({
      args: { ...Object.fromEntries(defaults.map(([name, schema]) => [name, schema.default])), ...args },
      workspace,
      caller: "test",
      ask: undefined,
      reachable: [{ workspace, profile: "full" }],
      toolNames: ["write_stdin", "read_output"],
      signal: new AbortController().signal,
      progress: () => undefined,
      ...more,
    });
    const [block] = content;
    return { ...structured, text: block?.type === "text" ? block.text : "" } as unknown as Answer;
  };
}
