import type { IncomingMessage, ServerResponse } from "node:http";
import type { Config } from "../config/config.js";
import { Fault } from "../errs/errs.js";
import { createHttpServer, type HttpServer } from "../httpd/server.js";
import type { Address } from "./addresses.js";

/** The HTTP listener across reloads: a new address is bound before the old one is let go. */
export interface Listener {
  /** Binds what `config` asks for, unless it is bound already. */
  prepare(config: Config): Promise<{ readonly address: Address; commit(): void; discard(): void }>;
  address(): Address;
  close(graceMs: number): Promise<void>;
}

/** Requests on the old address may take this long after a swap: longer than any call does. */
const swapGraceMs = 60_000;

export interface ListenerDeps {
  readonly handler: (req: IncomingMessage, res: ServerResponse) => void;
}

export function createListener({ handler }: ListenerDeps): Listener {
  let bound: { server: HttpServer; listen: Config["listen"] } | undefined;
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
      const server = createHttpServer({ handler, connections });
      await server.listen(listen.host, listen.port);
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
    async close(graceMs) {
      await Promise.all(
        [...leaving, ...(bound ? [bound.server] : [])].map((server) => server.close(graceMs)),
      );
    },
  };

  function leave(server: HttpServer): void {
    leaving.add(server);
    void server.close(swapGraceMs).then(() => leaving.delete(server));
  }
}
