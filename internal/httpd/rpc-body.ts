import type { IncomingMessage, ServerResponse } from "node:http";
import { Fault, messageOf } from "../errs/errs.js";
import { parseJson } from "../jsonx/parse.js";
import { readBody, refuseUnread } from "./body.js";
import { type RpcRefusal, refusalJson, sendRefusal } from "./refusal.js";

/** Bodies may be this long: 1 MiB, as the wire contract has it. */
const maxBodyBytes = 1024 * 1024;
const invalidRequest = -32600;
const parseError = -32700;

/**
 * Reads the one JSON object of a POST. Answers everything else itself and gives undefined: 415 for another media type or
 * a content coding, 413 beyond 1 MiB, 400 for bad JSON, a batch or a value that is no object.
 */
export async function readRpcObject(
  req: IncomingMessage,
  res: ServerResponse,
): Promise<Record<string, unknown> | undefined> {
  const unsupported = checkMediaType(req);
  if (unsupported !== undefined) {
    sendRefusal(res, unsupported);
    return undefined;
  }
  const body = await readBody(req, maxBodyBytes);
  if (body.kind === "aborted") return undefined;
  if (body.kind === "too-large") {
    refuseUnread(req, res, { status: tooLarge.status, json: refusalJson(tooLarge) });
    return undefined;
  }
  const parsed = parseObject(body.bytes);
  if ("refusal" in parsed) {
    sendRefusal(res, parsed.refusal);
    return undefined;
  }
  return parsed.object;
}

const tooLarge: RpcRefusal = {
  status: 413,
  code: invalidRequest,
  message: `the body is larger than ${maxBodyBytes} bytes`,
  data: { max_bytes: maxBodyBytes },
};

function checkMediaType({ headers }: IncomingMessage): RpcRefusal | undefined {
  if (!/^application\/json\s*(?:;|$)/i.test(headers["content-type"] ?? "")) {
    return { status: 415, code: invalidRequest, message: "content-type must be application/json" };
  }
  // node:http takes chunked off and leaves any other transfer coding in the bytes.
  const coded =
    headers["content-encoding"] ?? headers["transfer-encoding"]?.replace(/^chunked$/i, "identity");
  if (coded !== undefined && !/^(?:identity)?$/i.test(coded)) {
    return { status: 415, code: invalidRequest, message: "compressed bodies are not accepted" };
  }
  return undefined;
}

function parseObject(bytes: Buffer): { object: Record<string, unknown> } | { refusal: RpcRefusal } {
  let value: unknown;
  try {
    value = parseJson(bytes);
  } catch (error) {
    const reason = error instanceof Fault ? error.details.reason : undefined;
    const code = reason === "depth" || reason === "forbidden_key" ? invalidRequest : parseError;
    return { refusal: { status: 400, code, message: messageOf(error), data: { reason } } };
  }
  if (Array.isArray(value)) return refuse("batches are not supported: send one request at a time");
  if (typeof value !== "object" || value === null) return refuse("the body must be a json object");
  return { object: value as Record<string, unknown> };
}

function refuse(message: string): { refusal: RpcRefusal } {
  return { refusal: { status: 400, code: invalidRequest, message } };
}
