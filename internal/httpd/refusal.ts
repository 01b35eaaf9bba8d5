import type { ServerResponse } from "node:http";
import { type ReplyHeaders, sendJson } from "../httpx/json.js";

/** A JSON-RPC error that answers no particular request: its id is null. */
export interface RpcRefusal {
  /** HTTP status. */
  readonly status: number;
  /** JSON-RPC error code. */
  readonly code: number;
  readonly message: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** Sends a refusal as a JSON-RPC error. */
export function sendRefusal(res: ServerResponse, refusal: RpcRefusal, headers?: ReplyHeaders): void {
  sendJson(res, refusal.status, refusalJson(refusal), headers);
}

export function refusalJson({ code, message, data }: RpcRefusal): string {
  return JSON.stringify({ jsonrpc: "2.0", id: null, error: { code, message, data } });
}
