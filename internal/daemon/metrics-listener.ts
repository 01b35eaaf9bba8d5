import type { IncomingMessage, ServerResponse } from "node:http";
import type { Config } from "../config/config.js";
import { createHttpServer, type HttpServer } from "../httpd/server.js";
import { metricsType } from "../metrics/registry.js";
import type { Prepared } from "./reload.js";

/** Serves the numbers on a loopback address, where the configuration names one. */
export interface MetricsListener {
  /** Binds what `config` asks for, unless it is bound already. Throws as HttpServer.listen. */
  prepare(config: Pick<Config, "metrics">): Promise<{ commit(): void; discard(): void }>;
  close(): Promise<void>;
}

/** Prepares a configuration together with the listener of its numbers: both are bound before anything changes. */
export async function withMetrics(
  listener: MetricsListener,
  config: Config,
  prepare: (config: Config) => Promise<Prepared>,
): Promise<Prepared> {
  const numbers = await listener.prepare(config);
  const prepared = await prepare(config).catch((error: unknown) => {
    numbers.discard();
    throw error;
  });
  return {
    ...prepared,
    discard() {
      numbers.discard();
      prepared.discard();
    },
    commit() {
      numbers.commit();
      prepared.commit();
    },
  };
}

/** A scraper needs one; more are not its business. */
const connections = 16;
const loopbackHost = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/i;

export function createMetricsListener(render: () => string): MetricsListener {
  let bound: { readonly server: HttpServer; readonly at: string } | undefined;

  return {
    async prepare({ metrics: { listen } }) {
      const at = listen === undefined ? undefined : `${listen.host} ${listen.port}`;
      if (at === bound?.at) return { commit() {}, discard() {} };
      const server =
        listen && createHttpServer({ connections, handler: (req, res) => answer(req, res, render) });
      if (listen !== undefined) await server?.listen(listen.host, listen.port);
      return {
        commit() {
          void bound?.server.close(0);
          bound = server && at !== undefined ? { server, at } : undefined;
        },
        discard: () => void server?.close(0),
      };
    },
    async close() {
      await bound?.server.close(0);
    },
  };
}

/** Names are checked, so that no web page can have its own name lead here. */
function answer(req: IncomingMessage, res: ServerResponse, render: () => string): void {
  const isLoopback = loopbackHost.test(req.headers.host ?? "");
  if (!isLoopback || req.headers.origin !== undefined) return send(res, 403, "only for this machine\n");
  if (req.url !== "/metrics") return send(res, 404, "see /metrics\n");
  if (req.method !== "GET") return send(res, 405, "only GET\n");
  send(res, 200, render());
}

function send(res: ServerResponse, status: number, text: string): void {
  res.writeHead(status, {
    "content-type": metricsType,
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
    connection: "close",
    ...(status === 405 && { allow: "GET" }),
  });
  res.end(text);
}
