import type { IncomingMessage } from "node:http";
import { brief } from "../errs/brief.js";
import type { RpcRefusal } from "./refusal.js";

export interface RequestGateOptions {
  /** The public name, lower case, without a port; undefined: loopback only. */
  readonly hostname: string | undefined;
  /** The address listened on. One that is neither loopback nor a wildcard is a name the server answers to. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Further web origins (scheme://host[:port]) whose pages may call. */
  readonly allowedOrigins: readonly string[];
}

/** Decides from the head alone whether a request may go on. */
export interface RequestGate {
  /** undefined: it may. */
  check(req: IncomingMessage): RpcRefusal | undefined;
}

const invalidRequest = -32600;
const headerMismatch = -32020;

/**
 * Headers that decide who is calling, from where, and what is meant. node:http accepts several of each and keeps one;
 * something in front of it may have kept another. The mirror headers have an error code of their own (MCP 2026-07-28,
 * Streamable HTTP, "Request metadata").
 */
const singleHeaders: ReadonlyMap<string, number> = new Map([
  ["host", invalidRequest],
  ["authorization", invalidRequest],
  ["origin", invalidRequest],
  ["content-type", invalidRequest],
  ["content-length", invalidRequest],
  ["mcp-protocol-version", headerMismatch],
  ["mcp-method", headerMismatch],
  ["mcp-name", headerMismatch],
]);

// Any port: a forwarded or mapped port changes it, and a rebinding page cannot make a browser send these names.
const loopbackHost = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/;
const loopbackOrigin = /^https?:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/;

/**
 * Builds the gate of one configuration: single sensitive headers, origin-form targets (RFC 9112 section 3.2.1), then the
 * Host allow list (against DNS rebinding: exact names, our own ones with any port), then the Origin check (MCP
 * Streamable HTTP, "Security").
 */
export function createRequestGate({ hostname, listen, allowedOrigins }: RequestGateOptions): RequestGate {
  const listened = isWildcard(listen.host) ? undefined : `${bracketed(listen.host)}:${listen.port}`;
  const origins = new Set(allowedOrigins.map((origin) => new URL(origin).origin));
  if (hostname !== undefined) origins.add(`https://${hostname}`);

  return {
    check(req) {
      const repeated = findRepeated(req.rawHeaders);
      if (repeated !== undefined) return repeated;
      if (!req.url?.startsWith("/")) return refuse(400, "the request target must be a path");
      const host = req.headers.host?.toLowerCase() ?? "";
      const known =
        loopbackHost.test(host) || host === listened || host.replace(/:\d{1,5}$/, "") === hostname;
      if (!known) return refuse(403, unknownHost(host));
      const { origin } = req.headers;
      if (origin === undefined || loopbackOrigin.test(origin) || origins.has(origin)) return undefined;
      return refuse(
        403,
        `origin ${quoted(origin)} is not allowed: add it to allowed_origins (coding-tools-mcp: CODING_TOOLS_MCP_ALLOWED_ORIGINS)`,
      );
    },
  };
}

function findRepeated(rawHeaders: readonly string[]): RpcRefusal | undefined {
  const seen = new Set<string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]?.toLowerCase() ?? "";
    const code = singleHeaders.get(name);
    if (code === undefined) continue;
    if (seen.has(name)) return { status: 400, code, message: `the header ${name} came more than once` };
    seen.add(name);
  }
  return undefined;
}

function refuse(status: number, message: string): RpcRefusal {
  return { status, code: invalidRequest, message };
}

function unknownHost(host: string): string {
  return `host ${quoted(host)} is not served here: name it as hostname in the configuration (coding-tools-mcp: in CODING_TOOLS_MCP_SERVER_URL)`;
}

function quoted(text: string): string {
  return JSON.stringify(brief(text));
}

function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::" || host === "[::]";
}

function bracketed(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}
