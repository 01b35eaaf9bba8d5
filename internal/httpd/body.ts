import type { IncomingMessage, ServerResponse } from "node:http";
import { writeJsonHead } from "../httpx/json.js";

/** How reading a body ended. `aborted`: the client went away, nobody is left to answer. */
export type Body =
  | { readonly kind: "complete"; readonly bytes: Buffer }
  | { readonly kind: "too-large" }
  | { readonly kind: "aborted" };

/**
 * Reads a request body of at most `maxBytes`. Always settles, never rejects. Stops keeping bytes as soon as the length is
 * announced or found to be too large; the rest is left unread.
 */
export function readBody(req: IncomingMessage, maxBytes: number): Promise<Body> {
  if (Number(req.headers["content-length"] ?? 0) > maxBytes) return Promise.resolve({ kind: "too-large" });
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (body: Body): void => {
      req.off("data", keep).off("end", complete).off("close", abort);
      resolve(body);
    };
    const keep = (chunk: Buffer): void => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > maxBytes) settle({ kind: "too-large" });
    };
    const complete = (): void => {
      const [only] = chunks;
      settle({ kind: "complete", bytes: chunks.length === 1 && only ? only : Buffer.concat(chunks, size) });
    };
    const abort = (): void => settle({ kind: "aborted" });
    req.on("data", keep).on("end", complete).on("close", abort);
  });
}

const lingerMs = 1_000;
const lingerBytes = 8 * 1024 * 1024;

/**
 * Answers a request whose body is still coming, and closes the connection. What comes is thrown away for a moment first:
 * closing a socket with unread bytes resets it, and the client would lose the answer (RFC 9112 section 9.6).
 */
export function refuseUnread(
  req: IncomingMessage,
  res: ServerResponse,
  { status, json }: { readonly status: number; readonly json: string },
): void {
  writeJsonHead(res, status, json, { Connection: "close" });
  // The answer is complete on the wire; ending it is what closes the connection.
  res.write(json);
  let left = lingerBytes;
  const finish = (): void => {
    clearTimeout(timer);
    req.off("data", discard).off("close", finish);
    res.end();
  };
  const discard = (chunk: Buffer): void => {
    left -= chunk.length;
    if (left < 0) finish();
  };
  const timer = setTimeout(finish, lingerMs);
  // "close" also follows the end of the body.
  req.on("data", discard).on("close", finish);
}
