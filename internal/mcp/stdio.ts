import type { Readable, Writable } from "node:stream";
import type { Principal } from "../auth/principal.js";
import { messageOf } from "../errs/errs.js";
import { dispatch } from "./dispatch.js";
import type { Elicitation } from "./elicitation.js";
import { readEra, versionOf } from "./era.js";
import type { McpSnapshot, RequestRecord } from "./http.js";
import type { InFlight } from "./inflight.js";
import {
  errorText,
  isObject,
  type Notification,
  notificationText,
  type Request,
  type RequestId,
  RpcError,
  readMessage,
  resultText,
} from "./jsonrpc.js";
import { readLines } from "./lines.js";
import { metaOf, type Subscriber, type Subscriptions } from "./subscriptions.js";

export interface StdioOptions {
  readonly input: Readable;
  /** Carries protocol messages only. */
  readonly output: Writable;
  readonly principal: Principal;
  readonly snapshot: () => McpSnapshot;
  readonly inFlight: InFlight;
  readonly subscriptions: Subscriptions;
  readonly elicitation: Elicitation;
  readonly parse: (bytes: Buffer) => unknown;
  readonly onRequest: (record: RequestRecord) => void;
}

/** One message may be this long, as over HTTP. */
const maxLineBytes = 1_048_576;

/**
 * Serves MCP on a pair of streams, one JSON message a line (MCP, "stdio"). Messages are read in order, calls run
 * concurrently. Resolves when the input has ended and every call has been answered.
 */
export async function serveStdio(options: StdioOptions): Promise<void> {
  const running = new Set<Promise<void>>();
  // A client that has gone away closes the input too; what could not be written has nobody to read it.
  options.output.on("error", () => {});
  const session = createSession(options);
  for await (const line of readLines(options.input, maxLineBytes)) {
    const task = session.receive(line);
    running.add(task);
    void task.finally(() => running.delete(task));
  }
  session.close();
  await Promise.all(running);
}

function createSession(options: StdioOptions): {
  receive(line: Buffer | "too-long"): Promise<void>;
  close(): void;
} {
  const caller = `stdio ${options.principal.id}`;
  /** Open subscriptions; each function ends one, with its last word or without. */
  const listening = new Map<RequestId, (text: string | undefined) => void>();
  const cancelled = new Set<RequestId>();
  let stopHearing: (() => void) | undefined;
  const write = (text: string): void => void options.output.write(`${text}\n`);

  return {
    receive: async (line) => {
      if (line === "too-long")
        return write(errorText(null, new RpcError("invalidRequest", "message over 1 MiB")));
      if (line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d)) return;
      let body: unknown;
      try {
        body = options.parse(line);
      } catch (error) {
        return write(errorText(null, new RpcError("parseError", `not JSON: ${messageOf(error)}`)));
      }
      if (!isObject(body))
        return write(errorText(null, new RpcError("invalidRequest", "one JSON object a line; no batches")));
      const message = readMessage(body);
      if (message.kind === "invalid") return write(errorText(message.id, message.error));
      if (message.kind === "notification") return note(message.notification);
      if (message.kind === "response") {
        return options.elicitation.answer(options.principal.id, message.response);
      }
      const text = await answer(message.request);
      if (text !== undefined) write(text);
    },
    close() {
      stopHearing?.();
      for (const [id, stop] of listening) stop(completion(id));
    },
  };

  function note({ method, params }: Notification): void {
    if (method === "notifications/initialized") hearChanges();
    if (method !== "notifications/cancelled") return;
    const id = params.requestId;
    if (typeof id !== "string" && typeof id !== "number") return;
    listening.get(id)?.(undefined);
    if (options.inFlight.cancel(caller, id)) cancelled.add(id);
  }

  /** A handshake-era client hears of changes without asking (MCP, "List Changed Notification"). */
  function hearChanges(): void {
    const view = options.snapshot().views(options.principal, undefined);
    if (view === undefined) return;
    stopHearing ??= options.subscriptions.add(
      {
        principal: options.principal,
        workspaceId: undefined,
        subscriptionId: undefined,
        send: write,
        end() {
          stopHearing = undefined;
        },
      },
      view.catalogue.hash,
    );
  }

  /** The text of the response; undefined when the client cancelled: then none is sent (MCP, "Cancellation"). */
  async function answer(request: Request): Promise<string | undefined> {
    const controller = new AbortController();
    const forget = options.inFlight.add(caller, request.id, () => controller.abort());
    try {
      const { view, era, calls } = begin(request);
      if (era === "modern" && request.method === "subscriptions/listen") {
        return await listen(request, view.catalogue.hash);
      }
      const { principal, elicitation } = options;
      if (era === "legacy" && request.method === "initialize") elicitation.declare(caller, request);
      const ask = elicitation.askFor({ era, caller, principalId: principal.id, request, send: write });
      const exchange = { era, principal, view, signal: controller.signal, notify: write, ask };
      const text = resultText(request.id, await dispatch(calls, request, exchange));
      return cancelled.has(request.id) ? undefined : text;
    } catch (error) {
      if (error instanceof RpcError) return errorText(request.id, error);
      options.snapshot().calls.onBug(request.method, error);
      return errorText(request.id, new RpcError("internal", "internal error; the log has the details"));
    } finally {
      cancelled.delete(request.id);
      forget();
    }
  }

  function begin(request: Request) {
    const { views, calls } = options.snapshot();
    const view = views(options.principal, undefined);
    if (view === undefined) throw new RpcError("invalidRequest", "no workspace here");
    const era = readEra(request, undefined);
    const version = versionOf(request, undefined);
    options.onRequest({ principal: options.principal, userAgent: undefined, era, version, request, view });
    return { view, era, calls };
  }

  /** Resolves when the subscription ends: with the completion result, or without one when the client cancelled. */
  function listen(request: Request, hash: string): Promise<string | undefined> {
    const asked = request.params.notifications;
    if (!isObject(asked)) throw new RpcError("invalidParams", "params.notifications must be an object");
    if (listening.has(request.id))
      throw new RpcError("invalidRequest", "a subscription with this id is open");
    const tools = asked.toolsListChanged === true;
    return new Promise((resolve, reject) => {
      const stop = (text: string | undefined): void => {
        listening.delete(request.id);
        remove?.();
        resolve(text);
      };
      const subscriber: Subscriber = {
        principal: options.principal,
        workspaceId: undefined,
        subscriptionId: request.id,
        send: (text) => tools && write(text),
        end: () => stop(completion(request.id)),
      };
      const remove = options.subscriptions.add(subscriber, hash);
      if (remove === undefined)
        return reject(new RpcError("invalidRequest", "too many subscriptions; end one first"));
      listening.set(request.id, stop);
      const honoured = { notifications: tools ? { toolsListChanged: true } : {} };
      write(
        notificationText("notifications/subscriptions/acknowledged", { ...honoured, ...metaOf(request.id) }),
      );
    });
  }
}

function completion(id: RequestId): string {
  return resultText(id, JSON.stringify({ resultType: "complete", ...metaOf(id) }));
}
