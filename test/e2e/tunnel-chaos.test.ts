import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../../internal/clock/clock.js";
import { createLog } from "../../internal/log/log.js";
import { createRedactor } from "../../internal/log/redact.js";
import { spawnChild } from "../../internal/supervisor/child.js";
import type { ProbeResult } from "../../internal/tunnel/probe.js";
import { createTunnel, type Tunnel } from "../../internal/tunnel/tunnel.js";
import {
  bad,
  createStage,
  down,
  type FakeChild,
  fault,
  good,
  ready,
  type Stage,
  signLine,
} from "../../internal/tunnel/tunnel.test.util.js";
import type { Provider, TunnelState } from "../../internal/tunnel/types.js";

const minute = 60_000;
const hour = 60 * minute;
/** Two starts a minute is more than the longest waits make, and far from a hot loop. */
const startsAllowed = 120;
/** A hung program is noticed, stopped, waited for and started, and the first probe may come late. */
const recoveryAllowed = 5 * minute;

/** The same numbers for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface World {
  readonly stage: Stage;
  /** How often each kind of trouble was made. */
  readonly troubles: Map<string, number>;
  /** When each start was. */
  readonly starts: number[];
  /** Half an hour in which anything happens, at a mean distance of 20 s. */
  chaos(): Promise<void>;
  /** Ends every trouble but what it has left behind: a hung program stays hung. */
  calm(): void;
}

/** A program, an edge and a network that misbehave by chance. */
function createWorld(seed: number): World {
  const random = seeded(seed);
  const chance = (part: number): boolean => random() < part;
  const stage = createStage({ hostname: "mcp.example.com", random });
  const troubles = new Map<string, number>();
  const starts: number[] = [];
  const hung = new Set<FakeChild>();
  const ended = new Set<FakeChild>();
  let isCalm = false;
  /** The outside, when the present program is sound. */
  let edge: ProbeResult | undefined = good;

  function hasTunnel(): boolean {
    return stage.running > 0 && !hung.has(stage.child) && !ended.has(stage.child);
  }
  Object.defineProperty(stage, "edge", {
    get: () => (hasTunnel() ? edge : bad("PUBLIC_OFFLINE")),
  });
  stage.onChild = (child) => {
    starts.push(stage.clock.now());
    void child.exit.then(() => ended.add(child));
    if (isCalm) return child.say(ready);
    if (chance(0.3)) child.stopMs = random() * 10_000;
    if (chance(0.3)) return child.end();
    if (chance(0.1)) return void hung.add(child);
    stage.clock.after(random() * 20_000, () => child.say(ready));
  };

  const makers: Record<string, () => void> = {
    exit: () => stage.child.end({ code: Math.floor(random() * 256), signal: null }),
    kill: () => stage.child.end({ code: null, signal: "SIGKILL" }),
    hang: () => void hung.add(stage.child),
    flap() {
      for (let count = 0; count < 20; count += 1) {
        stage.clock.after(count * 300, () => stage.child.say(count % 2 === 0 ? down : ready));
      }
    },
    loss: () => stage.child.say(down),
    complaint: () =>
      stage.child.say(signLine({ kind: "fault", fault: fault("REFUSED", chance(0.5) ? "backoff" : "info") })),
    gibberish: () => stage.child.say(signLine({ kind: "ready", url: "://" })),
    "wrong answer": () => {
      edge = bad("PUBLIC_HTML", "degraded");
    },
    offline: () => {
      edge = bad("PUBLIC_OFFLINE");
    },
    silence: () => {
      edge = undefined;
    },
    "good edge": () => {
      edge = good;
    },
    "no network": () => {
      stage.network = "";
      edge = bad("PUBLIC_NETWORK_DOWN", "degraded");
    },
    "other network": () => {
      stage.network = `10.0.0.${Math.floor(random() * 255)}`;
      edge = good;
    },
    "no processes": () => {
      stage.start = { ok: false, reason: "failed", message: "EAGAIN" };
    },
    processes: () => {
      stage.start = undefined;
    },
    test: () => void stage.tunnel.test(),
  };
  const names = Object.keys(makers);

  return {
    stage,
    troubles,
    starts,
    async chaos() {
      isCalm = false;
      const until = stage.clock.now() + 30 * minute;
      while (stage.clock.now() < until) {
        await stage.advance(random() * 40_000);
        if (stage.children.length === 0) continue;
        const name = names[Math.floor(random() * names.length)] ?? "";
        troubles.set(name, (troubles.get(name) ?? 0) + 1);
        makers[name]?.();
      }
    },
    calm() {
      isCalm = true;
      edge = good;
      stage.network = "10.0.0.1";
      stage.start = undefined;
    },
  };
}

function mostInAnHour(starts: readonly number[]): number {
  return Math.max(0, ...starts.map((from) => starts.filter((at) => at >= from && at < from + hour).length));
}

/** Checks that the tunnel is verified in time, and that nothing happens to it from then on. */
async function recovers({ stage }: World): Promise<void> {
  await stage.advance(recoveryAllowed);
  const { state, since, restarts } = stage.tunnel.report();
  assert.is(state, "verified");
  await stage.advance(15 * minute);
  const later = stage.tunnel.report();
  assert.equal([later.state, later.since, later.restarts], ["verified", since, restarts]);
}

for (const seed of [1, 2]) {
  test(`ten hours of trouble, seed ${seed}`, async () => {
    const world = createWorld(seed);
    const { stage, starts } = world;
    for (let round = 0; round < 12; round += 1) {
      await world.chaos();
      world.calm();
      if (round % 4 === 3) await blockedStaysBlocked(world);
      await recovers(world);
    }
    assert.is(stage.mostRunning, 1);
    assert.ok(mostInAnHour(starts) <= startsAllowed, `${mostInAnHour(starts)} starts in an hour`);
    await stage.close();
    assert.is(stage.running, 0);
    assert.is(stage.clock.pending(), 0);
    assert.ok(stage.clock.now() >= 10 * hour);
    assert.is(world.troubles.size, 16);
    const reached = new Set<TunnelState>(stage.reports.map(({ state }) => state));
    assert.is(reached.size, 8);
  });
}

async function blockedStaysBlocked(world: World): Promise<void> {
  const { stage, starts } = world;
  await recovers(world);
  stage.child.say(signLine({ kind: "fault", fault: fault("BAD_TOKEN", "blocked") }));
  await stage.advance(11_000);
  const before = starts.length;
  for (let count = 0; count < 10; count += 1) {
    stage.network = count % 2 === 0 ? "" : `10.0.1.${count}`;
    await stage.advance(minute);
    await stage.tunnel.test();
    assert.is(stage.tunnel.report().state, "blocked");
  }
  assert.is(starts.length, before);
  stage.tunnel.restart();
}

test("a program that never works is not started more often than it is worth", async () => {
  const { stage, starts } = createWorld(3);
  stage.onChild = (child) => {
    starts.push(stage.clock.now());
    child.end();
  };
  await stage.advance(3 * hour);
  await stage.close();
  assert.ok(starts.length > 100);
  assert.ok(mostInAnHour(starts) <= startsAllowed);
});

test("control: what is counted as a hot loop is one without waits", async () => {
  const stage = createStage({ hostname: "mcp.example.com", random: () => -1 });
  const starts: number[] = [];
  stage.onChild = (child) => {
    starts.push(stage.clock.now());
    child.end();
  };
  await stage.advance(10 * minute);
  await stage.close();
  assert.ok(mostInAnHour(starts) > startsAllowed);
});

/** Listens on its first argument and sends everything on to its second: the least that can be called a tunnel. */
const forwarder = `
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

test("a real program is brought back after every kind of death, and leaves nothing behind", async () => {
  const directory = mkdtempSync(join(tmpdir(), "tunnel-chaos-"));
  const origin = createServer((_request, response) => response.end("here"));
  await once(origin.listen(0, "127.0.0.1"), "listening");
  const target = (origin.address() as AddressInfo).port;
  const port = await freePort();
  const provider: Provider = {
    isStable: true,
    program: "node",
    faults: [],
    launch: async () => ({
      argv: [process.execPath, "-e", forwarder, String(port), String(target)],
      env: {},
      readSign(line) {
        if (line === "ready") return { kind: "ready" };
        return line === "blocked" ? { kind: "fault", fault: fault("BAD_TOKEN", "blocked") } : undefined;
      },
    }),
  };
  const redactor = createRedactor();
  const pids = new Set<number>();
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
      freePort,
      pass: () => "",
    },
    probe: async (_url, signal) => ((await answers(port, signal)) ? good : bad("PUBLIC_OFFLINE")),
    network: async () => "10.0.0.1",
    clock: systemClock,
    random: Math.random,
    redact: redactor.text,
    onState({ pid }) {
      if (pid !== null) pids.add(pid);
    },
    onUrl: () => undefined,
    log: createLog({ level: "error", stream: process.stderr, env: {}, redactor, clock: systemClock }),
    spawnChild,
  });

  await until(tunnel, "verified");
  for (const signal of ["SIGKILL", "SIGTERM", "SIGUSR2"] as const) {
    const { pid, restarts } = tunnel.report();
    process.kill(pid ?? 0, signal);
    while (tunnel.report().restarts === restarts) await pause(10);
    assert.not(isAlive(pid));
    await until(tunnel, "verified");
    assert.ok(await answers(port));
  }
  process.kill(tunnel.report().pid ?? 0, "SIGHUP");
  await until(tunnel, "blocked");
  assert.not(await answers(port));
  tunnel.restart();
  await until(tunnel, "verified");
  await tunnel.close();
  assert.is(pids.size, 5);
  for (const pid of pids) assert.not(isAlive(pid));
  assert.not(await answers(port));
  origin.close();
  rmSync(directory, { recursive: true });
});

const noCommand = {
  argv: ["/bin/true"],
  env: {},
  url: undefined,
  readyPattern: undefined,
  readyUrl: undefined,
  downPattern: undefined,
  blockedPatterns: [],
} as const;

async function until(tunnel: Tunnel, state: TunnelState): Promise<void> {
  while (tunnel.report().state !== state) await pause(10);
}

function isAlive(pid: number | null): boolean {
  try {
    return process.kill(pid ?? 0, 0);
  } catch {
    return false;
  }
}

function answers(port: number, signal?: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host: "127.0.0.1", port, agent: false, ...(signal && { signal }) }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on("error", () => resolve(false));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test.run();
