/**
 * Measures the daemon against a floor, operation by operation, and prints the figures as ratios; about four minutes.
 * Usage: main.js [--only OPERATION]... [--seconds N]. Ctrl-C ends it early with what there is. Exit code 1 when an
 * answer was wrong. Needs Linux: CPU time and memory are read from /proc.
 */
import { writeFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createFixtures, type Fixtures } from "./fixtures.js";
import { measureFlood } from "./flood.js";
import { checkAnswer, measureCell, requestText } from "./measure.js";
import { createOperations, type Operation } from "./operations.js";
import { usageOf } from "./process-tree.js";
import { type Cell, cellText, closingText, environmentText, headerText, wrongAnswers } from "./report.js";
import { createRpcClient } from "./rpc-client.js";
import { type Server, startServer, toolsListFile } from "./servers.js";
import { measureSpawnGrowth } from "./spawn-growth.js";
import { measureStarts } from "./starts.js";

/** Time after which a fresh process has settled. */
const settleMs = 2_000;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { only: { type: "string", multiple: true }, seconds: { type: "string", default: "4" } },
  });
  const seconds = Number(values.seconds);
  if (!(seconds > 0)) throw new Error(`--seconds ${values.seconds} is no number of seconds`);
  if (process.platform !== "linux") throw new Error("the benchmark reads /proc, which only Linux has");
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort());
  console.log(environmentText());
  const fixtures = createFixtures();
  try {
    const operations = createOperations(fixtures);
    const names = ["start", ...operations.map(({ name }) => name), "exec_flood", "spawn_growth"];
    const wanted = values.only ?? names;
    const unknown = wanted.find((name) => !names.includes(name));
    if (unknown !== undefined) throw new Error(`--only ${unknown}: there are ${names.join(", ")}`);
    await run({ fixtures, operations, wanted, seconds, signal: stop.signal });
  } finally {
    fixtures.remove();
  }
}

interface RunOptions {
  readonly fixtures: Fixtures;
  readonly operations: readonly Operation[];
  readonly wanted: readonly string[];
  readonly seconds: number;
  readonly signal: AbortSignal;
}

async function run({ fixtures, operations, wanted, seconds, signal }: RunOptions): Promise<void> {
  const cells: Cell[] = [];
  const add = (cell: Cell): void => {
    cells.push(cell);
    console.log(cellText(cell));
  };
  console.log(headerText());
  if (wanted.includes("start")) add(await measureStarts(fixtures, pick(operations, "ping"), signal));
  // The daemon serves all operations, as it would in life: what it grows to is part of the result.
  const daemon = await startServer("ctmcpd", fixtures);
  try {
    await saveToolsList(daemon, fixtures, pick(operations, "tools_list"));
    const idle = await idleMemory(daemon, fixtures, signal);
    for (const operation of operations.filter(({ name }) => wanted.includes(name))) {
      for (const clients of operation.clients) {
        if (signal.aborted) break;
        const floor = await startServer("floor", fixtures);
        try {
          const servers = [daemon, floor];
          const { token } = fixtures;
          const samples = await measureCell({ operation, clients, servers, token, seconds, signal });
          add({ operation: operation.name, clients, goal: operation.goal, samples });
        } finally {
          await floor.close();
        }
      }
    }
    if (wanted.includes("exec_flood") && !signal.aborted)
      add(await measureFlood(daemon, fixtures, { ping: pick(operations, "ping"), signal }));
    if (wanted.includes("spawn_growth") && !signal.aborted)
      for (const cell of await measureSpawnGrowth(seconds, signal)) add(cell);
    console.log(closingText(cells, { idle, afterLoad: usageOf(daemon.pid).rssMiB }));
    console.log(environmentText());
  } finally {
    await daemon.close();
  }
  if (wrongAnswers(cells) > 0) process.exitCode = 1;
}

async function idleMemory(daemon: Server, fixtures: Fixtures, signal: AbortSignal) {
  const floor = await startServer("floor", fixtures);
  try {
    await wait(settleMs, undefined, { signal }).catch(() => {});
    return { ctmcpd: usageOf(daemon.pid).rssMiB, floor: usageOf(floor.pid).rssMiB };
  } finally {
    await floor.close();
  }
}

/** So that the floor sends as many bytes. */
async function saveToolsList(daemon: Server, fixtures: Fixtures, operation: Operation): Promise<void> {
  const client = createRpcClient(daemon.url, fixtures.token);
  const request = operation.next();
  const result = checkAnswer(request, await client.call(requestText(request, 1)));
  writeFileSync(toolsListFile(fixtures), JSON.stringify(result));
  await client.close();
}

function pick(operations: readonly Operation[], name: string): Operation {
  const found = operations.find((operation) => operation.name === name);
  if (found === undefined) throw new Error(`no operation ${name}`);
  return found;
}

await main();
