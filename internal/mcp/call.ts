import type { Principal } from "../auth/principal.js";
import type { Clock } from "../clock/clock.js";
import { allows } from "../config/config.js";
import { brief } from "../errs/brief.js";
import { Fault } from "../errs/errs.js";
import { type ArgumentValidators, checkArguments } from "../tools/arguments.js";
import { failureResult, isExpected } from "../tools/failure.js";
import type { Lane, ReachableWorkspace, Tool, ToolCall, ToolResult } from "../tools/types.js";
import { InputRequired } from "./elicitation.js";
import { isObject, type Request, RpcError } from "./jsonrpc.js";
import type { View } from "./view.js";

/** Bounds on how much one client, and all together, may ask for. */
export interface CallLimits {
  /** Counts one call; throws RATE_LIMITED, with `retry_after_ms` in its details, when the client calls too often. */
  admit(principal: Principal): void;
  /** Runs `work` when its lane has room: `fast` calls never wait behind `heavy` ones. Throws SERVER_BUSY when full. */
  run<T>(options: {
    principal: Principal;
    lane: Lane;
    signal: AbortSignal;
    work: () => Promise<T>;
  }): Promise<T>;
}

/** A call that is about to run. Arguments are those the tool is given. */
export interface BegunCall {
  readonly principal: Principal;
  readonly tool: string;
  readonly workspace: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** One finished call, for the trace and the audit. Tool and arguments are as received when it was turned away before it ran. */
export interface CallRecord extends Omit<BegunCall, "workspace"> {
  /** Undefined when it was turned away before that was known. */
  readonly workspace: string | undefined;
  readonly ok: boolean;
  readonly errorCode: string | undefined;
  readonly durationMs: number;
  /** Of the result as it is sent, images and all; undefined when it did not run. */
  readonly bytes: number | undefined;
  readonly truncated: boolean;
  /** Undefined when it did not run. */
  readonly result: ToolResult | undefined;
}

export interface CallDeps {
  readonly validators: ArgumentValidators;
  readonly limits: CallLimits;
  readonly clock: Clock;
  /** Before a tool runs that may change something. A Fault it throws is the answer, and the tool does not run. */
  readonly onBegin?: ((call: BegunCall) => void) | undefined;
  readonly onCall: (record: CallRecord) => void;
  /** A tool, or the answer to a method, threw something that is no expected failure: a bug, for the log. */
  readonly onBug: (where: string, error: unknown) => void;
}

export interface CallContext {
  readonly principal: Principal;
  readonly view: View;
  readonly signal: AbortSignal;
  readonly progress: ToolCall["progress"];
  readonly ask: ToolCall["ask"];
}

/**
 * Runs one `tools/call` and returns its result as JSON. A name outside the caller's catalogue, or outside its profile in the workspace it names, and
 * arguments that do not fit are protocol errors (-32602, as the wire contract has it); everything else is a result.
 * InputRequired passes through: the call is not over, only this round of it.
 */
export async function callTool(deps: CallDeps, request: Request, context: CallContext): Promise<string> {
  const started = deps.clock.monotonic();
  // Before the arguments are looked at: that may take long, and is not free because they are wrong.
  const refusal = refusalOf(deps.limits, context.principal);
  if (refusal !== undefined) {
    turnedAway(deps, request, context.principal, refusal.code);
    return render(failureResult(refusal));
  }
  const { tool, args, target } = acceptOr(
    () => acceptCall(deps, request, context.view),
    (reason) => turnedAway(deps, request, context.principal, reason),
  );
  const begun: BegunCall = {
    principal: context.principal,
    tool: tool.name,
    workspace: target.workspace.id,
    args,
  };
  let result: ToolResult;
  let body: string;
  try {
    const call: ToolCall = {
      args,
      workspace: target.workspace,
      caller: context.principal.id,
      reachable: context.view.reachable,
      toolNames: context.view.catalogue.names,
      signal: context.signal,
      progress: context.progress,
      ask: context.ask,
    };
    result = await deps.limits.run({
      principal: context.principal,
      lane: typeof tool.lane === "function" ? tool.lane(args) : tool.lane,
      signal: context.signal,
      work: async () => {
        if (tool.profile === "full") deps.onBegin?.(begun);
        return tool.run(call);
      },
    });
    body = render(result);
  } catch (error) {
    if (error instanceof InputRequired) throw error;
    if (!isExpected(error) && !context.signal.aborted) deps.onBug(tool.name, error);
    result = failureResult(context.signal.aborted ? new Fault("CANCELLED", "the call was cancelled") : error);
    body = render(result);
  }
  const failure = result.structured.error as { code?: string } | undefined;
  deps.onCall({
    ...begun,
    ok: result.structured.ok,
    errorCode: failure?.code,
    durationMs: Math.round(deps.clock.monotonic() - started),
    bytes: Buffer.byteLength(body),
    truncated: result.structured.truncated === true,
    result,
  });
  return body;
}

function render({ content, structured }: ToolResult): string {
  return JSON.stringify({ content, structuredContent: structured, isError: !structured.ok });
}

/** A call that did not get as far as its tool. */
function turnedAway(deps: CallDeps, { params }: Request, principal: Principal, errorCode: string): void {
  deps.onCall({
    principal,
    tool: typeof params.name === "string" ? brief(params.name) : "",
    workspace: undefined,
    args: isObject(params.arguments) ? params.arguments : {},
    ok: false,
    errorCode,
    durationMs: 0,
    bytes: undefined,
    truncated: false,
    result: undefined,
  });
}

function acceptOr<T>(accept: () => T, otherwise: (errorCode: string) => void): T {
  try {
    return accept();
  } catch (error) {
    const isUnknown = error instanceof RpcError && error.data?.reason === "unknown_tool";
    otherwise(isUnknown ? "UNKNOWN_TOOL" : "INVALID_ARGUMENT");
    throw error;
  }
}

/** Counts one request of `principal`; a Fault RATE_LIMITED when there were too many. */
export function refusalOf(limits: CallLimits, principal: Principal): Fault | undefined {
  try {
    limits.admit(principal);
    return undefined;
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}

interface AcceptedCall {
  readonly tool: Tool;
  readonly args: Record<string, unknown>;
  readonly target: ReachableWorkspace;
}

function acceptCall(deps: CallDeps, { params }: Request, view: View): AcceptedCall {
  const { name, arguments: given = {} } = params;
  if (typeof name !== "string") throw invalidArguments("params.name must be a string");
  const tool = view.catalogue.tools.get(name);
  if (tool === undefined) throw unknownTool(brief(name));
  if (!isObject(given)) throw invalidArguments("arguments must be an object");
  const { workspace, ...args } = given;
  const target = pickWorkspace(view, workspace);
  if (!allows(target.profile, tool.profile)) {
    throw unknownTool(`${tool.name} (workspace ${target.workspace.id} is ${target.profile} for you)`);
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
