import type { AuthMode } from "../../../internal/config/config.js";
import { brief } from "../../../internal/errs/brief.js";
import type { Exchange, OutsideAnswer, OutsideRequest, Seen } from "../../../internal/tunnel/exchange.js";
import { classify, isHtml } from "../../../internal/tunnel/public-faults.js";
import { fail, type Row } from "./row.js";

/** Where a client would come in, and with what. */
export interface Outside {
  /** Scheme, host and port. */
  readonly origin: string;
  /** The MCP endpoint. */
  readonly url: string;
  readonly mode: AuthMode;
  /** What calls are made with; undefined when nobody is asked, or it cannot be read. */
  readonly token: string | undefined;
  /** Asked before the token is sent: why it must not be, as `whyUnproven` finds it. */
  readonly whyUnproven: () => Promise<Row | undefined>;
  readonly exchange: Exchange;
  /** For the MCP client; default: node's own. */
  readonly fetch?: typeof fetch;
  readonly signal: AbortSignal;
}

/** Sends one request to a path of the server, or to a URL that one of its documents names. */
export function ask(outside: Outside, where: string, request?: OutsideRequest): Promise<Seen> {
  return outside.exchange(new URL(where, outside.origin).href, outside.signal, request);
}

/** POSTs JSON as an MCP client does. */
export function postRpc(
  outside: Outside,
  message: object,
  request: Pick<OutsideRequest, "headers" | "firstByteOnly"> = {},
): Promise<Seen> {
  return ask(outside, outside.url, {
    ...request,
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...request.headers,
    },
    body: JSON.stringify(message),
  });
}

/** The JSON object in an answer, or undefined when there is none. */
export function objectIn(seen: Seen): Readonly<Record<string, unknown>> | undefined {
  if (seen.kind === "error") return undefined;
  try {
    const value: unknown = JSON.parse(seen.body);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** The row for a step that did not get its answer: names what stands in the way, or repeats what the daemon said. */
export function unexpected(id: string, step: string, seen: Seen): Row {
  const { code, text, hint } = classify(seen);
  if (seen.kind === "answer" && code === "PUBLIC_OTHER_SERVER" && objectIn(seen) !== undefined) {
    return fail(id, `${step}: ${said(seen)}`, "see why in the daemon's log: ctmcpctl logs");
  }
  return fail(id, `${step}: ${text}`, hint);
}

/** An answer in a few words. */
export function said(seen: OutsideAnswer): string {
  return `the answer is ${seen.status} ${isHtml(seen) ? "with a web page" : brief(seen.body)}`.trimEnd();
}
