import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import type { Fixtures } from "./fixtures.js";
import { checkAnswer, requestText, type Sample } from "./measure.js";
import { floodOf, type Operation, usualGoal } from "./operations.js";
import { usageOf } from "./process-tree.js";
import type { Cell } from "./report.js";
import { createRpcClient } from "./rpc-client.js";
import type { Server } from "./servers.js";
import { ascending, percentile } from "./stats.js";

const bytes = 500_000_000;
const cmd = `yes 'a line of output that nobody reads' | head -c ${bytes}`;
const runs = 3;
/** Between the pings of another client meanwhile. */
const pingPauseMs = 2;
const peakEveryMs = 10;
const growthGoalMiB = 4;
const pingGoalMs = 10;

/**
 * Measures a command that prints 500,000,000 bytes: how long it takes against bare pipes, what the daemon's own memory
 * grows by, and how long another client waits for a ping meanwhile.
 */
export async function measureFlood(
  daemon: Server,
  { token }: Fixtures,
  { ping, signal }: { ping: Operation; signal: AbortSignal },
): Promise<Cell> {
  const [writer, other] = [createRpcClient(daemon.url, token), createRpcClient(daemon.url, token)];
  const flooded: number[] = [];
  const bare: number[] = [];
  const pings: number[] = [];
  const growths: number[] = [];
  const before = usageOf(daemon.pid).cpuMs;
  let wrong = 0;
  let firstWrong: string | undefined;

  async function pingUntil(isDone: () => boolean): Promise<void> {
    const request = ping.next();
    while (!isDone()) {
      const started = performance.now();
      await other.call(requestText(request, 1));
      pings.push(performance.now() - started);
      await wait(pingPauseMs);
    }
  }

  async function peakUntil(isDone: () => boolean): Promise<number> {
    let peak = 0;
    for (; !isDone(); await wait(peakEveryMs)) peak = Math.max(peak, ownMemory(daemon.pid));
    return peak;
  }

  // What the first of them makes the daemon allocate once and for all is not growth.
  for (let run = -1; run < runs && !signal.aborted; run++) {
    const request = floodOf(cmd, bytes);
    const start = ownMemory(daemon.pid);
    let isDone = false;
    const others = Promise.all([peakUntil(() => isDone), pingUntil(() => isDone)]);
    const started = performance.now();
    const body = await writer.call(requestText(request, 1));
    const took = performance.now() - started;
    isDone = true;
    const [peak] = await others;
    try {
      checkAnswer(request, body);
    } catch (error) {
      wrong++;
      firstWrong ??= String(error);
      continue;
    }
    if (run === -1) pings.length = 0;
    else {
      flooded.push(took);
      growths.push(peak - start);
      bare.push(await barePipe());
    }
  }
  await Promise.all([writer.close(), other.close()]);
  const sampleOf = (server: Sample["server"], latencies: readonly number[]): Sample => ({
    server,
    latencies,
    roundMedians: latencies,
    seconds: latencies.reduce((sum, ms) => sum + ms, 0) / 1000,
    cpuMs: server === "floor" ? Number.NaN : usageOf(daemon.pid).cpuMs - before,
    rssMiB: server === "floor" ? Number.NaN : ownMemory(daemon.pid),
    wrong: server === "floor" ? 0 : wrong,
    firstWrong,
  });
  const grown = Math.max(...growths);
  const [typical, slow] = [0.5, 0.99].map((share) => percentile(ascending(pings), share)) as [number, number];
  const mark = (isOver: boolean): string => (isOver ? " (!)" : "");
  return {
    operation: "exec_flood",
    clients: 1,
    goal: usualGoal,
    samples: [sampleOf("ctmcpd", flooded), sampleOf("floor", bare)],
    note:
      `  ${bytes} bytes: the daemon grew by at most ${grown.toFixed(1)} MiB${mark(grown > growthGoalMiB)}; ping meanwhile ` +
      `p50 ${typical.toFixed(2)} ms, p99 ${slow.toFixed(2)} ms${mark(slow > pingGoalMs)}; ` +
      `goals ${growthGoalMiB} MiB, ${pingGoalMs} ms`,
  };
}

/** Resident memory in MiB of one process alone. */
function ownMemory(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

async function barePipe(): Promise<number> {
  const started = performance.now();
  const child = spawn("bash", ["-c", cmd], { stdio: ["ignore", "pipe", "ignore"] });
  let count = 0;
  child.stdout.on("data", (chunk: Buffer) => {
    count += chunk.length;
  });
  await once(child, "close");
  if (count !== bytes) throw new Error(`bash printed ${count} bytes instead of ${bytes}`);
  return performance.now() - started;
}
