import { test } from "uvu";
import * as assert from "uvu/assert";
import { createTestClock, type TestClock } from "../../test/support/clock.js";
import { type Backoff, createBackoff } from "./backoff.js";

const longest = 1 - Number.EPSILON;

function stage(random: number = longest): { clock: TestClock; backoff: Backoff; next: () => number } {
  const clock = createTestClock();
  const backoff = createBackoff({ clock, random: () => random });
  /** The child runs for a second and then connects, which keeps it out of a crash loop. */
  const next = (): number => {
    clock.advance(1_000);
    backoff.connected();
    return Math.round(backoff.ended());
  };
  return { clock, backoff, next };
}

function times<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}

test("tries three times at once, then waits twice as long each time, up to a minute", () => {
  const { next } = stage();
  assert.equal(times(11, next), [250, 250, 250, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
});

test("the upper half of a wait is random", () => {
  const { next } = stage(0);
  assert.equal(times(4, next), [125, 125, 125, 500]);
});

test("quick tries are for the first minute", () => {
  const { clock, next } = stage();
  next();
  clock.advance(60_000);
  assert.equal(times(2, next), [1_000, 2_000]);
});

test("only having settled makes the next end like the first", () => {
  const { clock, backoff, next } = stage();
  times(6, next);
  clock.advance(3_600_000);
  assert.is(next(), 8_000);
  backoff.settled();
  assert.equal(times(4, next), [250, 250, 250, 1_000]);
});

test("five ends in two minutes without a connection are a crash loop, which waits longest", () => {
  const { backoff } = stage();
  times(4, () => backoff.ended());
  assert.not(backoff.isCrashLoop);
  assert.is(Math.round(backoff.ended()), 60_000);
  assert.ok(backoff.isCrashLoop);
});

test("a crash loop lasts, however slow it has become, until there is a connection", () => {
  const { clock, backoff } = stage();
  times(5, () => backoff.ended());
  clock.advance(600_000);
  assert.is(Math.round(backoff.ended()), 60_000);
  backoff.connected();
  assert.not(backoff.isCrashLoop);
  assert.is.not(Math.round(backoff.ended()), 60_000);
});

test("ends that are further apart, or that had a connection, are no crash loop", () => {
  const { clock, backoff, next } = stage();
  times(20, next);
  assert.not(backoff.isCrashLoop);
  times(20, () => {
    clock.advance(30_000);
    backoff.ended();
  });
  assert.not(backoff.isCrashLoop);
});

test.run();
