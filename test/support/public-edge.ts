import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { makeCertificate } from "./reverse-proxy.js";

/** The far end of a vendor's tunnel, as far as one machine can be it: a public name with TLS in front of a port. */
export interface PublicEdge {
  /** Node options with which a program finds the name here; nothing else about its connections changes. */
  readonly nodeOptions: string;
  close(): Promise<void>;
}

/** Starts one for `host`, with its files in `dir`, which sends everything on to `originPort`. */
export async function startPublicEdge(dir: string, host: string, originPort: number): Promise<PublicEdge> {
  const ca = makeCertificate(dir, host);
  const server = createServer({ cert: ca, key: readFileSync(join(dir, "key.pem")) }, (req, res) => {
    const { method, url, headers } = req;
    const onward = request({ host: "127.0.0.1", port: originPort, method, path: url, headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(res);
    });
    onward.once("error", () => res.destroy());
    req.pipe(onward);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const preload = join(dir, "public-edge.mjs");
  writeFileSync(
    preload,
    `import tls from "node:tls";
    const { connect } = tls;
    tls.connect = (options, ...rest) => options.servername === ${JSON.stringify(host)}
      ? connect({ ...options, host: "127.0.0.1", port: ${port}, ca: ${JSON.stringify(ca)} }, ...rest)
      : connect(options, ...rest);`,
  );
  return {
    nodeOptions: `--import=${preload}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
