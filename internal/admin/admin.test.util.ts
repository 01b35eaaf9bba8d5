import { mkdtempSync, rmSync } from "node:fs";
import { type OutgoingHttpHeaders, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fault } from "../errs/errs.js";
import type { TunnelReport } from "../tunnel/types.js";
import type { AdminBackend } from "./backend.js";
import { createAdminServer } from "./server.js";
import type { Body, GrantReport, StatusReport } from "./types.js";

/** The Host that the socket answers to. */
export const host = "ctmcp.local";

/** A new directory with mode 0700. */
export function makeDir(): string {
  return mkdtempSync(join(tmpdir(), "admin-"));
}

export const status: Body<StatusReport> = {
  version: "9.9.9",
  pid: process.pid,
  started_at: "2026-01-02T03:04:05.000Z",
  uptime_s: 11_525,
  state: "ready",
  generation: 3,
  config: { path: "/home/ann/.config/coding-tools-mcp.yaml", loaded_at: "2026-01-02T03:04:06.000Z" },
  listen: {
    host: "127.0.0.1",
    port: 8765,
    url: "http://127.0.0.1:8765/mcp",
    public_url: "https://mcp.example.com/mcp",
  },
  auth: { mode: "bearer" },
  workspaces: [
    { id: "app", path: "/home/ann/src/app", profile: "full" },
    { id: "documents", path: "/home/ann/docs", profile: "read-only" },
  ],
  catalogue: { hash: "abc123", count: 8 },
  clients: {
    active: 2,
    recent: [
      {
        name: "claude-ai",
        user_agent: "Claude-User",
        principal: "grant:1",
        last_seen: "2026-01-02T03:04:09.000Z",
        last_tool: "read_file",
      },
    ],
  },
  commands: [
    { id: "c1", workspace: "app", principal: "grant:1", line: "npm test", tty: false, running_s: 75 },
  ],
  tunnel: null,
  memory_rss_bytes: 61 * 2 ** 20,
  sandbox: {
    level: "strong",
    minimum: "strong",
    reason: null,
    checked_at: "2026-01-01T00:00:00.000Z",
    probes: [{ name: "hidden files", outcome: "held", detail: "ENOENT" }],
  },
  path: { value: "/usr/bin:/bin", source: "login shell", problem: null },
  ripgrep: { path: "/opt/rg", source: "packaged" },
  warnings: [],
};

/** A tunnel that works. */
export const tunnel: TunnelReport = {
  provider: "ngrok",
  state: "verified",
  since: "2026-01-02T03:04:10.000Z",
  url: "https://mcp.example.com/mcp",
  pid: 4_711,
  restarts: 2,
  verified_at: "2026-01-02T04:04:10.000Z",
  next_start_at: null,
  fault: null,
  lines: ["started tunnel"],
};

/** A client that signed in. */
export const grant: GrantReport = {
  id: "3f9a7c21d0e4b586",
  client_id: "https://claude.ai/oauth/client",
  client_name: "Claude",
  redirect_host: "claude.ai",
  workspaces: null,
  profile: "read-only",
  created_at: "2026-01-02T03:04:05.000Z",
  used_at: "2026-01-03T03:04:05.000Z",
  expires_at: "2026-04-03T03:04:05.000Z",
};

/** A small daemon: it holds what a test gave it and answers from that. */
export function makeBackend(parts: Partial<AdminBackend> = {}): AdminBackend {
  return {
    status: () => status,
    reload: async () => ({ result: "unchanged", generation: 3, changes: [], restart_needed: [] }),
    workspaces: () => ({ workspaces: status.workspaces }),
    clients: () => ({ clients: [] }),
    attempts: () => ({ clients: [] }),
    config: () => ({ path: status.config.path, generation: 3, config: { version: 1 } }),
    rotateSecret: async ({ kind = "bearer" }) => ({
      kind,
      secrets: { bearer: "s3cret" },
      revoked: 0,
      old_key_ends_at: null,
    }),
    signIn: undefined,
    tunnel: undefined,
    prove: async () => ({ url: null, fault: null }),
    logs: async function* () {},
    ...parts,
  };
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

export interface RawRequest {
  readonly socketPath: string;
  readonly path: string;
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
}

/** One request with exactly these headers and a Host of its own choice. */
export function ask({ headers = { host }, body, ...rest }: RawRequest): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const req = request({ ...rest, headers, setHost: false, agent: false }, (res) => {
      let text = "";
      res.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      res.on("end", () => resolve({ status: res.statusCode ?? 0, headers: res.headers, text }));
      res.on("error", reject);
    });
    req.on("error", reject);
    req.end(body);
  });
}

export interface Setup {
  readonly socketPath: string;
  readonly errors: unknown[];
  send(path: string, request?: Partial<RawRequest>): Promise<RawAnswer>;
}

/** Runs with a server of its own, whose daemon answers what a test gave it. */
export async function withServer(
  backend: Partial<AdminBackend>,
  run: (setup: Setup) => Promise<void>,
): Promise<void> {
  const dir = makeDir();
  const socketPath = join(dir, "admin.sock");
  const errors: unknown[] = [];
  const server = await createAdminServer({
    socketPath,
    uid: process.getuid?.() ?? 0,
    backend: makeBackend(backend),
    version: "1.2.3",
    onError: (error) => errors.push(error),
  });
  try {
    await run({ socketPath, errors, send: (path, request) => ask({ socketPath, path, ...request }) });
  } finally {
    await server.close();
    rmSync(dir, { recursive: true });
  }
}

/** What makes a request a POST of `body`, as JSON unless it is a text. */
export function post(body: unknown): Partial<RawRequest> {
  return {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    headers: { host },
  };
}

/** The code of an answer that is an error. */
export function codeOf({ text }: RawAnswer): string {
  return JSON.parse(text).error.code;
}

/** The Fault that `run` ends with. */
export async function faultOf(run: () => unknown): Promise<Fault> {
  try {
    await run();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
