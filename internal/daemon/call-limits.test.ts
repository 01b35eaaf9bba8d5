import { test } from "uvu";
import * as assert from "uvu/assert";
import { createTestClock } from "../../test/support/clock.js";
import { principalNamed } from "../../test/support/mcp-parts.js";
import { Fault } from "../errs/errs.js";
import type { CallLimits } from "../mcp/call.js";
import { createCallLimits } from "./call-limits.js";

const alice = principalNamed("alice");
const bob = principalNamed("bob");
const config = { callsPerSecond: 2, burst: 3, concurrentCalls: 2, heavyCalls: 1, connections: 512 };

function admits(limits: CallLimits, principal = alice): Fault | undefined {
  try {
    limits.admit(principal);
    return undefined;
  } catch (error) {
    assert.instance(error, Fault);
    return error as Fault;
  }
}

/** Work that runs until it is let go. */
function start(limits: CallLimits, { principal = alice, lane = "heavy" as "heavy" | "fast" } = {}) {
  let begun = false;
  let release = (): void => {};
  const ended = limits.run({
    principal,
    lane,
    signal: new AbortController().signal,
    work: () =>
      new Promise<void>((resolve) => {
        begun = true;
        release = resolve;
      }),
  });
  return { ended, begun: () => begun, release: () => release() };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a client that calls too often is told how long to wait, and others are not held up", () => {
  const clock = createTestClock();
  const limits = createCallLimits(config, clock);
  for (let n = 0; n < 3; n++) assert.is(admits(limits), undefined);
  const refused = admits(limits);
  assert.is(refused?.code, "RATE_LIMITED");
  assert.is(admits(limits, bob), undefined);
  clock.advance(Number(refused?.details.retry_after_ms));
  assert.is(admits(limits), undefined);
});

test("all clients together have a limit too", () => {
  const limits = createCallLimits(config, createTestClock());
  const refused = Array.from({ length: 50 }, (_, n) => admits(limits, principalNamed(`client ${n}`)));
  assert.is(refused.filter((fault) => fault === undefined).length, 3 * 8);
});

test("heavy calls wait for one another, fast ones do not", async () => {
  const limits = createCallLimits(config, createTestClock());
  const first = start(limits);
  const second = start(limits, { principal: bob });
  const fast = start(limits, { principal: bob, lane: "fast" });
  await settled();
  assert.equal([first.begun(), second.begun(), fast.begun()], [true, false, true]);
  first.release();
  await first.ended;
  await settled();
  assert.ok(second.begun());
  for (const one of [second, fast]) one.release();
  await Promise.all([second.ended, fast.ended]);
});

test("heavy calls, running and waiting, take nothing from fast ones", async () => {
  const limits = createCallLimits(config, createTestClock());
  const heavy = [start(limits), start(limits)];
  assert.is(await start(limits).ended.catch((error: Fault) => error.code), "SERVER_BUSY");
  const fast = [start(limits, { lane: "fast" }), start(limits, { lane: "fast" })];
  await settled();
  assert.equal(
    [...heavy, ...fast].map(({ begun }) => begun()),
    [true, false, true, true],
  );
  for (const one of fast) one.release();
  await Promise.all(fast.map(({ ended }) => ended));
  for (const one of heavy) {
    one.release();
    await one.ended;
  }
});

test("a client may have only so many calls open; one that ends, or fails, makes room", async () => {
  const limits = createCallLimits(config, createTestClock());
  const open = [start(limits, { lane: "fast" }), start(limits, { lane: "fast" })];
  const third = await start(limits, { lane: "fast" }).ended.catch((error: Fault) => error.code);
  assert.is(third, "SERVER_BUSY");
  for (const one of open) one.release();
  await Promise.all(open.map(({ ended }) => ended));
  const fails = (): Promise<never> =>
    limits.run({
      principal: alice,
      lane: "fast",
      signal: new AbortController().signal,
      work: () => Promise.reject(new Error("no")),
    });
  for (let n = 0; n < 5; n++) assert.is(await fails().catch((error: Error) => error.message), "no");
});

test.run();
