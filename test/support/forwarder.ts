import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Clock, systemClock } from "../../internal/clock/clock.js";
import { createLog } from "../../internal/log/log.js";
import { createRedactor } from "../../internal/log/redact.js";
import { type SpawnChild, spawnChild } from "../../internal/supervisor/child.js";
import { createTunnel, type Tunnel } from "../../internal/tunnel/tunnel.js";
import { bad, fault, good } from "../../internal/tunnel/tunnel.test.util.js";
import type { Launch, Provider, TunnelState } from "../../internal/tunnel/types.js";
import { freePort } from "./resources.js";

/** Listens on its first argument and sends everything on to its second: the least that can be called a tunnel. */
const program = `
  const net = require("node:net");
  const [port, target] = process.argv.slice(1).map(Number);
  const server = net.createServer((inside) => {
    const outside = net.connect(target, "127.0.0.1");
    inside.pipe(outside).pipe(inside);
    inside.on("error", () => outside.destroy());
    outside.on("error", () => inside.destroy());
  });
  server.listen(port, "127.0.0.1", () => console.log("ready"));
  process.on("SIGUSR2", () => process.exit(7));
  process.on("SIGHUP", () => console.log("blocked"));`;

/** A tunnel whose program is a real one, and whose outside is its port on this machine. */
export interface Forwarder {
  readonly tunnel: Tunnel;
  /** Of every program that was started, in order. */
  readonly pids: readonly number[];
  /** How many programs lived at the same time, at most. */
  readonly mostAlive: number;
  /** Every fault that was shown. */
  readonly faults: ReadonlySet<string>;
  /** Whether a request through it is answered. */
  answers(): Promise<boolean>;
  until(state: TunnelState): Promise<void>;
  /** Ends it, and checks nothing. */
  close(): Promise<void>;
}

export interface ForwarderOptions {
  readonly clock?: Clock;
  /** Its program is asked at its own port, as those with an endpoint for readiness are. */
  readonly polled?: boolean;
}

export async function startForwarder({
  clock = systemClock,
  polled = false,
}: ForwarderOptions = {}): Promise<Forwarder> {
  const directory = mkdtempSync(join(tmpdir(), "forwarder-"));
  const origin = createServer((_request, response) => response.end("here"));
  await once(origin.listen(0, "127.0.0.1"), "listening");
  const target = (origin.address() as AddressInfo).port;
  const port = await freePort();
  const pids: number[] = [];
  const faults = new Set<string>();
  let mostAlive = 0;
  const launch: Launch = {
    argv: [process.execPath, "-e", program, String(port), String(target)],
    env: {},
    readSign(line) {
      if (line === "ready") return { kind: "ready" };
      return line === "blocked" ? { kind: "fault", fault: fault("BAD_TOKEN", "blocked") } : undefined;
    },
    ...(polled && {
      poll: async (signal: AbortSignal) => ((await ask(port, signal)) ? { kind: "ready" } : undefined),
    }),
  };
  const provider: Provider = { isStable: true, program: "node", faults: [], launch: async () => launch };
  const spawnCounted: SpawnChild = async (options) => {
    const started = await spawnChild(options);
    if (started.ok) pids.push(started.child.pid);
    mostAlive = Math.max(mostAlive, pids.filter(isAlive).length);
    return started;
  };
  const redactor = createRedactor();
  const tunnel = createTunnel({
    provider,
    context: {
      config: { provider: "command", ...noCommand },
      hostname: "mcp.example.com",
      port: target,
      directory: join(directory, "run"),
      path: "",
      env: {},
      home: directory,
      isChangeable: () => false,
      freePort,
      pass: () => "",
    },
    probe: async (_url, signal) => ((await ask(port, signal)) ? good : bad("PUBLIC_OFFLINE")),
    network: async () => "10.0.0.1",
    clock,
    random: Math.random,
    redact: redactor.text,
    onState(report) {
      if (report.fault !== null) faults.add(report.fault.code);
    },
    onUrl: () => undefined,
    log: createLog({ level: "error", stream: process.stderr, env: {}, redactor, clock }),
    spawnChild: spawnCounted,
  });
  return {
    tunnel,
    pids,
    faults,
    get mostAlive() {
      return mostAlive;
    },
    answers: () => ask(port),
    async until(state) {
      while (tunnel.report().state !== state) await pause(10);
    },
    async close() {
      await tunnel.close();
      origin.close();
      rmSync(directory, { recursive: true });
    },
  };
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const noCommand = {
  argv: ["/bin/true"],
  env: {},
  url: undefined,
  readyPattern: undefined,
  readyUrl: undefined,
  downPattern: undefined,
  blockedPatterns: [],
} as const;

/** Rejects when `signal` aborts. */
function ask(port: number, signal?: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const request = get({ host: "127.0.0.1", port, agent: false, ...(signal && { signal }) }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on("error", (error) => (signal?.aborted ? reject(error) : resolve(false)));
  });
}
