/** JSON-RPC 2.0 as MCP uses it: ids are strings, integers or null; no batches. */

export type RequestId = string | number | null;

export interface Request {
  readonly id: RequestId;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** A client's answer to a request of ours; without `result` it is an error. */
export interface Response {
  readonly id: RequestId;
  readonly result: unknown;
}

export interface Notification {
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** Error codes and the HTTP status each has in the 2026-07-28 era; the handshake era answers 200 after dispatch. */
export const rpcCodes = {
  parseError: { code: -32700, status: 400 },
  invalidRequest: { code: -32600, status: 400 },
  unknownMethod: { code: -32601, status: 404 },
  invalidParams: { code: -32602, status: 400 },
  internal: { code: -32603, status: 200 },
  rateLimited: { code: -32000, status: 429 },
  headerMismatch: { code: -32020, status: 400 },
  unsupportedVersion: { code: -32022, status: 400 },
} as const;

export type RpcErrorKind = keyof typeof rpcCodes;

/** A protocol error; a tool's own failure is a result, not one of these. */
export class RpcError extends Error {
  readonly kind: RpcErrorKind;
  readonly data: Readonly<Record<string, unknown>> | undefined;

  constructor(kind: RpcErrorKind, message: string, data?: Readonly<Record<string, unknown>>) {
    super(message);
    this.kind = kind;
    this.data = data;
  }
}

export type Message =
  | { readonly kind: "request"; readonly request: Request }
  | { readonly kind: "notification"; readonly notification: Notification }
  | { readonly kind: "response"; readonly response: Response }
  | { readonly kind: "invalid"; readonly id: RequestId; readonly error: RpcError };

/**
 * Sorts one parsed JSON object into request, notification or response. A bad envelope is named by `data.reason`
 * (`jsonrpc_version`, `method`, `id` or `params`).
 */
export function readMessage(body: Readonly<Record<string, unknown>>): Message {
  const id = body.id;
  const known = isId(id) ? id : null;
  const invalid = (reason: string, text: string): Message => ({
    kind: "invalid",
    id: known,
    error: new RpcError("invalidRequest", text, { reason }),
  });
  if (body.jsonrpc !== "2.0") return invalid("jsonrpc_version", 'jsonrpc must be "2.0"');
  const method = body.method;
  if (method === undefined && ("result" in body || "error" in body)) {
    return { kind: "response", response: { id: known, result: body.result } };
  }
  if (typeof method !== "string" || method === "")
    return invalid("method", "method must be a non-empty string");
  if ("id" in body && !isId(id)) return invalid("id", "id must be a string, an integer or null");
  const params = body.params ?? {};
  if (!isObject(params)) return invalid("params", "params must be an object");
  return "id" in body
    ? { kind: "request", request: { id: known, method, params } }
    : { kind: "notification", notification: { method, params } };
}

/** The text of a success response around an already serialised result. */
export function resultText(id: RequestId, resultJson: string): string {
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${resultJson}}`;
}

/** The text of an error response. */
export function errorText(id: RequestId, error: RpcError): string {
  const { code } = rpcCodes[error.kind];
  const body = { code, message: error.message, ...(error.data && { data: error.data }) };
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"error":${JSON.stringify(body)}}`;
}

/** The text of a notification to the client. */
export function notificationText(method: string, params: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ jsonrpc: "2.0", method, params });
}

/** True for a plain JSON object, as JSON.parse makes them. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isId(value: unknown): value is RequestId {
  return (
    value === null || typeof value === "string" || (typeof value === "number" && Number.isInteger(value))
  );
}
