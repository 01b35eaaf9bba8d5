import type { ServerResponse } from "node:http";
import type { Clock } from "../clock/clock.js";
import { sendJson } from "../httpx/json.js";

/** A call still running after this long is answered as a stream, so that no edge sees a silent connection. */
const streamAfterMs = 1_000;
/** Half of the shortest idle limit met at an edge (15 s), with room. */
const commentEveryMs = 10_000;

/** The way back of one HTTP exchange: one JSON body, or an SSE stream that ends with the response. */
export interface Reply {
  /** Sends a notification that belongs to this request; opens the stream. Dropped when the client takes no stream. */
  notify(text: string): void;
  /** Opens the stream now: headers and a first byte are on the wire when this returns. */
  openStream(): void;
  /** Sends the response and ends the exchange. Does nothing when the client has gone. */
  finish(status: number, text: string): void;
}

export interface ReplyOptions {
  readonly res: ServerResponse;
  readonly accept: string | undefined;
  readonly clock: Clock;
  /** Called at most once, when the client goes away before `finish`; never after it. */
  readonly onDisconnect: () => void;
}

/** True when the client takes an SSE stream: its Accept names text/event-stream. */
export function acceptsStream(accept: string | undefined): boolean {
  return accept?.toLowerCase().includes("text/event-stream") ?? false;
}

/**
 * Makes the reply of one POST. A client whose Accept does not name text/event-stream gets one JSON body however long
 * it takes (Streamable HTTP, "Sending Messages to the Server").
 */
export function createReply({ res, accept, clock, onDisconnect }: ReplyOptions): Reply {
  const streams = acceptsStream(accept);
  let streaming = false;
  let ended = false;
  let cancelTimer = clock.after(streamAfterMs, openStream);
  const closed = (): void => {
    if (ended) return;
    end();
    onDisconnect();
  };
  // It may have closed before there was a reply to make; the caller learns of it once it holds the reply.
  if (res.destroyed) process.nextTick(closed);
  else res.on("close", closed);

  function end(): void {
    ended = true;
    cancelTimer();
    res.off("close", closed);
  }

  function openStream(): void {
    if (streaming || ended || !streams) return;
    streaming = true;
    cancelTimer();
    res.writeHead(200, {
      "Content-Type": "text/event-stream",
      "Cache-Control": "no-cache, no-transform",
      "X-Accel-Buffering": "no",
      "X-Content-Type-Options": "nosniff",
    });
    res.flushHeaders();
    comment();
  }

  // Some edges hold the headers until the first body byte, and cut a stream that stays silent.
  function comment(): void {
    res.write(":\n\n");
    cancelTimer = clock.after(commentEveryMs, comment);
  }

  return {
    openStream,
    notify(text) {
      openStream();
      if (streaming && !ended) res.write(`event: message\ndata: ${text}\n\n`);
    },
    finish(status, text) {
      if (ended) return;
      end();
      if (streaming) {
        res.end(`event: message\ndata: ${text}\n\n`);
        return;
      }
      sendJson(res, status, text);
    },
  };
}
