import { createHmac, randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { Clock } from "../clock/clock.js";
import { sendJson } from "../httpx/json.js";

/** What the path of every probe begins with; a nonce follows. */
export const probePrefix = "/.well-known/ctmcp-probe/";
/** Milliseconds between the two halves of a streamed answer. */
export const streamPauseMs = 1_000;

/** Milliseconds a nonce is good for: longer than a probe takes. */
const lifetimeMs = 20_000;
/** Nonces that wait at the same time; a further one makes the oldest worthless. */
const mostWaiting = 16;
const target = /^\/\.well-known\/ctmcp-probe\/([\w-]{22})(?:\?(.*))?$/;

/** One question that only this process can answer, once. */
export interface ProbeTicket {
  /** Path to ask for; with `?stream` the answer is a stream. */
  readonly path: string;
  /** What the answer holds when it comes from this process. */
  readonly proof: string;
}

/** Both ends of a probe: what asks and what answers are the same process, and the way between them is what is tested. */
export interface ProbeResponder {
  issue(): ProbeTicket;
  /** Answers a request target that begins with `probePrefix`. What was not issued, or was asked before, is 404. */
  answer(requestTarget: string, res: ServerResponse): void;
}

/**
 * Makes the responder of one process. A proof is an HMAC of the nonce with a key that never leaves the process, and the
 * answer holds nothing else: a stranger learns neither that a probe is under way nor what runs here, and costs no more
 * than a look into a small map.
 */
export function createProbeResponder({ clock }: { readonly clock: Clock }): ProbeResponder {
  const key = randomBytes(32);
  const endsAt = new Map<string, number>();

  return {
    issue() {
      const nonce = randomBytes(16).toString("base64url");
      const [oldest] = endsAt.keys();
      if (endsAt.size >= mostWaiting && oldest !== undefined) endsAt.delete(oldest);
      endsAt.set(nonce, clock.monotonic() + lifetimeMs);
      return { path: probePrefix + nonce, proof: proofOf(nonce) };
    },
    answer(requestTarget, res) {
      const [, nonce = "", query] = target.exec(requestTarget) ?? [];
      if (!take(nonce)) return sendJson(res, 404, { error: "Unknown endpoint" });
      const proof = { proof: proofOf(nonce) };
      if (query !== "stream") return sendJson(res, 200, proof);
      res.writeHead(200, streamHeaders);
      res.write(`data: ${JSON.stringify(proof)}\n\n`);
      const cancel = clock.after(streamPauseMs, () => res.end("data: {}\n\n"));
      res.once("close", cancel);
    },
  };

  function take(nonce: string): boolean {
    const end = endsAt.get(nonce);
    endsAt.delete(nonce);
    return end !== undefined && clock.monotonic() < end;
  }

  function proofOf(nonce: string): string {
    return createHmac("sha256", key).update(nonce).digest("base64url");
  }
}

/** The same as those of a tool call's stream, since that is what has to get through. */
const streamHeaders = {
  "Content-Type": "text/event-stream",
  "Cache-Control": "no-cache, no-transform",
  "X-Accel-Buffering": "no",
};
