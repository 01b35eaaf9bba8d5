import { setTimeout as pause } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Clock, systemClock } from "../../internal/clock/clock.js";
import type { ProbeResult } from "../../internal/tunnel/probe.js";
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
import type { TunnelState } from "../../internal/tunnel/types.js";
import { isAlive, startForwarder } from "../support/forwarder.js";

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

test("a real program is brought back after every kind of death, and leaves nothing behind", async () => {
  const forwarder = await startForwarder();
  const { tunnel, pids, until, answers } = forwarder;
  await until("verified");
  for (const signal of ["SIGKILL", "SIGTERM", "SIGUSR2"] as const) {
    const { pid, restarts } = tunnel.report();
    process.kill(pid ?? 0, signal);
    while (tunnel.report().restarts === restarts) await pause(10);
    assert.not(isAlive(pid ?? 0));
    await until("verified");
    assert.ok(await answers());
  }
  process.kill(tunnel.report().pid ?? 0, "SIGHUP");
  await until("blocked");
  assert.not(await answers());
  tunnel.restart();
  await until("verified");
  await forwarder.close();
  assert.equal([pids.length, forwarder.mostAlive], [5, 1]);
  for (const pid of pids) assert.not(isAlive(pid));
  assert.not(await answers());
});

/** Time goes ten times as fast. */
const fast: Clock = {
  now: () => systemClock.now() * 10,
  monotonic: () => systemClock.monotonic() * 10,
  after: (ms, run) => systemClock.after(ms / 10, run),
};

for (const [by, options, code] of [
  ["its readiness endpoint", { clock: fast, polled: true }, "TUNNEL_LINK_DOWN"],
  ["the probe", { clock: fast }, "PUBLIC_NO_ANSWER"],
] as const) {
  test(`a real program that hangs is noticed by ${by}, and another one takes its place`, async () => {
    const forwarder = await startForwarder(options);
    const { tunnel, pids, faults, until, answers } = forwarder;
    await until("verified");
    const { pid } = tunnel.report();
    process.kill(pid ?? 0, "SIGSTOP");
    while (tunnel.report().pid === pid) await pause(10);
    // It does not hear SIGTERM, and yet it is gone before the next one comes.
    assert.not(isAlive(pid ?? 0));
    await until("verified");
    assert.ok(await answers());
    await forwarder.close();
    assert.ok(faults.has(code), [...faults].join());
    assert.is(forwarder.mostAlive, 1);
    for (const it of pids) assert.not(isAlive(it));
  });
}

test.run();
