import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Fault, messageOf } from "../errs/errs.js";
import { metricsType } from "../metrics/registry.js";
import type { AdminBackend } from "./backend.js";
import { Refusal, routes } from "./routes.js";
import { adminHost, adminSchema, type ErrorReport, versionHeader } from "./types.js";

const maxBodyBytes = 65_536;

export interface AdminHandlerDeps {
  readonly backend: AdminBackend;
  readonly version: string;
  readonly onError: (error: unknown) => void;
  /** Aborted when the server closes; ends log streams. */
  readonly signal: AbortSignal;
}

const statusOfCode: Readonly<Record<string, number>> = {
  INVALID_ARGUMENT: 400,
  NOT_FOUND: 404,
  PERMISSION: 403,
  REFUSED: 409,
  PATCH_CONFLICT: 409,
  ADDRESS_IN_USE: 409,
  CONFIG_MISSING: 422,
  CONFIG_INVALID: 422,
  SERVER_BUSY: 503,
};

/** Answers the requests of the admin API; see types.ts for its methods and paths. */
export function createAdminHandler(
  deps: AdminHandlerDeps,
): (req: IncomingMessage, res: ServerResponse) => void {
  return (req, res) => {
    res.setHeader(versionHeader, deps.version);
    // A client that goes away mid-answer ends its own request, nothing else.
    res.on("error", () => {});
    handle(deps, req, res).catch((error: unknown) => sendError(deps, res, error));
  };
}

async function handle(deps: AdminHandlerDeps, req: IncomingMessage, res: ServerResponse): Promise<void> {
  refuseBrowsers(req);
  const [path = "", search] = (req.url ?? "").split("?", 2);
  const query = new URLSearchParams(search);
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (!route) {
    throw new Refusal(404, `no such path: ${path}`, "the daemon and ctmcpctl may be of different versions");
  }
  const answer = req.method === "GET" ? route.GET : req.method === "POST" ? route.POST : undefined;
  if (answer === undefined) {
    const methods = Object.keys(route).join(", ");
    res.setHeader("allow", methods);
    throw new Refusal(405, `${path} takes ${methods}, not ${req.method}`);
  }
  if (answer === "logs") return streamLogs(deps, query.has("follow"), res);
  if (answer === "metrics") return sendText(res, deps.backend.metrics?.() ?? "", metricsType);
  const body = req.method === "POST" ? await readBody(req) : {};
  send(res, 200, await answer(deps.backend, { query, body }));
}

/** A browser that is tricked into talking to the socket through some bridge shows itself by these headers. */
function refuseBrowsers(req: IncomingMessage): void {
  if (req.headers.host !== adminHost) throw new Refusal(403, `the Host header must be ${adminHost}`);
  if (req.headers.origin !== undefined || req.headers.referer !== undefined) {
    throw new Refusal(403, "web pages may not use this interface");
  }
}

async function readBody(req: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes) throw new Refusal(413, `the body is larger than ${maxBodyBytes} bytes`);
    chunks.push(chunk);
  }
  if (size === 0) return {};
  const body = parse(Buffer.concat(chunks).toString("utf8"));
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new Refusal(400, "the body must be a JSON object");
  }
  return body as Record<string, unknown>;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Refusal(400, `the body is not JSON: ${messageOf(error)}`);
  }
}

async function streamLogs(deps: AdminHandlerDeps, follow: boolean, res: ServerResponse): Promise<void> {
  const gone = new AbortController();
  res.once("close", () => gone.abort());
  const signal = AbortSignal.any([gone.signal, deps.signal]);
  res.writeHead(200, { "content-type": "application/x-ndjson", "cache-control": "no-store" });
  // The reader knows at once that it is connected, even when there is nothing to read yet.
  res.flushHeaders();
  try {
    for await (const line of deps.backend.logs({ follow, signal })) {
      if (!res.write(`${JSON.stringify(line)}\n`)) await once(res, "drain", { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  res.end();
}

function send(res: ServerResponse, status: number, body: object): void {
  sendText(res, JSON.stringify({ schema: adminSchema, ...body }), "application/json", status);
}

function sendText(res: ServerResponse, text: string, type: string, status = 200): void {
  res.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
  });
  res.end(text);
}

function sendError(deps: AdminHandlerDeps, res: ServerResponse, error: unknown): void {
  if (!(error instanceof Fault) && !res.destroyed) deps.onError(error);
  if (res.headersSent || res.destroyed) {
    res.destroy();
    return;
  }
  // An unread body must not be taken for the next request.
  if (!res.req.complete) res.setHeader("connection", "close");
  const { error: report, status } = describe(error);
  send(res, status, { error: report });
}

function describe(error: unknown): { error: ErrorReport["error"]; status: number } {
  if (!(error instanceof Fault))
    return { error: { code: "INTERNAL_ERROR", message: messageOf(error) }, status: 500 };
  const report = {
    code: error.code,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(Object.keys(error.details).length === 0 ? {} : { details: error.details }),
  };
  return {
    error: report,
    status: error instanceof Refusal ? error.status : (statusOfCode[error.code] ?? 500),
  };
}
