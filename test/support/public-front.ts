import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { LookupFunction } from "node:net";
import { Agent, fetch as undiciFetch } from "undici";
import type { Outside } from "../../cmd/ctmcpctl/doctor/outside.js";
import { type Clock, systemClock } from "../../internal/clock/clock.js";
import { createExchange } from "../../internal/tunnel/exchange.js";
import { type Authority, listen, serveTls } from "../../internal/tunnel/tls.test.util.js";
import type { FixtureDaemon } from "./daemon-in-process.js";

/** What stands between the world and the daemon, as far as it is not transparent. */
export interface Interference {
  /** Answers by itself; true: it did. */
  readonly answer?: (req: IncomingMessage, res: ServerResponse) => boolean;
  /** Changes what is passed on. */
  readonly onRequest?: (headers: Record<string, string | string[] | undefined>) => void;
  /** Changes what comes back; the body is then held back until it is whole. */
  readonly onAnswer?: (answer: { status: number; headers: Record<string, unknown>; body: string }) => void;
}

export interface Front {
  readonly port: number;
  close(): void;
}

/** A reverse proxy that ends TLS for `host`. */
export async function startFront(
  { authority, host, target }: { authority: Authority; host: string; target: number },
  { answer, onRequest, onAnswer }: Interference,
): Promise<Front> {
  return serveTls(authority.issue(host), (req, res) => {
    if (answer?.(req, res)) return;
    const headers = { ...req.headers };
    onRequest?.(headers);
    const inner = request(
      { host: "127.0.0.1", port: target, method: req.method, path: req.url, headers, agent: false },
      (reply) => {
        const status = reply.statusCode ?? 0;
        if (onAnswer === undefined) {
          res.writeHead(status, reply.headers);
          return void reply.pipe(res);
        }
        const chunks: Buffer[] = [];
        reply.on("data", (chunk: Buffer) => chunks.push(chunk));
        reply.on("end", () => {
          const whole = { status, headers: { ...reply.headers }, body: Buffer.concat(chunks).toString() };
          delete whole.headers["content-length"];
          onAnswer(whole);
          res.writeHead(whole.status, whole.headers as Record<string, string>).end(whole.body);
        });
      },
    );
    inner.on("error", () => res.destroy());
    res.on("close", () => inner.destroy());
    req.pipe(inner);
  });
}

export interface OutsideOptions {
  readonly authority: Authority;
  readonly host: string;
  readonly daemon: FixtureDaemon;
  /** Default: the bearer token, where there is one. */
  readonly token?: string;
}

/** A client outside, for whom `host` is the front, though it keeps to port 443 in every URL. */
export function outsideThrough({ port }: Front, { authority, host, daemon, token }: OutsideOptions): Outside {
  const lookup: LookupFunction = (_name, options, callback) =>
    options.all ? callback(null, [{ address: "127.0.0.1", family: 4 }]) : callback(null, "127.0.0.1", 4);
  const place = (url: string): string => url.replace(`https://${host}/`, `https://${host}:${port}/`);
  // Ten times as fast when it comes to giving up.
  const clock: Clock = { ...systemClock, after: (ms, run) => systemClock.after(ms / 10, run) };
  const exchange = createExchange({ clock, lookup, ca: authority.ca });
  const dispatcher = new Agent({ connect: { lookup, ca: authority.ca }, pipelining: 0 });
  const fetchThere = (url: unknown, init: object) => undiciFetch(place(String(url)), { ...init, dispatcher });
  const { mode } = daemon.daemon.config().auth;
  return {
    origin: `https://${host}`,
    url: `https://${host}/mcp`,
    mode,
    whyUnproven: async () => undefined,
    token: token ?? (mode.endsWith("bearer") ? daemon.token() : undefined),
    exchange: (url, signal, what) => exchange(place(url), signal, what),
    fetch: fetchThere as unknown as typeof fetch,
    signal: new AbortController().signal,
  };
}

/** Something that holds a port. */
export async function holdPort(): Promise<Front> {
  return listen(createServer());
}
