import type { IncomingMessage, ServerResponse } from "node:http";
import type { SignIn } from "../auth/oauth/server.js";
import type { Endpoint } from "../auth/oauth/types.js";
import { sendJson } from "../httpx/json.js";
import { readBody, refuseUnread } from "./body.js";
import { type ClientStep, describeExchange } from "./client-step.js";

/** Bytes; as much as a request line may hold, so that what came in a query can come back in a form. */
const maxBodyBytes = 16 * 1024;

const methods: Readonly<Record<Endpoint, readonly string[]>> = {
  authorize: ["GET", "POST"],
  token: ["POST"],
  register: ["POST"],
  revoke: ["POST"],
};

export interface SignInExchange {
  readonly endpoint: Endpoint;
  readonly signIn: SignIn;
  /** Told of what came of it. */
  readonly onStep: ((step: ClientStep) => void) | undefined;
}

/** Answers a request to one of the endpoints of sign-in. */
export async function answerSignIn(
  { endpoint, signIn, onStep }: SignInExchange,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const { method = "", url = "" } = req;
  if (!methods[endpoint].includes(method)) {
    const allow = [...methods[endpoint], "OPTIONS"].join(", ");
    return sendJson(res, 405, { error: "Method not allowed" }, { Allow: allow });
  }
  const body = await readBody(req, maxBodyBytes);
  if (body.kind === "aborted") return;
  if (body.kind === "too-large") {
    const json = JSON.stringify({
      error: "invalid_request",
      error_description: `the body is larger than ${maxBodyBytes} bytes`,
    });
    return refuseUnread(req, res, { status: 413, json });
  }
  const question = url.indexOf("?");
  const query = new URLSearchParams(question === -1 ? "" : url.slice(question + 1));
  const request = { method, query, headers: req.headers, body: body.bytes };
  const reply = await signIn.handle(endpoint, request);
  const { status } = reply;
  const userAgent = req.headers["user-agent"];
  onStep?.({ userAgent, step: endpoint, status, ...describeExchange(endpoint, request, reply) });
  if (res.destroyed) return;
  res.writeHead(reply.status, { ...reply.headers, "Content-Length": Buffer.byteLength(reply.body) });
  res.end(reply.body);
}
