import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Clock } from "../clock/clock.js";
import { createRateLimiter } from "./rate.js";

/** A clock that stands still until it is moved. */
function handClock(): Clock & { advance(ms: number): void } {
  let at = 5_000;
  return {
    now: () => at,
    monotonic: () => at,
    after: () => () => {},
    advance: (ms) => {
      at += ms;
    },
  };
}

const takes = (count: number, take: () => { ok: boolean }): boolean[] =>
  Array.from({ length: count }, () => take().ok);

test("a key spends its burst, then waits for the average", () => {
  const clock = handClock();
  const limiter = createRateLimiter({ perSecond: 2, burst: 3, clock });
  assert.equal(
    takes(4, () => limiter.take("a")),
    [true, true, true, false],
  );
  assert.equal(limiter.take("a"), { ok: false, retryAfterMs: 500 });
  clock.advance(499);
  assert.equal(limiter.take("a"), { ok: false, retryAfterMs: 1 });
  clock.advance(1);
  assert.equal(
    takes(2, () => limiter.take("a")),
    [true, false],
  );
});

test("a rest never saves up more than the burst", () => {
  const clock = handClock();
  const limiter = createRateLimiter({ perSecond: 100, burst: 2, clock });
  limiter.take("a");
  clock.advance(3_600_000);
  assert.equal(
    takes(3, () => limiter.take("a")),
    [true, true, false],
  );
});

test("keys do not share tokens", () => {
  const limiter = createRateLimiter({ perSecond: 1, burst: 1, clock: handClock() });
  assert.equal(
    takes(2, () => limiter.take("a")),
    [true, false],
  );
  assert.ok(limiter.take("b").ok);
});

test("the key used longest ago is forgotten first, one in use is kept", () => {
  const limiter = createRateLimiter({ perSecond: 1, burst: 1, clock: handClock(), maxKeys: 2 });
  limiter.take("busy");
  limiter.take("old");
  assert.not.ok(limiter.take("busy").ok);
  limiter.take("new");
  assert.not.ok(limiter.take("busy").ok, "kept: it was used after old");
  assert.ok(limiter.take("old").ok, "forgotten: a fresh bucket");
});

test.run();
