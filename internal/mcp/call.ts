import type { Principal } from "../auth/principal.js";
import type { Clock } from "../clock/clock.js";
import { allows } from "../config/config.js";
import { Fault } from "../errs/errs.js";
import { type ArgumentValidators, checkArguments } from "../tools/arguments.js";
import { failureResult, isExpected } from "../tools/failure.js";
import type { ReachableWorkspace, Tool, ToolCall, ToolResult } from "../tools/types.js";
import { isObject, type Request, RpcError } from "./jsonrpc.js";
import type { View } from "./view.js";

/** Bounds on how much one client, and all together, may ask for. */
export interface CallLimits {
  /** Throws RATE_LIMITED when the client calls too often. */
  admit(principal: Principal): void;
  /** Runs `work` when its lane has room: `fast` calls never wait behind `heavy` ones. Throws SERVER_BUSY when full. */
  run<T>(options: {
    principal: Principal;
    lane: Tool["lane"];
    signal: AbortSignal;
    work: () => Promise<T>;
  }): Promise<T>;
}

/** One finished call, for the trace and the client list. Arguments are as received. */
export interface CallRecord {
  readonly principal: Principal;
  readonly tool: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly ok: boolean;
  readonly errorCode: string | undefined;
  readonly durationMs: number;
  readonly truncated: boolean;
}

export interface CallDeps {
  readonly validators: ArgumentValidators;
  readonly limits: CallLimits;
  readonly clock: Clock;
  readonly onCall: (record: CallRecord) => void;
  /** A tool, or the answer to a method, threw something that is no expected failure: a bug, for the log. */
  readonly onBug: (where: string, error: unknown) => void;
}

export interface CallContext {
  readonly principal: Principal;
  readonly view: View;
  readonly signal: AbortSignal;
  readonly progress: ToolCall["progress"];
}

/**
 * Runs one `tools/call`. A name outside the caller's catalogue, or outside its profile in the workspace it names, and
 * arguments that do not fit are protocol errors (-32602, as the wire contract has it); everything else is a result.
 */
export async function callTool(deps: CallDeps, request: Request, context: CallContext): Promise<ToolResult> {
  const { tool, args, target } = resolveCall(deps, request, context.view);
  const started = deps.clock.monotonic();
  let result: ToolResult;
  try {
    deps.limits.admit(context.principal);
    const call: ToolCall = {
      args,
      workspace: target.workspace,
      reachable: context.view.reachable,
      toolNames: context.view.catalogue.names,
      signal: context.signal,
      progress: context.progress,
    };
    result = await deps.limits.run({
      principal: context.principal,
      lane: tool.lane,
      signal: context.signal,
      work: async () => tool.run(call),
    });
  } catch (error) {
    if (!isExpected(error) && !context.signal.aborted) deps.onBug(tool.name, error);
    result = failureResult(context.signal.aborted ? new Fault("CANCELLED", "the call was cancelled") : error);
  }
  const failure = result.structured.error as { code?: string } | undefined;
  deps.onCall({
    principal: context.principal,
    tool: tool.name,
    args,
    ok: result.structured.ok,
    errorCode: failure?.code,
    durationMs: Math.round(deps.clock.monotonic() - started),
    truncated: result.structured.truncated === true,
  });
  return result;
}

function resolveCall(
  deps: CallDeps,
  request: Request,
  view: View,
): { tool: Tool; args: Record<string, unknown>; target: ReachableWorkspace } {
  const { name, arguments: given = {} } = request.params;
  if (typeof name !== "string") throw invalidArguments("params.name must be a string");
  const tool = view.catalogue.tools.get(name);
  if (tool === undefined) throw unknownTool(name);
  if (!isObject(given)) throw invalidArguments("arguments must be an object");
  const { workspace, ...args } = given;
  const target = pickWorkspace(view, workspace);
  if (!allows(target.profile, tool.profile)) {
    throw unknownTool(`${name} (workspace ${target.workspace.id} is ${target.profile} for you)`);
  }
  const validate = deps.validators[tool.name];
  if (validate === undefined) throw new RpcError("internal", `no validator for ${tool.name}`);
  const problem = checkArguments(tool, validate, args);
  if (problem !== undefined) throw invalidArguments(problem);
  return { tool, args, target };
}

/** The named workspace, or the default. Naming the only one is fine even where the schema does not offer it. */
function pickWorkspace(view: View, id: unknown): ReachableWorkspace {
  if (id === undefined) return view.reachable[0];
  const found = view.reachable.find(({ workspace }) => workspace.id === id);
  if (found !== undefined) return found;
  const ids = view.reachable.map(({ workspace }) => workspace.id).join(", ");
  throw invalidArguments(`arguments.workspace must be one of ${ids}`);
}

function unknownTool(name: string): RpcError {
  return new RpcError("invalidParams", `Unknown tool: ${name}`, { reason: "unknown_tool" });
}

function invalidArguments(message: string): RpcError {
  return new RpcError("invalidParams", message, { code: "INVALID_ARGUMENT", reason: "invalid_arguments" });
}
