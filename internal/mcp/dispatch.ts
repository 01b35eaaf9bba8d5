import type { Principal } from "../auth/principal.js";
import type { Clock } from "../clock/clock.js";
import { brief } from "../errs/brief.js";
import { productName, productTitle, version } from "../version/version.js";
import { type CallContext, type CallDeps, callTool } from "./call.js";
import { InputRequired } from "./elicitation.js";
import { type Era, legacyVersions, metaKeys, modernVersions } from "./era.js";
import { isObject, notificationText, type Request, RpcError } from "./jsonrpc.js";
import type { View } from "./view.js";

/** What the transport knows about one request's caller, and the way notifications about it go back. */
export interface Exchange {
  readonly era: Era;
  readonly principal: Principal;
  readonly view: View;
  readonly signal: AbortSignal;
  /** Sends a notification about this request. */
  notify(text: string): void;
  /** Asks the person at the client; undefined when the client cannot be asked. */
  readonly ask: CallContext["ask"];
}

/** The name the server gives itself. */
export const serverInfo = { name: productName, title: productTitle, version } as const;

const capabilities = { tools: { listChanged: true } };
const serverInfoJson = JSON.stringify({ [metaKeys.serverInfo]: serverInfo });
const modernMeta = `"_meta":${serverInfoJson}}`;
const modernTail = `"resultType":"complete",${modernMeta}`;
const cacheable = `"ttlMs":0,"cacheScope":"private",`;

/**
 * Answers one request of either era with the JSON text of its `result`. Throws RpcError for protocol errors.
 * `subscriptions/listen` is not here: it has no answer until it ends, so each transport holds it.
 */
export async function dispatch(deps: CallDeps, request: Request, exchange: Exchange): Promise<string> {
  const modern = exchange.era === "modern";
  switch (request.method) {
    case "tools/call":
      return callResult(deps, request, exchange);
    case "tools/list": {
      const list = `{"tools":${exchange.view.catalogue.listJson}`;
      return modern ? `${list},${cacheable}${modernTail}` : `${list}}`;
    }
    case "server/discover":
      if (modern) return discoverResult(exchange.view);
      break;
    case "initialize":
      if (!modern) return initializeResult(request, exchange.view);
      break;
    case "ping":
      if (!modern) return "{}";
      break;
  }
  throw new RpcError("unknownMethod", `method not found: ${brief(request.method)}`);
}

async function initializeResult(request: Request, view: View): Promise<string> {
  const asked = request.params.protocolVersion;
  const protocolVersion = legacyVersions.find((known) => known === asked) ?? legacyVersions[0];
  return JSON.stringify({
    protocolVersion,
    capabilities,
    serverInfo,
    instructions: await view.instructions(),
  });
}

async function discoverResult(view: View): Promise<string> {
  const body = { supportedVersions: modernVersions, capabilities, instructions: await view.instructions() };
  return `${JSON.stringify(body).slice(0, -1)},${cacheable}${modernTail}`;
}

async function callResult(deps: CallDeps, request: Request, exchange: Exchange): Promise<string> {
  const meta = request.params._meta;
  const token = isObject(meta) ? meta.progressToken : undefined;
  const progress = progressSender(token, exchange, deps.clock);
  try {
    const { principal, view, signal, ask } = exchange;
    const context = { principal, view, signal, ask, progress: progress.send };
    const body = await callTool(deps, request, context);
    return exchange.era === "modern" ? `${body.slice(0, -1)},${modernTail}` : body;
  } catch (error) {
    if (!(error instanceof InputRequired)) throw error;
    const { inputRequests, requestState } = error;
    return `${JSON.stringify({ inputRequests, requestState }).slice(0, -1)},"resultType":"input_required",${modernMeta}`;
  } finally {
    progress.stop();
  }
}

/** More often than this tells nobody more; only the last step is never left out. */
const progressEveryMs = 40;

/** Progress goes only to a client that sent a token, only forward, and never after the answer (MCP, "Progress"). */
function progressSender(
  token: unknown,
  exchange: Exchange,
  clock: Clock,
): { send: CallContext["progress"]; stop: () => void } {
  let open = typeof token === "string" || typeof token === "number";
  let last = Number.NEGATIVE_INFINITY;
  let lastAt = Number.NEGATIVE_INFINITY;
  return {
    send(progress, total, message) {
      if (!open || progress <= last || exchange.signal.aborted) return;
      const now = clock.monotonic();
      if (now - lastAt < progressEveryMs && progress !== total) return;
      last = progress;
      lastAt = now;
      exchange.notify(
        notificationText("notifications/progress", {
          progressToken: token,
          progress,
          ...(total !== undefined && { total }),
          ...(message !== undefined && { message }),
        }),
      );
    },
    stop() {
      open = false;
    },
  };
}
