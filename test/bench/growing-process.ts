/**
 * Measures `true` in a warm sandbox slot against a bare spawn of it, both from this process, before and after it has
 * grown, since a fork costs time in proportion to the memory of the process that forks.
 * Usage: growing-process.js SECONDS. Prints a `GrowthReport` as JSON; ends early, with what there is, on SIGINT and SIGTERM.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { makePlace } from "../../internal/sandbox/sandbox.test.util.js";
import { slotPauseMs } from "./operations.js";
import { usageOf } from "./process-tree.js";

/** One run of `true`, and the time after it in which the next slot is made. */
export interface Spawned {
  readonly ms: number;
  readonly cpuMs: number;
  /** Time in which the event loop did something, and so the most it can have stood still. */
  readonly busyMs: number;
}

export interface Growth {
  /** Resident memory of this process alone. */
  readonly rssMiB: number;
  readonly rounds: readonly { readonly slot: readonly Spawned[]; readonly bare: readonly Spawned[] }[];
}

const rounds = 4;
const warmUps = 5;
const growthMiB = 800;
/** Small enough to be mapped in pages of the usual size, as a heap is. */
const pieceBytes = 1 << 18;

const seconds = Number(process.argv[2]);
if (!(seconds > 0)) throw new Error("growing-process.js needs a number of seconds");
const place = makePlace();
let isStopped = false;
for (const name of ["SIGINT", "SIGTERM"] as const)
  process.once(name, () => {
    isStopped = true;
  });

async function inSlot(): Promise<void> {
  const { code, signal, err } = await place.run("true");
  if (code !== 0) throw new Error(`true in a slot ended with ${code ?? signal}: ${err}`);
}

async function bare(): Promise<void> {
  const child = spawn("/bin/true", { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.resume();
  child.stderr.resume();
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`/bin/true ended with ${code}`);
}

async function spawnOnce(run: () => Promise<void>): Promise<Spawned> {
  const cpuBefore = usageOf(process.pid).cpuMs;
  const loopBefore = performance.eventLoopUtilization();
  const started = performance.now();
  await run();
  const ms = performance.now() - started;
  await wait(slotPauseMs);
  const busyMs = performance.eventLoopUtilization(loopBefore).active;
  return { ms, cpuMs: usageOf(process.pid).cpuMs - cpuBefore, busyMs };
}

async function measure(): Promise<Growth> {
  for (let at = 0; at < warmUps; at++) for (const run of [inSlot, bare]) await spawnOnce(run);
  const measured: { slot: Spawned[]; bare: Spawned[] }[] = [];
  for (let round = 0; round < rounds && !isStopped; round++) {
    const slots: Spawned[] = [];
    const bares: Spawned[] = [];
    const end = performance.now() + (2 * seconds * 1000) / rounds;
    do {
      // Who goes first changes with every round.
      if (round % 2 === 0) slots.push(await spawnOnce(inSlot));
      bares.push(await spawnOnce(bare));
      if (round % 2 === 1) slots.push(await spawnOnce(inSlot));
    } while (performance.now() < end && !isStopped);
    measured.push({ slot: slots, bare: bares });
  }
  return { rssMiB: process.memoryUsage.rss() / 2 ** 20, rounds: measured };
}

try {
  const fresh = await measure();
  const held = Array.from({ length: (growthMiB * 2 ** 20) / pieceBytes }, () => Buffer.alloc(pieceBytes, 1));
  const grown = await measure();
  if (held.some((piece) => piece[0] !== 1)) throw new Error("the memory held has changed");
  process.stdout.write(JSON.stringify([fresh, grown]));
} finally {
  await place.close();
}
