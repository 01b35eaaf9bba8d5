import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TestAuthority {
  /** Its certificate; the one of the server is signed with it and good for `host`. */
  readonly ca: Buffer;
  readonly host: string;
  /** Serves `answer` on every address of the machine. */
  serve(answer: RequestListener): Promise<TestServer>;
}

export interface TestServer {
  readonly port: number;
  /** Connections so far. */
  dialled(): number;
  close(): void;
}

/** A certificate authority of its own, made by OpenSSL 3 (what macOS ships is LibreSSL: not tried), and its https servers. */
export function createTestAuthority(host: string): TestAuthority {
  const folder = mkdtempSync(join(tmpdir(), "ctmcp-tls-"));
  try {
    const at = (name: string): string => join(folder, name);
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    const openssl = (...args: string[]): unknown =>
      execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
    openssl("req", "-x509", ...key, "-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.pem");
    openssl(
      ...["req", "-x509", ...key, "-CA", "ca.pem", "-CAkey", "ca.key", "-subj", `/CN=${host}`],
      ...["-addext", `subjectAltName=DNS:${host}`, "-addext", "basicConstraints=critical,CA:FALSE"],
      ...["-keyout", "server.key", "-out", "server.pem"],
    );
    const [ca, privateKey, cert] = ["ca.pem", "server.key", "server.pem"].map((name) =>
      readFileSync(at(name)),
    );
    if (ca === undefined || privateKey === undefined || cert === undefined)
      throw new Error("openssl wrote nothing");
    return { ca, host, serve: (answer) => serve({ key: privateKey, cert }, answer) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function serve(own: { key: Buffer; cert: Buffer }, answer: RequestListener): Promise<TestServer> {
  let dialled = 0;
  const server = createServer(own, answer).on("connection", () => {
    dialled++;
  });
  // Without an address: 0.0.0.0, ::1 and mapped addresses reach it too.
  await new Promise<void>((resolve) => server.listen(0, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    dialled: () => dialled,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
