import type { Fixtures } from "./fixtures.js";
import { checkAnswer, requestText, type Sample } from "./measure.js";
import type { Operation } from "./operations.js";
import { usageOf } from "./process-tree.js";
import type { Cell } from "./report.js";
import { createRpcClient } from "./rpc-client.js";
import { type ServerName, serverNames, startServer } from "./servers.js";
import { median } from "./stats.js";

const rounds = 4;
const startsPerRound = 3;

/** Measures the time from starting each server's process to its first right answer, in turns. */
export async function measureStarts(
  fixtures: Fixtures,
  operation: Operation,
  signal: AbortSignal,
): Promise<Cell> {
  const starts: Start[] = [];
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? serverNames : serverNames.toReversed();
    for (let start = 0; start < startsPerRound; start++) {
      for (const name of order) {
        if (!signal.aborted) starts.push({ round, name, ...(await startOnce(name, fixtures, operation)) });
      }
    }
  }
  return {
    operation: "start",
    clients: 1,
    goal: operation.goal,
    samples: serverNames.map((name) => sampleOf(name, starts)),
  };
}

interface Start {
  readonly round: number;
  readonly name: ServerName;
  readonly ms: number;
  readonly cpuMs: number;
  readonly rssMiB: number;
}

async function startOnce(
  name: ServerName,
  fixtures: Fixtures,
  operation: Operation,
): Promise<Omit<Start, "round" | "name">> {
  const started = performance.now();
  const server = await startServer(name, fixtures);
  const client = createRpcClient(server.url, fixtures.token);
  try {
    const request = operation.next();
    checkAnswer(request, await client.call(requestText(request, 1)));
    return { ms: performance.now() - started, ...usageOf(server.pid) };
  } finally {
    await client.close();
    await server.close();
  }
}

function sampleOf(server: ServerName, starts: readonly Start[]): Sample {
  const own = starts.filter(({ name }) => name === server);
  const latencies = own.map(({ ms }) => ms);
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const inRounds = Array.from({ length: rounds }, (_, index) => own.filter(({ round }) => round === index));
  return {
    server,
    latencies,
    roundMedians: inRounds.filter((few) => few.length > 0).map((few) => median(few.map(({ ms }) => ms))),
    seconds: sum(latencies) / 1000,
    cpuMs: sum(own.map(({ cpuMs }) => cpuMs)),
    rssMiB: own.at(-1)?.rssMiB ?? Number.NaN,
    wrong: 0,
    firstWrong: undefined,
  };
}
