import { brief } from "../errs/brief.js";
import { isObject, type Notification, type Request, RpcError } from "./jsonrpc.js";

/** Versions of the handshake era (`initialize`), newest first. */
export const legacyVersions = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"] as const;
/** Versions of the stateless era (`_meta` on every request), newest first. */
export const modernVersions = ["2026-07-28"] as const;
/** What the server card names. */
export const supportedVersions: readonly string[] = [...modernVersions, ...legacyVersions];

const metaPrefix = "io.modelcontextprotocol/";
export const metaKeys = {
  protocolVersion: `${metaPrefix}protocolVersion`,
  clientCapabilities: `${metaPrefix}clientCapabilities`,
  clientInfo: `${metaPrefix}clientInfo`,
  serverInfo: `${metaPrefix}serverInfo`,
  subscriptionId: `${metaPrefix}subscriptionId`,
} as const;

export type Era = "legacy" | "modern";

/**
 * The headers that mirror a request's body (2026-07-28, Streamable HTTP), without surrounding whitespace, as node:http
 * gives them.
 */
export interface MirrorHeaders {
  readonly protocolVersion: string | undefined;
  readonly mcpMethod: string | undefined;
  readonly mcpName: string | undefined;
}

/**
 * Decides which era a request belongs to and checks that era's envelope; throws RpcError when it is broken.
 * `headers` is undefined over stdio, where nothing mirrors the body.
 */
export function readEra(request: Request, headers: MirrorHeaders | undefined): Era {
  const era = eraOf(request, headers);
  if (era === "modern") checkModern(request, headers);
  else checkLegacy(request, headers);
  return era;
}

/**
 * Modern headers on a handshake-era request are no sign of the modern era
 * (claude.ai sends them); `_meta` keys, a version header that names the modern era, and `server/discover` are.
 */
function eraOf(request: Request, headers: MirrorHeaders | undefined): Era {
  const meta = request.params._meta;
  if (isObject(meta) && (metaKeys.protocolVersion in meta || metaKeys.clientCapabilities in meta))
    return "modern";
  if (request.method === "initialize") return "legacy";
  if (request.method === "server/discover") return "modern";
  return includes(modernVersions, headers?.protocolVersion) ? "modern" : "legacy";
}

/**
 * Refuses a handshake-era request whose version header names no version we speak. A missing header is fine:
 * claude.ai sends none after `initialize`.
 */
function checkLegacy(request: Request, headers: MirrorHeaders | undefined): void {
  const received = headers?.protocolVersion;
  if (request.method === "initialize" || received === undefined || includes(legacyVersions, received)) return;
  throw new RpcError("invalidRequest", `unsupported MCP-Protocol-Version ${brief(received)}`, {
    supported: supportedVersions,
    received: brief(received),
  });
}

/**
 * The envelope rules of 2026-07-28, in the order the public conformance suite expects: `_meta` present (-32602),
 * mirror headers present and equal (-32020), version supported (-32022).
 */
function checkModern(request: Request, headers: MirrorHeaders | undefined): void {
  const meta = request.params._meta;
  const version = isObject(meta) ? meta[metaKeys.protocolVersion] : undefined;
  if (!isObject(meta) || typeof version !== "string" || !isObject(meta[metaKeys.clientCapabilities])) {
    throw new RpcError(
      "invalidParams",
      `params._meta must carry ${metaKeys.protocolVersion} and ${metaKeys.clientCapabilities}`,
    );
  }
  if (headers !== undefined) checkMirror(request, version, headers);
  if (!includes(modernVersions, version)) {
    throw new RpcError("unsupportedVersion", `unsupported protocol version ${brief(version)}`, {
      supported: modernVersions,
      requested: brief(version),
    });
  }
}

/**
 * Refuses a notification of the stateless era whose method header contradicts its body (-32020): something on the way
 * may have acted on the header.
 */
export function checkNotification({ method }: Notification, headers: MirrorHeaders): void {
  if (headers.mcpMethod === undefined || !includes(modernVersions, headers.protocolVersion)) return;
  mirror("Mcp-Method", headers.mcpMethod, method);
}

/** The protocol version a request names, in its body or else its header; undefined when it names none. */
export function versionOf(request: Request, headers: MirrorHeaders | undefined): string | undefined {
  const meta = request.params._meta;
  const fromMeta = isObject(meta) ? meta[metaKeys.protocolVersion] : undefined;
  const named = request.method === "initialize" ? request.params.protocolVersion : fromMeta;
  return typeof named === "string" ? named : headers?.protocolVersion;
}

/** Name and version from a `clientInfo`, wherever the era puts it; undefined when the client does not say. */
export function clientInfoOf(request: Request): { name: string; version: string } | undefined {
  const meta = request.params._meta;
  const info =
    request.method === "initialize" ? request.params.clientInfo : isObject(meta) && meta[metaKeys.clientInfo];
  if (!isObject(info) || typeof info.name !== "string") return undefined;
  return { name: info.name, version: typeof info.version === "string" ? info.version : "" };
}

const nameParameter: Readonly<Record<string, string>> = {
  "tools/call": "name",
  "prompts/get": "name",
  "resources/read": "uri",
};
const maxWrappedName = 8192;

function checkMirror(request: Request, version: string, headers: MirrorHeaders): void {
  mirror("MCP-Protocol-Version", headers.protocolVersion, version);
  mirror("Mcp-Method", headers.mcpMethod, request.method);
  const parameter = nameParameter[request.method];
  if (parameter === undefined) return;
  const name = request.params[parameter];
  mirror("Mcp-Name", unwrap(headers.mcpName), typeof name === "string" ? name : "");
}

function mirror(header: string, received: string | undefined, expected: string): void {
  if (received === expected) return;
  const problem = received === undefined ? "is missing" : `is ${JSON.stringify(brief(received))}`;
  throw new RpcError(
    "headerMismatch",
    `header ${header} ${problem}, the body says ${JSON.stringify(brief(expected))}`,
  );
}

/** `=?base64?...?=` is how a client sends a name that a header cannot carry as it is. */
function unwrap(value: string | undefined): string | undefined {
  const wrapped = /^=\?base64\?([A-Za-z0-9+/=]*)\?=$/.exec(value ?? "")?.[1];
  if (wrapped === undefined || wrapped.length > maxWrappedName) return value;
  return Buffer.from(wrapped, "base64").toString("utf8");
}

function includes(versions: readonly string[], version: string | undefined): boolean {
  return version !== undefined && versions.includes(version);
}
