import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Growth } from "./growing-process.js";
import type { Sample } from "./measure.js";
import { spawnGoal } from "./operations.js";
import type { Cell } from "./report.js";
import type { ServerName } from "./servers.js";
import { median } from "./stats.js";

/** Measures commands in the sandbox against bare ones in a process of its own, fresh and grown to about 800 MiB. */
export async function measureSpawnGrowth(seconds: number, signal: AbortSignal): Promise<Cell[]> {
  const module = fileURLToPath(new URL("growing-process.js", import.meta.url));
  const running = promisify(execFile)(process.execPath, [module, String(seconds)]);
  const stop = (): void => void running.child.kill("SIGTERM");
  signal.addEventListener("abort", stop);
  try {
    const growths = JSON.parse((await running).stdout) as Growth[];
    return growths.filter(({ rounds }) => rounds.length > 0).map(cellOf);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function cellOf({ rssMiB, rounds }: Growth): Cell {
  const sampleOf = (server: ServerName, kind: "slot" | "bare"): Sample => {
    const all = rounds.flatMap((round) => round[kind]);
    const latencies = all.map(({ ms }) => ms);
    return {
      server,
      latencies,
      roundMedians: rounds.map((round) => median(round[kind].map(({ ms }) => ms))),
      seconds: sum(latencies) / 1000,
      cpuMs: sum(all.map(({ cpuMs }) => cpuMs)),
      rssMiB,
      wrong: 0,
      firstWrong: undefined,
    };
  };
  const busy = (kind: "slot" | "bare"): string => {
    const times = rounds.flatMap((round) => round[kind]).map(({ busyMs }) => busyMs);
    return `${median(times).toFixed(1)} ms (at most ${Math.max(...times).toFixed(1)} ms)`;
  };
  return {
    operation: "spawn_growth",
    clients: 1,
    goal: spawnGoal,
    samples: [sampleOf("ctmcpd", "slot"), sampleOf("floor", "bare")],
    note: `  event loop busy for each at ${rssMiB.toFixed(0)} MiB: slot ${busy("slot")}, bare spawn ${busy("bare")}`,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
