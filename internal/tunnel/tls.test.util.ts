import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo, Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Certificate {
  readonly key: Buffer;
  readonly cert: Buffer;
}

export interface Authority {
  readonly ca: Buffer;
  /** A certificate signed by it, good from `from` to `until` (years). */
  issue(host: string, from?: number, until?: number): Certificate;
  /** One that is signed by itself. */
  selfSigned(host: string): Certificate;
  close(): void;
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** A certificate authority made by OpenSSL 3 (what macOS ships is LibreSSL: not tried). */
export function createAuthority(): Authority {
  const folder = mkdtempSync(join(tmpdir(), "ctmcp-ca-"));
  const openssl = (...args: string[]): unknown =>
    execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  const read = (name: string): Buffer => readFileSync(join(folder, name));
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  openssl(
    "req",
    "-x509",
    ...newKey,
    "-days",
    "2",
    "-subj",
    "/CN=authority",
    "-keyout",
    "ca.key",
    "-out",
    "ca",
  );
  write("index", "");
  write("config", configText);
  const thisYear = new Date().getUTCFullYear();
  return {
    ca: read("ca"),
    issue(host, from = thisYear - 1, until = thisYear + 1) {
      openssl("req", ...newKey, "-subj", `/CN=${host}`, "-keyout", "key", "-out", "request");
      write("extensions", `subjectAltName=DNS:${host}\n`);
      openssl(
        ...["ca", "-batch", "-config", "config", "-extfile", "extensions", "-in", "request", "-out", "cert"],
        ...["-startdate", `${from}0101000000Z`, "-enddate", `${until}1231000000Z`],
      );
      return { key: read("key"), cert: read("cert") };
    },
    selfSigned(host) {
      openssl(
        ...["req", "-x509", ...newKey, "-subj", `/CN=${host}`, "-addext", `subjectAltName=DNS:${host}`],
        ...["-keyout", "key", "-out", "cert"],
      );
      return { key: read("key"), cert: read("cert") };
    },
    close: () => rmSync(folder, { recursive: true }),
  };
}

const configText = `[ca]
default_ca = own
[own]
database = index
new_certs_dir = .
certificate = ca
private_key = ca.key
default_md = sha256
policy = any
rand_serial = yes
unique_subject = no
[any]
commonName = supplied
`;

export interface Listening {
  readonly port: number;
  close(): void;
}

/** An https server on loopback. */
export function serveTls(certificate: Certificate, answer: RequestListener): Promise<Listening> {
  return listen(createServer(certificate, answer));
}

/** Lets any server listen on a free port of loopback. */
export async function listen(server: Server): Promise<Listening> {
  const open = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
