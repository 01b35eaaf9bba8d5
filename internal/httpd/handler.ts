import type { IncomingMessage, ServerResponse } from "node:http";
import { type Authenticator, isAuthFailure } from "../auth/authenticator.js";
import type { SignIn } from "../auth/oauth/server.js";
import type { Principal } from "../auth/principal.js";
import { sendJson } from "../httpx/json.js";
import type { Logger } from "../log/log.js";
import { type ProbeResponder, probePrefix } from "../tunnel/probe-responder.js";
import { tunnelMarkHeader } from "../tunnel/types.js";
import type { ClientStep } from "./client-step.js";
import type { RequestGate } from "./gate.js";
import { type RpcRefusal, sendRefusal } from "./refusal.js";
import { findRoute, type Route } from "./routes.js";
import { readRpcObject } from "./rpc-body.js";
import { answerSignIn } from "./sign-in.js";

/** The part of one configuration that requests are answered under. Replaced whole at reload. */
export interface HttpSnapshot {
  readonly gate: RequestGate;
  readonly auth: Authenticator;
  /** undefined: clients do not sign in. */
  readonly signIn: SignIn | undefined;
  /** The public server card, as JSON. */
  readonly card: Buffer;
}

/** One accepted `POST` to an MCP endpoint. `mcp.handle` answers it through `res`. */
export interface McpRequest<S> {
  /** A parsed JSON object; its envelope is not checked yet. */
  readonly body: Record<string, unknown>;
  readonly headers: McpHeaders;
  readonly principal: Principal;
  /** From `/w/<id>/mcp`; a well-formed id, which may not exist. */
  readonly workspaceId: string | undefined;
  /** The configuration this request began with, and ends with. */
  readonly snapshot: S;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

/** Headers that matter to MCP, as sent. Nothing here identifies anybody. */
export interface McpHeaders {
  readonly protocolVersion: string | undefined;
  readonly mcpMethod: string | undefined;
  readonly mcpName: string | undefined;
  readonly accept: string | undefined;
  readonly userAgent: string | undefined;
  readonly sessionId: string | undefined;
  readonly forwardedFor: string | undefined;
  readonly tunnelMark: string | undefined;
}

export interface HandlerDeps<S extends HttpSnapshot> {
  /** The snapshot in force; read once a request. */
  readonly current: () => S;
  readonly mcp: { handle(request: McpRequest<S>): void | Promise<void> };
  /** True once shutdown has begun: new MCP requests are turned away. */
  readonly draining: () => boolean;
  readonly log: Logger;
  /** Answers the probes that come back through the public URL; absent: there are none. */
  readonly probe?: Pick<ProbeResponder, "answer">;
  /** Told of each step of a client's way in that does not end in an MCP answer. */
  readonly onStep?: (step: ClientStep) => void;
}

const allMethods = "GET, HEAD, POST, OPTIONS";

/**
 * Makes the handler of every HTTP request; it needs no listener of its own. The order is fixed: gate, route,
 * authentication, method, media type, body. Every answer is JSON, also to an unknown path.
 */
export function createHandler<S extends HttpSnapshot>(
  deps: HandlerDeps<S>,
): (req: IncomingMessage, res: ServerResponse) => void {
  return (req, res) => {
    const report = (error: unknown): void => {
      deps.log.error("request failed", { method: req.method, url: req.url, error });
    };
    // A write after the end, say: a bug, but none that may end the process.
    res.on("error", report);
    answer(req, res).catch((error: unknown) => {
      report(error);
      if (res.headersSent) res.destroy();
      else sendRefusal(res, { status: 500, code: -32603, message: "internal error" });
    });
  };

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const snapshot = deps.current();
    const refusal = snapshot.gate.check(req);
    if (refusal !== undefined) return sendRefusal(res, refusal);
    if (req.headers.origin !== undefined) allowOrigin(res, req.headers.origin);
    if (deps.probe !== undefined && req.url?.startsWith(probePrefix)) return deps.probe.answer(req.url, res);
    const route = findRoute(req.url ?? "");
    const known = isKnown(route, snapshot.signIn);
    if (known && req.method === "OPTIONS") return sendOptions(res);
    if (route.kind === "mcp") return answerMcp(snapshot, route, req, res);
    if (route.kind === "oauth" && snapshot.signIn !== undefined) {
      if (deps.draining()) return sendJson(res, 503, { error: "temporarily_unavailable" }, leaving);
      return answerSignIn(
        { endpoint: route.endpoint, signIn: snapshot.signIn, onStep: deps.onStep },
        req,
        res,
      );
    }
    if (req.method === "POST" && !(known && route.kind === "oauth-metadata"))
      return sendRefusal(res, { status: 404, code: -32601, message: "unknown endpoint" });
    if (known && req.method !== "GET" && req.method !== "HEAD") {
      return sendJson(res, 405, { error: "Method not allowed" }, { Allow: "GET, HEAD" });
    }
    switch (route.kind) {
      case "card":
        return sendJson(res, 200, snapshot.card);
      case "health":
        return deps.draining()
          ? sendJson(res, 503, { status: "draining" })
          : sendJson(res, 200, { status: "ok" });
      case "oauth-metadata":
        tellStep("metadata", req, res);
        return answerMetadata(snapshot.signIn, route, res);
      case "oauth":
      case "unknown":
        return sendJson(res, 404, { error: "Unknown endpoint" });
    }
  }

  function tellStep(step: "metadata" | "mcp", req: IncomingMessage, res: ServerResponse): void {
    const userAgent = req.headers["user-agent"];
    res.once("close", () => deps.onStep?.({ userAgent, step, status: res.statusCode }));
  }

  async function answerMcp(
    snapshot: S,
    { path, workspaceId }: Extract<Route, { kind: "mcp" }>,
    req: IncomingMessage,
    res: ServerResponse,
  ): Promise<void> {
    const { auth } = snapshot;
    const found = auth.authenticate(req.headers.authorization);
    // Most are known at once, and a turn of the event loop is most of what a ping costs.
    const principal = found instanceof Promise ? await found : found;
    if (isAuthFailure(principal)) {
      tellStep("mcp", req, res);
      return sendRefusal(res, unauthorized, { "WWW-Authenticate": auth.challenge(principal, path) });
    }
    if (req.method !== "POST") return sendRefusal(res, wrongMethod(req.method), { Allow: "POST" });
    if (deps.draining()) return sendRefusal(res, draining, leaving);
    const body = await readRpcObject(req, res);
    if (body === undefined) return;
    await deps.mcp.handle({ body, headers: mcpHeaders(req), principal, workspaceId, snapshot, req, res });
  }
}

const leaving = { "Retry-After": "1", Connection: "close" };
const unauthorized: RpcRefusal = { status: 401, code: -32000, message: "Unauthorized" };
const draining: RpcRefusal = {
  status: 503,
  code: -32603,
  message: "the server is shutting down, try again shortly",
};

function isKnown(route: Route, signIn: SignIn | undefined): boolean {
  if (route.kind === "oauth") return signIn !== undefined;
  if (route.kind === "oauth-metadata") return signIn !== undefined && route.document !== "none";
  return route.kind !== "unknown";
}

function answerMetadata(
  signIn: SignIn | undefined,
  { document, about }: Extract<Route, { kind: "oauth-metadata" }>,
  res: ServerResponse,
): void {
  // A client that gets anything but 404 here without sign-in would try to register.
  if (signIn === undefined) return sendJson(res, 404, { error: "OAuth not configured" });
  if (document === "none") return sendJson(res, 404, { error: "Unknown endpoint" });
  return sendJson(res, 200, document === "server" ? signIn.serverMetadata : signIn.resourceMetadata(about));
}

/** Codes as the wire contract has them: -32601 for DELETE, -32000 for the others. */
function wrongMethod(method: string | undefined): RpcRefusal {
  const code = method === "DELETE" ? -32601 : -32000;
  return { status: 405, code, message: "only POST: this server keeps no sessions and offers no GET stream" };
}

function mcpHeaders({ headers }: IncomingMessage): McpHeaders {
  return {
    protocolVersion: single(headers["mcp-protocol-version"]),
    mcpMethod: single(headers["mcp-method"]),
    mcpName: single(headers["mcp-name"]),
    accept: headers.accept,
    userAgent: headers["user-agent"],
    sessionId: single(headers["mcp-session-id"]),
    forwardedFor: single(headers["x-forwarded-for"]),
    tunnelMark: single(headers[tunnelMarkHeader]),
  };
}

/** node:http joins repeated headers into one string; the type only does not know it. */
function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(", ") : value;
}

function allowOrigin(res: ServerResponse, origin: string): void {
  res.setHeader("Access-Control-Allow-Origin", origin);
  res.setHeader("Access-Control-Expose-Headers", "WWW-Authenticate, Retry-After");
  res.setHeader("Vary", "Origin");
}

function sendOptions(res: ServerResponse): void {
  const headers: Record<string, string> = { Allow: allMethods, "Cache-Control": "no-store" };
  if (res.hasHeader("Access-Control-Allow-Origin")) {
    headers["Access-Control-Allow-Methods"] = allMethods;
    headers["Access-Control-Allow-Headers"] =
      "Accept, Authorization, Content-Type, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id";
    headers["Access-Control-Max-Age"] = "600";
  }
  res.writeHead(204, headers).end();
}
