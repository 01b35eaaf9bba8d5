import type { ServerResponse } from "node:http";
import type { Principal } from "../auth/principal.js";
import type { Clock } from "../clock/clock.js";
import type { Fault } from "../errs/errs.js";
import { sendJson } from "../httpx/json.js";
import { clientGone } from "../tools/exec-command.js";
import { type CallDeps, refusalOf } from "./call.js";
import { dispatch } from "./dispatch.js";
import type { Elicitation } from "./elicitation.js";
import { checkNotification, type Era, type MirrorHeaders, readEra, versionOf } from "./era.js";
import type { InFlight } from "./inflight.js";
import {
  errorText,
  isObject,
  notificationText,
  type Request,
  RpcError,
  readMessage,
  resultText,
  rpcCodes,
} from "./jsonrpc.js";
import { acceptsStream, createReply, type Reply } from "./reply.js";
import { metaOf, type Subscriptions } from "./subscriptions.js";
import type { View, Views } from "./view.js";

/** The part of a configuration that protocol answers come from; a request keeps the one it began with. */
export interface McpSnapshot {
  readonly views: Views;
  readonly calls: CallDeps;
}

/** One request as it was understood, for the client list. */
export interface RequestRecord {
  readonly principal: Principal;
  readonly userAgent: string | undefined;
  /** By which tunnel it came, where that says so. */
  readonly tunnelMark?: string | undefined;
  readonly era: Era;
  /** The protocol version it names, if it names one. */
  readonly version: string | undefined;
  readonly request: Request;
  readonly view: View;
}

export interface McpHttpRequest {
  /** The parsed body, a JSON object. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: MirrorHeaders & {
    readonly accept: string | undefined;
    readonly userAgent: string | undefined;
    /** Ignored but for telling clients apart: there are no sessions. */
    readonly sessionId: string | undefined;
    readonly forwardedFor: string | undefined;
    readonly tunnelMark?: string | undefined;
  };
  readonly principal: Principal;
  /** From `/w/<id>/mcp`. */
  readonly workspaceId: string | undefined;
  readonly snapshot: McpSnapshot;
  readonly res: ServerResponse;
}

export interface McpHttpDeps {
  readonly clock: Clock;
  readonly inFlight: InFlight;
  readonly subscriptions: Subscriptions;
  readonly elicitation: Elicitation;
  readonly onRequest: (record: RequestRecord) => void;
}

/** Makes the handler of POST /mcp: Streamable HTTP, stateless, both eras on one endpoint. */
export function createMcpHttp(deps: McpHttpDeps): (request: McpHttpRequest) => Promise<void> {
  return async (http) => {
    const message = readMessage(http.body);
    if (message.kind === "invalid") return sendJson(http.res, 200, errorText(message.id, message.error));
    if (message.kind === "response") {
      deps.elicitation.answer(http.principal.id, message.response);
      return accepted(http.res);
    }
    const view = http.snapshot.views(http.principal, http.workspaceId);
    if (message.kind === "notification") {
      try {
        checkNotification(message.notification, http.headers);
      } catch (error) {
        return sendJson(http.res, 400, errorText(null, asRpcError(error)));
      }
      if (message.notification.method === "notifications/cancelled") {
        const { requestId } = message.notification.params;
        if (typeof requestId === "string" || typeof requestId === "number") {
          deps.inFlight.cancel(callerKey(http), requestId);
        }
      }
      return accepted(http.res);
    }
    const { request } = message;
    if (view === undefined) return refuseView(http, request);
    let era: Era;
    try {
      era = readEra(request, http.headers);
    } catch (error) {
      return sendJson(http.res, 400, errorText(request.id, asRpcError(error)));
    }
    const version = versionOf(request, http.headers);
    deps.onRequest({
      principal: http.principal,
      userAgent: http.headers.userAgent,
      tunnelMark: http.headers.tunnelMark,
      era,
      version,
      request,
      view,
    });
    if (request.method === "initialize" || request.method === "server/discover") {
      const refusal = refusalOf(http.snapshot.calls.limits, http.principal);
      if (refusal !== undefined) return refuseForNow(http.res, request, refusal);
    }
    if (era === "legacy" && request.method === "initialize")
      deps.elicitation.declare(callerKey(http), request);
    if (era === "modern" && request.method === "subscriptions/listen")
      return listen(deps, http, request, view);
    await answer(deps, http, { request, era, view });
  };
}

async function answer(
  deps: McpHttpDeps,
  http: McpHttpRequest,
  { request, era, view }: { request: Request; era: Era; view: View },
): Promise<void> {
  const controller = new AbortController();
  const forget = deps.inFlight.add(callerKey(http), request.id, () => controller.abort());
  const reply = createReply({
    res: http.res,
    accept: http.headers.accept,
    clock: deps.clock,
    // 2026-07-28: closing the response is the cancellation. Before that a disconnect is no sign of one.
    onDisconnect: () => era === "modern" && controller.abort(clientGone),
  });
  try {
    const exchange = {
      era,
      principal: http.principal,
      view,
      signal: controller.signal,
      notify: reply.notify,
      ask: deps.elicitation.askFor({
        era,
        caller: callerKey(http),
        principalId: http.principal.id,
        request,
        send: acceptsStream(http.headers.accept) ? reply.notify : undefined,
      }),
    };
    reply.finish(200, resultText(request.id, await dispatch(http.snapshot.calls, request, exchange)));
  } catch (error) {
    if (!(error instanceof RpcError)) http.snapshot.calls.onBug(request.method, error);
    const problem = asRpcError(error);
    reply.finish(era === "modern" ? rpcCodes[problem.kind].status : 200, errorText(request.id, problem));
  } finally {
    forget();
  }
}

/** `subscriptions/listen` (2026-07-28): acknowledged at once, open until one side ends it. */
function listen(deps: McpHttpDeps, http: McpHttpRequest, request: Request, view: View): void {
  const asked = request.params.notifications;
  if (!isObject(asked)) {
    return refuse(http.res, request, new RpcError("invalidParams", "params.notifications must be an object"));
  }
  if (!acceptsStream(http.headers.accept)) {
    return refuse(
      http.res,
      request,
      new RpcError("invalidRequest", "subscriptions/listen needs Accept: text/event-stream"),
    );
  }
  const tools = asked.toolsListChanged === true;
  let remove: (() => void) | undefined;
  const reply: Reply = createReply({
    res: http.res,
    accept: http.headers.accept,
    clock: deps.clock,
    onDisconnect: () => remove?.(),
  });
  const subscriber = {
    principal: http.principal,
    workspaceId: http.workspaceId,
    subscriptionId: request.id,
    send: (text: string) => tools && reply.notify(text),
    end: () => reply.finish(200, resultText(request.id, listenResult(request))),
  };
  remove = deps.subscriptions.add(subscriber, view.catalogue.hash);
  if (remove === undefined) {
    const full = new RpcError("invalidRequest", "this client holds too many subscriptions; close one first");
    return reply.finish(429, errorText(request.id, full));
  }
  const honoured = { notifications: tools ? { toolsListChanged: true } : {} };
  reply.notify(
    notificationText("notifications/subscriptions/acknowledged", { ...honoured, ...metaOf(request.id) }),
  );
}

function listenResult(request: Request): string {
  return JSON.stringify({ resultType: "complete", ...metaOf(request.id) });
}

/**
 * Tells apart clients as well as one request can: those that share a token differ at least in one of these.
 * None of it grants anything.
 */
function callerKey({ principal, headers }: McpHttpRequest): string {
  return JSON.stringify([principal.id, headers.userAgent, headers.sessionId, headers.forwardedFor]);
}

/** Never 404 at `/mcp` itself: to a handshake-era client that means a lost session. */
function refuseView({ workspaceId, snapshot, principal, res }: McpHttpRequest, request: Request): void {
  if (workspaceId === undefined) {
    const error = new RpcError("invalidRequest", "no workspace is open to this client");
    return sendJson(res, 403, errorText(request.id, error));
  }
  const workspaces = snapshot.views(principal, undefined)?.reachable.map(({ workspace }) => workspace.id);
  const error = new RpcError("invalidRequest", `no workspace ${workspaceId} here`, { workspaces });
  sendJson(res, 404, errorText(request.id, error));
}

/** A protocol error as it is; anything else is a bug that must not show its text to a stranger. */
function asRpcError(error: unknown): RpcError {
  return error instanceof RpcError
    ? error
    : new RpcError("internal", "internal error; the daemon's log has the details");
}

function refuse(res: ServerResponse, request: Request, error: RpcError): void {
  sendJson(res, rpcCodes[error.kind].status, errorText(request.id, error));
}

/** What makes the instructions counts as a call; the lists and `ping` are free. */
function refuseForNow(res: ServerResponse, request: Request, { message, hint, code, details }: Fault): void {
  const text = hint === undefined ? message : `${message}: ${hint}`;
  const error = new RpcError("rateLimited", text, { ...details, code });
  const seconds = Math.ceil(Number(details.retry_after_ms ?? 0) / 1000);
  sendJson(res, rpcCodes.rateLimited.status, errorText(request.id, error), {
    "Retry-After": String(Math.max(1, seconds)),
  });
}

function accepted(res: ServerResponse): void {
  res.writeHead(202, { "Content-Length": 0, "Cache-Control": "no-store" });
  res.end();
}
