import { getEventListeners } from "node:events";
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Fault } from "../errs/errs.js";
import { createGate, type Gate } from "./gate.js";

const never = new AbortController().signal;

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

interface Job {
  readonly done: Promise<unknown>;
  /** Settles once the work has begun. */
  readonly began: Promise<void>;
  finish(): void;
}

/** Work that runs until it is told to finish, and writes its name down when it begins. */
function start(
  gate: Gate,
  name: string,
  order: string[],
  options: { key?: string; signal?: AbortSignal } = {},
): Job {
  const end = deferred();
  const begin = deferred();
  const done = gate.run({
    key: options.key ?? "a",
    signal: options.signal ?? never,
    work: () => {
      order.push(name);
      begin.resolve();
      return end.promise;
    },
  });
  return { done, began: begin.promise, finish: end.resolve };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "no error";
  } catch (error) {
    return error instanceof Fault ? error.code : String(error);
  }
}

test("runs no more than its width at once, the rest in order of arrival", async () => {
  const gate = createGate({ width: 2, queue: 10 });
  const order: string[] = [];
  const jobs = ["1", "2", "3", "4"].map((name) => start(gate, name, order));
  assert.equal(order, ["1", "2"]);
  assert.equal(gate.load(), { running: 2, waiting: 2 });
  jobs[1]?.finish();
  await jobs[2]?.began;
  assert.equal(order, ["1", "2", "3"]);
  for (const job of jobs) job.finish();
  await Promise.all(jobs.map((job) => job.done));
  assert.equal(order, ["1", "2", "3", "4"]);
  assert.equal(getEventListeners(never, "abort"), [], "a long-lived signal gathers no listeners");
  assert.equal(gate.load(), { running: 0, waiting: 0 });
});

test("keys take turns: one late call passes a long queue of another client", async () => {
  const gate = createGate({ width: 1, queue: 10 });
  const order: string[] = [];
  const jobs = [
    ...["a1", "a2", "a3", "a4"].map((name) => start(gate, name, order, { key: "a" })),
    start(gate, "b1", order, { key: "b" }),
  ];
  for (const job of jobs) job.finish();
  await Promise.all(jobs.map((job) => job.done));
  assert.equal(order, ["a1", "a2", "b1", "a3", "a4"]);
});

test("a full queue refuses only its own key", async () => {
  const gate = createGate({ width: 1, queue: 1 });
  const order: string[] = [];
  const running = start(gate, "running", order);
  const waiting = start(gate, "waiting", order);
  assert.is(await codeOf(start(gate, "refused", order).done), "SERVER_BUSY");
  const other = start(gate, "other", order, { key: "b" });
  for (const job of [running, waiting, other]) job.finish();
  await Promise.all([running.done, waiting.done, other.done]);
  assert.equal(order, ["running", "waiting", "other"]);
});

test("an abort while waiting gives up the place in the queue and never runs", async () => {
  const gate = createGate({ width: 1, queue: 1 });
  const order: string[] = [];
  const running = start(gate, "running", order);
  const controller = new AbortController();
  const waiting = start(gate, "waiting", order, { signal: controller.signal });
  controller.abort();
  assert.is(await codeOf(waiting.done), "CANCELLED");
  assert.equal(gate.load(), { running: 1, waiting: 0 });
  const next = start(gate, "next", order);
  running.finish();
  next.finish();
  await next.done;
  assert.equal(order, ["running", "next"]);
});

test("work whose signal has fired already does not begin", async () => {
  const gate = createGate({ width: 1, queue: 1 });
  const order: string[] = [];
  assert.is(await codeOf(start(gate, "late", order, { signal: AbortSignal.abort() }).done), "CANCELLED");
  assert.equal(order, []);
});

test("work that throws gives its place back", async () => {
  const gate = createGate({ width: 1, queue: 1 });
  for (const work of [
    () => Promise.reject(new Error("late")),
    () => {
      throw new Error("at once");
    },
  ]) {
    assert.match(await codeOf(gate.run({ key: "a", signal: never, work })), "Error");
  }
  assert.is(await gate.run({ key: "a", signal: never, work: () => 7 }), 7);
});

test("property: whatever arrives, aborts or fails, the width holds and every place comes back", async () => {
  const piece = fc.record({
    key: fc.constantFrom("a", "b", "c"),
    steps: fc.nat(4),
    fails: fc.boolean(),
    abortAfter: fc.option(fc.nat(6), { nil: undefined }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 3 }),
      fc.array(piece, { maxLength: 20 }),
      async (width, pieces) => {
        const gate = createGate({ width, queue: 5 });
        let running = 0;
        let most = 0;
        const settled = pieces.map(async ({ key, steps, fails, abortAfter }) => {
          const controller = new AbortController();
          const outcome = gate.run({
            key,
            signal: controller.signal,
            work: async () => {
              most = Math.max(most, ++running);
              await ticks(steps);
              running--;
              if (fails) throw new Error("failed");
            },
          });
          if (abortAfter !== undefined) void ticks(abortAfter).then(() => controller.abort());
          await outcome.catch(() => {});
        });
        await Promise.all(settled);
        assert.ok(most <= width);
        assert.equal(gate.load(), { running: 0, waiting: 0 });
      },
    ),
    { numRuns: 300 },
  );
});

async function ticks(count: number): Promise<void> {
  for (let step = 0; step < count; step++) await Promise.resolve();
}

test.run();
