import type { LookupFunction } from "node:net";
import type { Clock } from "../clock/clock.js";
import { messageOf } from "../errs/errs.js";
import { productName, version } from "../version/version.js";

/** Milliseconds for all of it: name, connection, TLS, answer. Hosted clients wait no longer. */
export const exchangeLimitMs = 10_000;
/** What requests from here call themselves: edges turn away those without a name. */
export const ownAgent = `${productName}/${version}`;
/** Bytes of a body that are read. */
const largest = 64 * 1024;

export interface OutsideRequest {
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Reads no further than the first bytes of the body: for a stream without an end. */
  readonly firstByteOnly?: boolean;
}

export interface OutsideAnswer {
  readonly kind: "answer";
  readonly host: string;
  readonly status: number;
  /** Names in lower case; repeated ones joined. */
  readonly headers: Readonly<Record<string, string>>;
  /** Its first 64 KiB. */
  readonly body: string;
  /** Milliseconds from the request to the first bytes of the body, and to its end. */
  readonly firstByteMs: number;
  readonly lastByteMs: number;
}

export interface OutsideError {
  readonly kind: "error";
  readonly host: string;
  /** What the system, TLS or the HTTP client calls it; `TIMEOUT` after 10 seconds. */
  readonly code: string;
  readonly message: string;
}

/** What a client outside gets to see. */
export type Seen = OutsideAnswer | OutsideError;

/** Sends one request; rejects only when `signal` aborts. */
export type Exchange = (url: string, signal: AbortSignal, request?: OutsideRequest) => Promise<Seen>;

export interface ExchangeDeps {
  readonly clock: Clock;
  /** Tests have hosts and a certificate authority of their own. */
  readonly lookup?: LookupFunction;
  readonly ca?: string | Buffer;
}

/**
 * Makes requests as a client on the other side of the world would: the name is looked up, certificates are verified,
 * every request takes a connection of its own. Follows no redirect and uses no proxy: what answers is what is wanted.
 */
export function createExchange({ clock, lookup, ca }: ExchangeDeps): Exchange {
  return async (url, signal, { method = "GET", headers = {}, body, firstByteOnly = false } = {}) => {
    signal.throwIfAborted();
    // Loaded when it is needed: it takes longer to load than a program takes to start.
    const { Agent, request } = await import("undici");
    const { host } = new URL(url);
    const agent = new Agent({
      connect: { timeout: exchangeLimitMs, ...(lookup && { lookup }), ...(ca && { ca }) },
    });
    const begun = clock.monotonic();
    let late = false;
    // Not a signal: that ends no request whose connection is still being made.
    const stop = (): void => void agent.destroy();
    const cancel = clock.after(exchangeLimitMs, () => {
      late = true;
      stop();
    });
    signal.addEventListener("abort", stop, { once: true });
    try {
      const answer = await request(url, {
        dispatcher: agent,
        method,
        headers: { "user-agent": ownAgent, "accept-encoding": "identity", ...headers },
        ...(body !== undefined && { body }),
      });
      const timed = await readTimed(answer.body, { clock, begun, firstByteOnly });
      return {
        kind: "answer",
        host,
        status: answer.statusCode,
        headers: flatten(answer.headers),
        ...timed,
      };
    } catch (error) {
      signal.throwIfAborted();
      if (late)
        return { kind: "error", host, code: "TIMEOUT", message: `no answer in ${exchangeLimitMs / 1_000} s` };
      return { kind: "error", host, code: codeOf(error), message: messageOf(error) };
    } finally {
      cancel();
      signal.removeEventListener("abort", stop);
      // Not awaited: it may wait for a connection that is still being made.
      stop();
    }
  };
}

interface Timed {
  readonly body: string;
  readonly firstByteMs: number;
  readonly lastByteMs: number;
}

async function readTimed(
  body: AsyncIterable<Buffer>,
  { clock, begun, firstByteOnly }: { clock: Clock; begun: number; firstByteOnly: boolean },
): Promise<Timed> {
  const chunks: Buffer[] = [];
  let size = 0;
  let firstByteMs: number | undefined;
  for await (const chunk of body) {
    firstByteMs ??= clock.monotonic() - begun;
    chunks.push(chunk);
    size += chunk.length;
    if (firstByteOnly || size > largest) break;
  }
  const lastByteMs = clock.monotonic() - begun;
  const text = Buffer.concat(chunks).subarray(0, largest).toString("utf8");
  return { body: text, firstByteMs: firstByteMs ?? lastByteMs, lastByteMs };
}

function flatten(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, [value ?? []].flat().join(", ")]),
  );
}

/** The first code in `error`, its causes and, of several attempts at once, its parts; else the kind of error. */
function codeOf(error: unknown): string {
  const { code, cause, errors, name } = error as {
    code?: unknown;
    cause?: unknown;
    errors?: readonly unknown[];
    name?: string;
  };
  if (typeof code === "string") return code;
  const inner = cause ?? errors?.[0];
  return inner === undefined ? (name ?? "UNKNOWN") : codeOf(inner);
}
