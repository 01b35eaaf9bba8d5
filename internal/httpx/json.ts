import type { ServerResponse } from "node:http";

/** Extra response headers. */
export type ReplyHeaders = Readonly<Record<string, string>>;

/**
 * Sends one whole JSON response, head and body in one write. A string or Buffer is JSON already; an object is
 * serialised. Does nothing when the client has gone.
 */
export function sendJson(
  res: ServerResponse,
  status: number,
  body: string | Buffer | object,
  headers?: ReplyHeaders,
): void {
  const json = typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  writeJsonHead(res, status, json, headers);
  res.end(json);
}

/** Writes the head that goes before `json`. */
export function writeJsonHead(
  res: ServerResponse,
  status: number,
  json: string | Buffer,
  headers?: ReplyHeaders,
): void {
  res.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(json),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    ...headers,
  });
}
