import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Agent, buildConnector, getGlobalDispatcher, setGlobalDispatcher } from "undici";
import { lastingPort } from "./sign-in.js";

/** The name in our example files. */
export const publicHost = "mcp.example.com";
export const publicOrigin = `https://${publicHost}`;

/** Text of an example file, and what stands there instead. */
export type Changes = readonly (readonly [from: string, to: string])[];

/** A reverse proxy that this machine's package runs from our example file. */
export type ReverseProxy = (site: {
  /** For its files. */
  readonly dir: string;
  /** Where it answers with TLS, and where the origin is. */
  readonly port: number;
  readonly originPort: number;
  readonly changes: Changes;
}) => {
  readonly argv: readonly [string, ...string[]];
  /** What it writes to standard error when it is ready. */
  readonly ready: RegExp;
};

const nginx: ReverseProxy = ({ dir, port, originPort, changes }) => {
  const site = example("nginx/coding-tools-mcp.conf", [
    ["127.0.0.1:8765", `127.0.0.1:${originPort}`],
    ["listen 443 ssl", `listen 127.0.0.1:${port} ssl`],
    ["    listen [::]:443 ssl;\n", ""],
    ["/etc/letsencrypt/live/mcp.example.com/fullchain.pem", join(dir, "cert.pem")],
    ["/etc/letsencrypt/live/mcp.example.com/privkey.pem", join(dir, "key.pem")],
    ...changes,
  ]);
  const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const paths = kinds.map((kind) => `${kind}_temp_path ${join(dir, kind)};`).join("\n");
  const config = `daemon off; master_process off; pid ${join(dir, "pid")}; error_log stderr notice;
events {} http { access_log off; ${paths}\n${site} }`;
  const file = join(dir, "nginx.conf");
  writeFileSync(file, config);
  return { argv: ["nginx", "-p", dir, "-e", "stderr", "-c", file], ready: /using the "\w+" event method/ };
};

const caddy: ReverseProxy = ({ dir, port, originPort, changes }) => {
  const certificate = `tls ${join(dir, "cert.pem")} ${join(dir, "key.pem")}`;
  const site = example("caddy/Caddyfile", [
    [`${publicHost} {`, `${publicOrigin}:${port} {\n\tbind 127.0.0.1\n\t${certificate}`],
    ["127.0.0.1:8765", `127.0.0.1:${originPort}`],
    ...changes,
  ]);
  const file = join(dir, "Caddyfile");
  writeFileSync(file, `{\n\tadmin off\n\tauto_https disable_redirects\n}\n${site}`);
  return {
    argv: ["caddy", "run", "--adapter", "caddyfile", "--config", file],
    ready: /serving initial configuration/,
  };
};

export const reverseProxies: readonly (readonly [name: string, proxy: ReverseProxy])[] = [
  ["nginx", nginx],
  ["Caddy", caddy],
];

/** An example file as it is shipped, but for `changes`, each of which must find its text. */
function example(path: string, changes: Changes): string {
  const file = fileURLToPath(new URL(`../../../deploy/${path}`, import.meta.url));
  return changes.reduce(
    (text, [from, to]) => {
      if (!text.includes(from)) throw new Error(`${path} does not hold ${JSON.stringify(from)}`);
      return text.replace(from, to);
    },
    readFileSync(file, "utf8"),
  );
}

/** Runs `test` with `proxy` in front of an origin; the agent reaches it as `publicOrigin`, with its certificate checked. */
export async function behind<T>(
  proxy: ReverseProxy,
  { originPort, changes = [] }: { readonly originPort: number; readonly changes?: Changes },
  test: (agent: Agent) => Promise<T>,
): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), "ctmcp-proxy-"));
  try {
    const port = await lastingPort();
    const ca = makeCertificate(dir);
    const stop = await start(proxy({ dir, port, originPort, changes }), dir);
    const agent = agentFor(port, ca);
    try {
      return await test(agent);
    } finally {
      await agent.destroy();
      await stop();
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Has every `fetch` of this process, also those of libraries, go through `agent` while `work` runs. */
export async function everythingThrough(agent: Agent, work: () => Promise<void>): Promise<void> {
  const before = getGlobalDispatcher();
  setGlobalDispatcher(agent);
  await work().finally(() => setGlobalDispatcher(before));
}

/** What is meant for `publicOrigin` goes to `port` of this machine; all else where it is meant to go. */
function agentFor(port: number, ca: string): Agent {
  const connect = buildConnector({ ca });
  return new Agent({
    connect: (options, callback) => {
      const isPublic = options.hostname === publicHost;
      const route = { hostname: "127.0.0.1", port: String(port), servername: publicHost };
      connect({ ...options, ...(isPublic && route) }, callback);
    },
  });
}

/** Makes a key and a certificate for `host`, key.pem and cert.pem in `dir`; returns the latter, which vouches for itself. */
export function makeCertificate(dir: string, host: string = publicHost): string {
  const cert = join(dir, "cert.pem");
  const files = ["-keyout", join(dir, "key.pem"), "-out", cert];
  const subject = ["-subj", `/CN=${host}`, "-addext", `subjectAltName=DNS:${host}`];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  execFileSync("openssl", ["req", "-x509", ...key, ...files, ...subject, "-days", "1"], { stdio: "ignore" });
  return readFileSync(cert, "utf8");
}

async function start(
  { argv: [file, ...args], ready }: ReturnType<ReverseProxy>,
  dir: string,
): Promise<() => Promise<void>> {
  // Debian's nginx lies in a directory that users' PATH leaves out.
  const env = { PATH: `${process.env.PATH}:/usr/sbin`, HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir };
  const child = spawn(file, args, { cwd: dir, env, stdio: ["ignore", "ignore", "pipe"] });
  const closed = once(child, "close");
  let output = "";
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => reject(new Error(`${file} ended: ${output}`)));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (ready.test(output)) resolve();
    });
  });
  return async () => {
    child.kill("SIGKILL");
    await closed;
  };
}
