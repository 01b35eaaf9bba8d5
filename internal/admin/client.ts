import { type IncomingMessage, request } from "node:http";
import { type ErrorCode, errnoOf, Fault, messageOf, programErrors } from "../errs/errs.js";
import type { LogLine } from "../log/line.js";
import type { ProofReport } from "../tunnel/types.js";
import {
  type ApprovalDecision,
  type ApprovalsReport,
  type AttemptsReport,
  adminHost,
  type ClientsReport,
  type ConfigReport,
  type DecisionReport,
  type ErrorReport,
  type GrantAccess,
  type GrantResultReport,
  type GrantsReport,
  type PassEndReport,
  type PassReport,
  type ReloadReport,
  type RotateReport,
  type RotateRequest,
  type StatusReport,
  type TunnelStatusReport,
  type UndoListReport,
  type UndoResultReport,
  type UnlockReport,
  versionHeader,
  type WorkspacesReport,
} from "./types.js";

export interface AdminClientOptions {
  /** Where the socket is, or how to find out; asked only when a request is made. */
  readonly socketPath: string | (() => Promise<string>);
  /** Called with the daemon's version on every answer that tells it. */
  readonly onVersion?: (version: string) => void;
  /** What to tell a person whose daemon does not run. */
  readonly startHint?: string;
  /** Milliseconds the daemon may take to answer; a log stream only has to begin in that time. Default 10,000. */
  readonly timeoutMs?: number;
}

/**
 * The admin API from outside. Every method throws DAEMON_UNREACHABLE when no daemon answers, PERMISSION when the
 * socket is somebody else's, FAILED for a bug in the daemon, and otherwise the daemon's own Fault (REFUSED for a code
 * this version does not know).
 */
export interface AdminClient {
  status(): Promise<StatusReport>;
  reload(options: { dryRun: boolean; ifGeneration?: number | undefined }): Promise<ReloadReport>;
  workspaces(): Promise<WorkspacesReport>;
  clients(): Promise<ClientsReport>;
  attempts(): Promise<AttemptsReport>;
  config(options: { sources: boolean }): Promise<ConfigReport>;
  rotateSecret(request: RotateRequest): Promise<RotateReport>;
  grants(): Promise<GrantsReport>;
  /** Signs a client out. Also throws NOT_FOUND. */
  revokeGrant(id: string): Promise<GrantResultReport>;
  /** Changes what a client may do. Also throws NOT_FOUND. */
  setAccess(id: string, access: GrantAccess): Promise<GrantResultReport>;
  unlock(): Promise<UnlockReport>;
  /** Lets the caller in as a client that only reads, for a minute. Throws REFUSED where clients do not sign in. */
  issuePass(): Promise<PassReport>;
  endPass(): Promise<PassEndReport>;
  approvals(): Promise<ApprovalsReport>;
  /** Also throws NOT_FOUND. */
  decideApproval(decision: ApprovalDecision): Promise<DecisionReport>;
  undoList(): Promise<UndoListReport>;
  /** Takes back one set of changes, without `id` the newest. Also throws NOT_FOUND and PATCH_ROLLBACK_FAILED. */
  undo(id: string | undefined): Promise<UndoResultReport>;
  tunnel(): Promise<TunnelStatusReport>;
  /** Throws REFUSED when no tunnel is configured, as `testTunnel` does. */
  restartTunnel(): Promise<TunnelStatusReport>;
  testTunnel(): Promise<TunnelStatusReport>;
  prove(): Promise<ProofReport>;
  /** In the text format of Prometheus. */
  metrics(): Promise<string>;
  logs(options: { follow: boolean; signal: AbortSignal }): AsyncIterable<LogLine>;
}

/** Ending a program and asking through the public URL take up to 10 s each. */
const tunnelTimeoutMs = 30_000;

interface Call {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: object;
  readonly signal?: AbortSignal;
  /** For a call that takes longer than others. */
  readonly timeoutMs?: number;
  /** Codes of tools that are thrown as they are: this call failed, which is not the same as being refused. */
  readonly failures?: readonly ErrorCode[];
}

/**
 * A client for the socket at `socketPath`. It uses node:http because undici takes 80 ms to load, as long as node
 * itself, and a command line tool makes one request.
 */
export function createAdminClient(options: AdminClientOptions): AdminClient {
  async function call<T>(what: Call): Promise<T> {
    return (await readJson(await send(options, what))) as T;
  }
  function ask<T>(method: Call["method"], path: string, body?: object): Promise<T> {
    return call({ method, path, ...(body ? { body } : {}) });
  }
  return {
    status: () => ask("GET", "/v1/status"),
    reload: ({ dryRun, ifGeneration }) =>
      ask("POST", "/v1/reload", { dry_run: dryRun, if_generation: ifGeneration }),
    workspaces: () => ask("GET", "/v1/workspaces"),
    clients: () => ask("GET", "/v1/clients"),
    attempts: () => ask("GET", "/v1/attempts"),
    config: ({ sources }) => ask("GET", sources ? "/v1/config?sources=1" : "/v1/config"),
    rotateSecret: (request) => ask("POST", "/v1/rotate-secret", request),
    grants: () => ask("GET", "/v1/grants"),
    revokeGrant: (id) =>
      call({ method: "POST", path: "/v1/grants/revoke", body: { id }, failures: ["NOT_FOUND"] }),
    setAccess: (id, { profile, workspaces }) =>
      call({
        method: "POST",
        path: "/v1/grants/access",
        body: { id, profile, workspaces },
        failures: ["NOT_FOUND"],
      }),
    unlock: () => ask("POST", "/v1/auth/unlock"),
    issuePass: () => ask("POST", "/v1/pass"),
    endPass: () => ask("POST", "/v1/pass/end"),
    approvals: () => ask("GET", "/v1/approvals"),
    decideApproval: ({ id, allow, forSeconds }) =>
      call({
        method: "POST",
        path: "/v1/approvals",
        body: { id, allow, for_seconds: forSeconds },
        failures: ["NOT_FOUND"],
      }),
    undoList: () => ask("GET", "/v1/undo"),
    undo: (id) =>
      call({
        method: "POST",
        path: "/v1/undo",
        body: { id },
        failures: ["NOT_FOUND", "PATCH_ROLLBACK_FAILED"],
      }),
    tunnel: () => ask("GET", "/v1/tunnel"),
    restartTunnel: () => call({ method: "POST", path: "/v1/tunnel/restart", timeoutMs: tunnelTimeoutMs }),
    testTunnel: () => call({ method: "POST", path: "/v1/tunnel/test", timeoutMs: tunnelTimeoutMs }),
    prove: () => call({ method: "POST", path: "/v1/prove", timeoutMs: tunnelTimeoutMs }),
    metrics: async () => readText(await send(options, { method: "GET", path: "/v1/metrics" })),
    logs: (what) => readLines(options, what),
  };
}

async function* readLines(
  options: AdminClientOptions,
  { follow, signal }: { follow: boolean; signal: AbortSignal },
): AsyncGenerator<LogLine> {
  const res = await send(options, { method: "GET", path: follow ? "/v1/logs?follow=1" : "/v1/logs", signal });
  let rest = "";
  try {
    for await (const chunk of res.setEncoding("utf8") as AsyncIterable<string>) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) yield JSON.parse(line) as LogLine;
    }
  } catch (error) {
    if (!signal.aborted) throw cutShort(error);
  }
}

/** Sends the request and waits for the head of the answer; an answer that is an error is thrown. */
async function send(options: AdminClientOptions, call: Call): Promise<IncomingMessage> {
  const res = await exchange(options, call);
  const version = res.headers[versionHeader];
  if (typeof version === "string") options.onVersion?.(version);
  if (res.statusCode === 200) return res;
  throw faultOf(((await readJson(res)) as ErrorReport).error, call.failures);
}

async function exchange(options: AdminClientOptions, call: Call): Promise<IncomingMessage> {
  const { socketPath: socket, startHint } = options;
  const timeoutMs = call.timeoutMs ?? options.timeoutMs ?? 10_000;
  const socketPath = typeof socket === "string" ? socket : await socket();
  const body = call.body === undefined ? "" : JSON.stringify(call.body);
  return new Promise((resolve, reject) => {
    const req = request({
      socketPath,
      method: call.method,
      path: call.path,
      headers: { host: adminHost, "content-length": Buffer.byteLength(body) },
      agent: false,
      ...(call.signal ? { signal: call.signal } : {}),
    });
    const late = setTimeout(() => req.destroy(silent(socketPath, timeoutMs)), timeoutMs);
    req.once("error", (error) => {
      clearTimeout(late);
      reject(unreachable(socketPath, error, startHint));
    });
    req.once("response", (res) => {
      clearTimeout(late);
      resolve(res);
    });
    req.end(body);
  });
}

async function readJson(res: IncomingMessage): Promise<unknown> {
  const text = await readText(res);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw cutShort(error);
  }
}

async function readText(res: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of res as AsyncIterable<Buffer>) chunks.push(chunk);
    return Buffer.concat(chunks).toString("utf8");
  } catch (error) {
    throw cutShort(error);
  }
}

function faultOf(
  { code, message, hint, details }: ErrorReport["error"],
  failures: readonly ErrorCode[] = [],
): Fault {
  if (code === "INTERNAL_ERROR") {
    return new Fault("FAILED", `the daemon failed: ${message}`, { hint: "see its log: ctmcpctl logs" });
  }
  const known: readonly string[] = [...Object.keys(programErrors), ...failures];
  const own = known.includes(code) ? (code as ErrorCode) : "REFUSED";
  return new Fault(own, message, {
    ...(hint === undefined ? {} : { hint }),
    ...(details === undefined ? {} : { details }),
  });
}

function cutShort(cause: unknown): Fault {
  const hint = "see whether it still runs: ctmcpctl status";
  return new Fault("DAEMON_UNREACHABLE", `the daemon's answer was cut short: ${messageOf(cause)}`, {
    hint,
    cause,
  });
}

function silent(path: string, timeoutMs: number): Fault {
  return new Fault(
    "DAEMON_UNREACHABLE",
    `the daemon did not answer within ${timeoutMs / 1_000} s on ${path}`,
    {
      hint: "it may be stopped or overloaded; see its log",
    },
  );
}

/** Turns what connect(2) said into what to do. */
function unreachable(socketPath: string, error: unknown, startHint = "start it: ctmcpd"): unknown {
  switch (errnoOf(error)) {
    case "ENOENT":
    case "ENOTDIR":
      return new Fault("DAEMON_UNREACHABLE", `no daemon is running: there is no socket at ${socketPath}`, {
        hint: startHint,
        details: { reason: "no-socket" },
      });
    case "ECONNREFUSED":
      return new Fault("DAEMON_UNREACHABLE", `no daemon is running: the last one left ${socketPath} behind`, {
        hint: `${startHint} (it clears the old socket away)`,
        details: { reason: "stale-socket" },
      });
    case "EACCES":
    case "EPERM":
      return new Fault("PERMISSION", `may not open ${socketPath}`, {
        hint: "run ctmcpctl as the user the daemon runs as",
      });
    case "ECONNRESET":
    case "EPIPE":
      return cutShort(error);
    default:
      return error;
  }
}
