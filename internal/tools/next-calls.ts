import { Fault } from "../errs/errs.js";
import type { ToolCall } from "./types.js";

/** Details of a Fault that hold a call ready to be made: `{tool, arguments}`. */
const nextCalls = ["next_action", "retry"] as const;

/** A call ready to be made. */
export interface NextCall {
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** The argument that names the workspace, where the caller has several. */
export function workspaceArgument({ reachable, workspace }: Pick<ToolCall, "reachable" | "workspace">): {
  workspace?: string;
} {
  return reachable.length > 1 ? { workspace: workspace.id } : {};
}

/** A call of `tool` with the arguments of this one but for `changes`; one changed to undefined is left out. */
export function nextCall(tool: string, call: ToolCall, changes: Readonly<Record<string, unknown>>): NextCall {
  const next = { ...call.args, ...workspaceArgument(call), ...changes };
  return {
    tool,
    arguments: Object.fromEntries(Object.entries(next).filter(([, value]) => value !== undefined)),
  };
}

/** Runs `run`; the calls that a Fault of it offers name the workspace, where the caller reaches several. */
export async function inWorkspace<T>(
  { reachable, workspace }: Pick<ToolCall, "reachable" | "workspace">,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof Fault) || reachable.length < 2) throw error;
    const { code, message, hint, details, cause } = error;
    const named = nextCalls.flatMap((key) => {
      const call = details[key] as { readonly arguments: object } | undefined;
      return call === undefined
        ? []
        : [[key, { ...call, arguments: { ...call.arguments, workspace: workspace.id } }] as const];
    });
    throw new Fault(code, message, {
      ...(hint !== undefined && { hint }),
      details: { ...details, ...Object.fromEntries(named) },
      cause,
    });
  }
}
