import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { errnoOf, Fault } from "../errs/errs.js";

/** How long a client may take; milliseconds. */
export interface Timeouts {
  /** An idle kept-alive connection. Above the 90 s for which cloudflared keeps its connections to us. */
  readonly keepAlive: number;
  /** The head of a request, counted from its first byte or from the connection. */
  readonly headers: number;
  /** The whole request, body included. An answer may take as long as it likes. */
  readonly request: number;
}

export interface HttpServerOptions {
  readonly handler: (req: IncomingMessage, res: ServerResponse) => void;
  /** Open connections at most; more are closed at once. */
  readonly connections: number;
  readonly timeouts?: Timeouts;
}

export interface HttpServer {
  /** Binds and accepts. Port 0 picks a free one. Throws ADDRESS_IN_USE, PERMISSION or FAILED. */
  listen(host: string, port: number): Promise<void>;
  /** Accepts on a socket that listens already. Throws FAILED for a descriptor that is none. */
  listenOn(fd: number): Promise<void>;
  /** Where it listens, once it does, or listened. */
  address(): { readonly host: string; readonly port: number };
  /** Open connections now. */
  connections(): number;
  /** Changes the limit; connections that are open stay. */
  setMaxConnections(limit: number): void;
  /**
   * Stops accepting, which leaves newcomers to whoever else listens on the same socket, and settles when everyone who was
   * let in has asked for something, after `ms` at most.
   */
  stopAccepting(ms: number): Promise<void>;
  /**
   * Stops accepting, closes connections without a request in flight at once and the others after their answer, and
   * destroys what is left after `graceMs`. A second call can only shorten the grace. Settles when every socket is gone.
   */
  close(graceMs: number): Promise<void>;
}

const defaultTimeouts: Timeouts = { keepAlive: 120_000, headers: 10_000, request: 30_000 };
/** A signed token takes about 6 KiB, an edge adds up to 2 KiB of its own headers, cookies may come on top. */
const maxHeaderSize = 16 * 1024;
const backlog = 511;

/** Makes the one HTTP listener. A malformed request is answered 400, 408 or 431 by node:http and closes its connection. */
export function createHttpServer({
  handler,
  connections,
  timeouts = defaultTimeouts,
}: HttpServerOptions): HttpServer {
  /** Every open socket, with its responses that are not complete. */
  const open = new Map<Socket, Set<ServerResponse>>();
  /** Those of them that have not asked for anything yet. */
  const silent = new Set<Socket>();
  let onSpoken = (): void => {};
  let stopped: Promise<void> | undefined;
  /** Where it listened before it stopped accepting. */
  let known: ReturnType<Server["address"]> = null;
  let closing: Promise<void> | undefined;

  const server = createServer({
    keepAliveTimeout: timeouts.keepAlive,
    headersTimeout: timeouts.headers,
    requestTimeout: timeouts.request,
    // node:http enforces the two limits above only this often; its default of 30 s would make 10 s mean 40 s.
    connectionsCheckingInterval: Math.min(5_000, timeouts.headers),
    maxHeaderSize,
    noDelay: true,
  });
  // Bounded by maxHeaderSize. With the default, headers beyond the 2,000th would be dropped unseen by the gate.
  server.maxHeadersCount = 0;
  server.maxConnections = connections;

  server.on("connection", (socket: Socket) => {
    const unanswered = new Set<ServerResponse>();
    open.set(socket, unanswered);
    silent.add(socket);
    socket.once("close", () => {
      open.delete(socket);
      speaks(socket);
      // node:http closes the response being written, by the next tick; never those pipelined behind it.
      process.nextTick(() => {
        for (const res of unanswered) res.destroy().emit("close");
      });
    });
  });
  server.on("request", (req: IncomingMessage, res: ServerResponse) => {
    const { socket } = req;
    speaks(socket);
    const unanswered = open.get(socket);
    unanswered?.add(res);
    res.on("close", () => {
      unanswered?.delete(res);
      if (closing !== undefined && unanswered?.size === 0) socket.destroySoon();
    });
    handler(req, res);
  });

  function destroyAll(): void {
    for (const socket of open.keys()) socket.destroy();
  }

  function speaks(socket: Socket): void {
    if (silent.delete(socket) && silent.size === 0) onSpoken();
  }

  function stop(): Promise<void> {
    known ??= server.address();
    stopped ??= new Promise((resolve) => server.close(() => resolve()));
    return stopped;
  }

  async function startClosing(): Promise<void> {
    const gone = [...open.keys()].map((socket) => new Promise((resolve) => socket.once("close", resolve)));
    void stop();
    for (const [socket, unanswered] of open) {
      if (unanswered.size === 0) socket.destroy();
      for (const res of unanswered) if (!res.headersSent) res.setHeader("Connection", "close");
    }
    await Promise.all([stop(), ...gone]);
  }

  return {
    listen: (host, port) => bind(server, { host, port, backlog }, (error) => bindFault(error, host, port)),
    listenOn: (fd) =>
      bind(server, { fd }, (cause) => new Fault("FAILED", `descriptor ${fd} does not listen`, { cause })),
    address() {
      const address = server.address() ?? known;
      if (address === null || typeof address === "string")
        throw new Fault("FAILED", "the server is not listening");
      return { host: address.address, port: address.port };
    },
    connections: () => open.size,
    setMaxConnections(limit) {
      server.maxConnections = limit;
    },
    async stopAccepting(ms) {
      void stop();
      if (silent.size === 0) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        onSpoken = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    },
    async close(graceMs) {
      closing ??= startClosing();
      const timer = setTimeout(destroyAll, graceMs);
      await closing;
      clearTimeout(timer);
    },
  };
}

function bind(
  server: Server,
  where: { host: string; port: number; backlog: number } | { fd: number },
  explain: (error: Error) => Fault,
): Promise<void> {
  return new Promise((resolve, reject) => {
    // Stays: a failed accept is reported here later, and an unheard "error" would end the process.
    server.on("error", (error) => reject(explain(error)));
    server.listen(where, resolve);
  });
}

function bindFault(cause: Error, host: string, port: number): Fault {
  const where = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  switch (errnoOf(cause)) {
    case "EADDRINUSE":
      return new Fault("ADDRESS_IN_USE", `${where} is already in use`, {
        hint: `see who holds it with: ss -ltnp 'sport = :${port}' (macOS: lsof -nP -iTCP:${port} -sTCP:LISTEN), then stop it or change listen`,
        cause,
      });
    case "EACCES":
      return new Fault("PERMISSION", `not allowed to listen on ${where}`, {
        hint: "ports below 1024 belong to root: choose a higher one in listen",
        cause,
      });
    default:
      return new Fault("FAILED", `cannot listen on ${where}: ${cause.message}`, {
        hint: "listen must name an address of this machine",
        cause,
      });
  }
}
