import type { IncomingMessage, ServerResponse } from "node:http";
import type { Config } from "../config/config.js";
import { isLoopback } from "../config/resolve.js";
import { Fault } from "../errs/errs.js";
import { createHttpServer, type HttpServer } from "../httpd/server.js";
import type { Address } from "./addresses.js";

/** The HTTP listener across reloads: a new address is bound before the old one is let go. */
export interface Listener {
  /** Binds what `config` asks for, unless it is bound already. */
  prepare(config: Config): Promise<{ readonly address: Address; commit(): void; discard(): void }>;
  address(): Address;
  /** Where somebody else holds the socket, too: lets newcomers wait there for the next daemon. */
  handOver(): Promise<void>;
  close(graceMs: number): Promise<void>;
}

/** Requests on the old address may take this long after a swap: longer than any call does. */
const swapGraceMs = 60_000;
/** Who has connected asks within this, or does not mean to. */
const askingMs = 200;

export interface ListenerDeps {
  readonly handler: (req: IncomingMessage, res: ServerResponse) => void;
  /** A listening socket that the service manager handed over (sd_listen_fds(3)); used when its address is the one wanted. */
  readonly inherited?: Inherited | undefined;
}

export interface Inherited {
  readonly fd: number;
  /** It listens elsewhere, and is left alone. */
  readonly onOther: (address: Address) => void;
}

export function createListener({ handler, inherited }: ListenerDeps): Listener {
  let unused = inherited;
  let bound: { server: HttpServer; listen: Config["listen"] } | undefined;
  let shared: HttpServer | undefined;
  const leaving = new Set<HttpServer>();

  return {
    async prepare({ listen, limits }) {
      const { connections } = limits;
      const same = bound?.listen.host === listen.host && bound.listen.port === listen.port;
      if (bound !== undefined && same) {
        const { server } = bound;
        return {
          address: server.address(),
          commit: () => server.setMaxConnections(connections),
          discard: () => {},
        };
      }
      const server = (await adopt(listen, connections)) ?? (await bind(listen, connections));
      return {
        address: server.address(),
        commit() {
          if (bound !== undefined) leave(bound.server);
          bound = { server, listen };
        },
        discard: () => leave(server),
      };
    },
    address() {
      if (bound === undefined) throw new Fault("FAILED", "the server is not listening");
      return bound.server.address();
    },
    async handOver() {
      if (bound !== undefined && bound.server === shared) await shared.stopAccepting(askingMs);
    },
    async close(graceMs) {
      await Promise.all(
        [...leaving, ...(bound ? [bound.server] : [])].map((server) => server.close(graceMs)),
      );
    },
  };

  async function bind({ host, port }: Config["listen"], connections: number): Promise<HttpServer> {
    const server = createHttpServer({ handler, connections });
    try {
      await server.listen(host, port);
    } catch (error) {
      const own = bound?.server.address();
      if (!(error instanceof Fault && error.code === "ADDRESS_IN_USE" && own?.port === port)) throw error;
      const hint = `this daemon holds the port at ${own.host}: restart it to listen there, or choose another port`;
      throw new Fault(error.code, error.message, { hint, cause: error });
    }
    return server;
  }

  async function adopt(
    { host, port }: Config["listen"],
    connections: number,
  ): Promise<HttpServer | undefined> {
    const offer = unused;
    unused = undefined;
    if (offer === undefined) return undefined;
    const server = createHttpServer({ handler, connections });
    await server.listenOn(offer.fd);
    const address = server.address();
    const isWanted = address.host === host || (host === "localhost" && isLoopback(address.host));
    if (isWanted && address.port === port) {
      shared = server;
      return server;
    }
    offer.onOther(address);
    await server.close(0);
    return undefined;
  }

  function leave(server: HttpServer): void {
    leaving.add(server);
    void server.close(swapGraceMs).then(() => leaving.delete(server));
  }
}
