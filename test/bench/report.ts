import { availableParallelism, loadavg } from "node:os";
import type { Sample } from "./measure.js";
import type { ServerName } from "./servers.js";
import { ascending, percentile, spread } from "./stats.js";

export interface Cell {
  readonly operation: string;
  readonly clients: number;
  readonly samples: readonly Sample[];
}

/** Resident memory in MiB, a while after the start and at the end of the run. */
export interface Memory {
  readonly idle: Readonly<Record<ServerName, number>>;
  readonly afterLoad: number;
}

/** What the product promises: how many times as long as the floor one client may wait at the median. */
const goal = 2;
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
export function cellText({ operation, clients, samples }: Cell): string {
  const floor = samples.find(({ server }) => server === "floor");
  return samples.map((sample) => rowText([operation, String(clients)], sample, floor)).join("\n");
}

function rowText(first: readonly string[], sample: Sample, floor: Sample | undefined): string {
  const { server, latencies, seconds, cpuMs, rssMiB, roundMedians } = sample;
  const sorted = ascending(latencies);
  const perAnswer = (of: Sample): number => of.cpuMs / of.latencies.length;
  const ratios =
    server === "floor" || floor === undefined
      ? []
      : [
          marked(percentile(sorted, 0.5) / percentile(ascending(floor.latencies), 0.5), first[1] === "1"),
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

function marked(ratio: number, hasGoal: boolean): string {
  return `${hasGoal && ratio > goal ? "! " : ""}${times(ratio)}`;
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
    `goals   p50 of one client at most ${goal}x the floor (! where it is more), at most ${idleGoalMiB} MiB idle`,
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

export function wrongAnswers(cells: readonly Cell[]): number {
  return cells.flatMap(({ samples }) => samples).reduce((sum, { wrong }) => sum + wrong, 0);
}
