import { setTimeout as wait } from "node:timers/promises";
import type { Operation, Request, Result } from "./operations.js";
import { usageOf } from "./process-tree.js";
import { createRpcClient, type RpcClient } from "./rpc-client.js";
import type { Server, ServerName } from "./servers.js";
import { median } from "./stats.js";

/** What one server did in one cell: an operation at one number of clients. */
export interface Sample {
  readonly server: ServerName;
  /** Milliseconds from sending a request to the last byte of its answer, right answers only. */
  readonly latencies: readonly number[];
  readonly roundMedians: readonly number[];
  readonly seconds: number;
  /** CPU time of the server's process tree. */
  readonly cpuMs: number;
  readonly rssMiB: number;
  readonly wrong: number;
  readonly firstWrong: string | undefined;
}

export interface CellOptions {
  readonly operation: Operation;
  readonly clients: number;
  readonly servers: readonly Server[];
  readonly token: string;
  /** Measured time for each server. */
  readonly seconds: number;
  readonly signal: AbortSignal;
}

const rounds = 4;
const slicesPerRound = 2;
const warmUpMs = 350;

/**
 * Measures all servers in turns of short slices, so that what else happens on the machine meets all of them; who goes
 * first changes with every round. When aborted, what has been measured so far is returned.
 */
export async function measureCell(options: CellOptions): Promise<Sample[]> {
  const { servers, seconds, signal } = options;
  const sliceMs = (seconds * 1000) / (rounds * slicesPerRound);
  const runs = servers.map((server) => createRun(server, options));
  for (const run of runs) await run.slice(warmUpMs);
  for (const run of runs) run.reset();
  for (let round = 0; round < rounds && !signal.aborted; round++) {
    const order = round % 2 === 0 ? runs : runs.toReversed();
    for (let slice = 0; slice < slicesPerRound; slice++) {
      for (const run of order) await run.slice(sliceMs);
    }
    for (const run of runs) run.endRound();
  }
  await Promise.all(runs.map((run) => run.close()));
  return runs.map((run) => run.sample());
}

interface Run {
  /** Lets all clients send for this long; each sends at least once. */
  slice(ms: number): Promise<void>;
  endRound(): void;
  /** Forgets the figures so far, but for wrong answers. */
  reset(): void;
  sample(): Sample;
  close(): Promise<void>;
}

function createRun(server: Server, { operation, clients, token, signal }: CellOptions): Run {
  const connections = Array.from({ length: clients }, () => createRpcClient(server.url, token));
  let latencies: number[] = [];
  let roundMedians: number[] = [];
  let roundStart = 0;
  let elapsedMs = 0;
  let cpuMs = 0;
  let wrong = 0;
  let firstWrong: string | undefined;
  let id = 0;

  async function sendUntil(end: number, connection: RpcClient): Promise<void> {
    do {
      try {
        const request = operation.next();
        const text = requestText(request, ++id);
        const started = performance.now();
        const body = await connection.call(text);
        const took = performance.now() - started;
        checkAnswer(request, body);
        latencies.push(took);
      } catch (error) {
        wrong++;
        firstWrong ??= String(error);
      }
      if (operation.pauseMs > 0) await wait(operation.pauseMs);
    } while (performance.now() < end && !signal.aborted);
  }

  return {
    async slice(ms) {
      const cpuBefore = usageOf(server.pid).cpuMs;
      const started = performance.now();
      await Promise.all(connections.map((connection) => sendUntil(started + ms, connection)));
      elapsedMs += performance.now() - started;
      cpuMs += usageOf(server.pid).cpuMs - cpuBefore;
    },
    endRound() {
      if (latencies.length > roundStart) roundMedians.push(median(latencies.slice(roundStart)));
      roundStart = latencies.length;
    },
    reset() {
      latencies = [];
      roundMedians = [];
      elapsedMs = 0;
      cpuMs = 0;
    },
    sample: () => ({
      server: server.name,
      latencies,
      roundMedians,
      seconds: elapsedMs / 1000,
      cpuMs,
      rssMiB: usageOf(server.pid).rssMiB,
      wrong,
      firstWrong,
    }),
    close: async () => void (await Promise.all(connections.map((connection) => connection.close()))),
  };
}

export function requestText({ method, params }: Request, id: number): string {
  return JSON.stringify({ jsonrpc: "2.0", id, method, params });
}

/** Returns the `result` of a right answer; throws for any other. */
export function checkAnswer(request: Request, body: Buffer): Result {
  const text = body.toString();
  const { result } = JSON.parse(text) as { result?: Result };
  if (result === undefined || !request.check(result)) throw new Error(`wrong answer: ${text.slice(0, 300)}`);
  return result;
}
