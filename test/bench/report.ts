import { availableParallelism, loadavg } from "node:os";
import type { Sample } from "./measure.js";
import { slotPauseMs, usualGoal } from "./operations.js";
import type { ServerName } from "./servers.js";
import { ascending, percentile, spread } from "./stats.js";

export interface Cell {
  readonly operation: string;
  readonly clients: number;
  /** How many times as long as the floor one client may wait at the median. */
  readonly goal: number;
  readonly samples: readonly Sample[];
  /** What the columns do not show. */
  readonly note?: string;
}

/** Resident memory in MiB, a while after the start and at the end of the run. */
export interface Memory {
  readonly idle: Readonly<Record<ServerName, number>>;
  readonly afterLoad: number;
}

const idleGoalMiB = 75;

const columns = [
  ["operation", 14],
  ["clients", 7],
  ["server", 7],
  ["answers", 8],
  ["p50 ms", 8],
  ["p95 ms", 8],
  ["p99 ms", 8],
  ["answers/s", 10],
  ["CPU ms", 8],
  ["RSS MiB", 8],
  ["spread", 7],
  ["p50 ratio", 10],
  ["CPU ratio", 10],
] as const;

/** What the figures were measured on. */
export function environmentText(): string {
  const load = loadavg().map((value) => value.toFixed(2));
  return `node ${process.version}, ${availableParallelism()} cores, load average ${load.join(" ")}`;
}

export function headerText(): string {
  return columns.map(([title, width]) => pad(title, width)).join(" ");
}

/** One line for each server. Ratios are to the floor of the same cell; a p50 ratio over the goal is marked. */
export function cellText({ operation, clients, goal, samples, note }: Cell): string {
  const floor = samples.find(({ server }) => server === "floor");
  const first = [operation, String(clients)];
  const limit = clients === 1 ? goal : Number.POSITIVE_INFINITY;
  const rows = samples.map((sample) => rowText(first, sample, floor, limit));
  return [...rows, ...(note === undefined ? [] : [note])].join("\n");
}

function rowText(first: readonly string[], sample: Sample, floor: Sample | undefined, limit: number): string {
  const { server, latencies, seconds, cpuMs, rssMiB, roundMedians } = sample;
  const sorted = ascending(latencies);
  const perAnswer = (of: Sample): number => of.cpuMs / of.latencies.length;
  const ratios =
    server === "floor" || floor === undefined
      ? []
      : [
          marked(percentile(sorted, 0.5) / percentile(ascending(floor.latencies), 0.5), limit),
          times(perAnswer(sample) / perAnswer(floor)),
        ];
  const cells = [
    ...first,
    server,
    String(sorted.length),
    ...[0.5, 0.95, 0.99].map((share) => fixed(percentile(sorted, share), 2)),
    fixed(sorted.length / seconds, 0),
    fixed(cpuMs / sorted.length, 2),
    fixed(rssMiB, 0),
    `${fixed(spread(roundMedians) * 100, 0)} %`,
    ...ratios,
  ];
  return cells.map((text, index) => pad(text, columns[index]?.[1] ?? 0)).join(" ");
}

/** A dash where nothing was measured. */
function fixed(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : "-";
}

function times(ratio: number): string {
  return Number.isFinite(ratio) ? `${ratio.toFixed(2)}x` : "-";
}

function marked(ratio: number, limit: number): string {
  return `${ratio > limit ? "! " : ""}${times(ratio)}`;
}

/** The first columns hold words, the others numbers. */
function pad(text: string, width: number): string {
  return width > 8 && /^[a-z]/.test(text) ? text.padEnd(width) : text.padStart(width);
}

/** Memory, the goals, and every kind of wrong answer that came. */
export function closingText(cells: readonly Cell[], memory: Memory): string {
  const { idle, afterLoad } = memory;
  const lines = [
    "",
    `memory  ctmcpd ${idle.ctmcpd.toFixed(0)} MiB idle${idle.ctmcpd > idleGoalMiB ? " !" : ""}, ` +
      `${afterLoad.toFixed(0)} MiB after the load; floor ${idle.floor.toFixed(0)} MiB idle`,
    `goals   p50 of one client at most ${goalsText(cells)} the floor (! where it is more), at most ${idleGoalMiB} MiB idle`,
    `pauses  each client waits ${slotPauseMs} ms between calls that run a command or git, as spawn_growth does: time for new slots`,
    "rows    exec_true is a whole call, with sign-in, policy and sandbox, against a server that spawns bare; spawn_growth is the slot alone",
  ];
  for (const { operation, clients, samples } of cells) {
    for (const { server, wrong, firstWrong } of samples.filter((sample) => sample.wrong > 0)) {
      lines.push(
        `WRONG   ${operation} at ${clients}: ${wrong} answers of ${server}, the first: ${firstWrong}`,
      );
    }
  }
  return lines.join("\n");
}

/** Such as "2x (spawn_growth: 0.8x)". */
function goalsText(cells: readonly Cell[]): string {
  const others = cells.filter(({ goal }) => goal !== usualGoal);
  const texts = new Set(others.map(({ operation, goal }) => `${operation}: ${goal}x`));
  return `${usualGoal}x${texts.size === 0 ? "" : ` (${[...texts].join(", ")})`}`;
}

export function wrongAnswers(cells: readonly Cell[]): number {
  return cells.flatMap(({ samples }) => samples).reduce((sum, { wrong }) => sum + wrong, 0);
}
