import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createTestClock, type TestClock } from "../../../test/support/clock.js";
import { createThrottle, type Throttle } from "./throttle.js";

const minute = 60_000;

function open(): { throttle: Throttle; clock: TestClock } {
  const clock = createTestClock();
  return { throttle: createThrottle({ clock }), clock };
}

/** Guesses until the delay is as long as it gets. */
function exhaust({ throttle, clock }: ReturnType<typeof open>, source: string | undefined): void {
  for (let turn = 0; turn < 200; turn++) clock.advance(waitOf(throttle.attempt(source)));
}

function waitOf(attempt: ReturnType<Throttle["attempt"]>): number {
  return attempt.ok ? 0 : attempt.retryAfterMs;
}

test("a source waits longer after each wrong password, and others do not wait for it", () => {
  const { throttle, clock } = open();
  const waits: number[] = [];
  for (let admitted = 0; admitted < 12; ) {
    const attempt = throttle.attempt("192.0.2.1");
    if (attempt.ok) admitted++;
    else {
      waits.push(attempt.retryAfterMs);
      clock.advance(attempt.retryAfterMs);
    }
  }
  assert.equal(
    waits,
    waits.toSorted((a, b) => a - b),
  );
  assert.ok(new Set(waits).size > 3);
  assert.is(waits.at(-1), minute);
  assert.ok(throttle.attempt("192.0.2.2").ok);
});

test("guesses sent together are not all free", () => {
  const { throttle } = open();
  const admitted = (source: string | undefined): number =>
    Array.from({ length: 100 }, () => throttle.attempt(source)).filter(({ ok }) => ok).length;
  const one = admitted("192.0.2.1");
  assert.ok(one > 0 && one < 10, String(one));
  const unknown = admitted(undefined);
  assert.ok(unknown > 0 && unknown < 30, String(unknown));
});

test("many sources meet the common delay, one alone does not bring it", () => {
  const many = open();
  const admitted = Array.from({ length: 200 }, (_, i) => many.throttle.attempt(`192.0.2.${i}`)).filter(
    ({ ok }) => ok,
  ).length;
  assert.ok(admitted < 40, String(admitted));

  const one = open();
  exhaust(one, "192.0.2.1");
  assert.not.ok(one.throttle.attempt("192.0.2.1").ok && one.throttle.attempt("192.0.2.1").ok);
  assert.ok(one.throttle.attempt("192.0.2.2").ok);
});

test("a right password ends the delays", () => {
  const stage = open();
  exhaust(stage, "192.0.2.1");
  const attempt = stage.throttle.attempt("192.0.2.1");
  stage.clock.advance(waitOf(attempt));
  if (!attempt.ok) assert.ok(stage.throttle.attempt("192.0.2.1").ok);
  assert.not.ok(stage.throttle.attempt("192.0.2.1").ok, "control: without it the delay stays");
  stage.throttle.passed("192.0.2.1");
  assert.ok(stage.throttle.attempt("192.0.2.1").ok);
});

test("only the first attempt that a delay turns away is marked", () => {
  const { throttle, clock } = open();
  const refused = (): boolean[] =>
    Array.from({ length: 40 }, () => throttle.attempt(undefined)).flatMap((attempt) =>
      attempt.ok ? [] : [attempt.first],
    );
  const marks = refused();
  assert.equal(marks, [true, ...marks.slice(1).map(() => false)]);
  clock.advance(minute);
  assert.is(refused().filter((first) => first).length, 1);
});

test("unlock ends every delay and keeps the common one away for five minutes", () => {
  const stage = open();
  exhaust(stage, undefined);
  for (let i = 0; i < 10; i++) stage.throttle.attempt("192.0.2.1");
  const control = stage.throttle.attempt(undefined).ok && stage.throttle.attempt(undefined).ok;
  assert.not.ok(control);
  assert.is(stage.throttle.unlock(), 1);
  for (let turn = 0; turn < 299; turn++) {
    assert.ok(stage.throttle.attempt(undefined).ok);
    stage.clock.advance(1_000);
  }
  stage.clock.advance(1_000);
  const after = Array.from({ length: 100 }, () => stage.throttle.attempt(undefined));
  assert.ok(
    after.some(({ ok }) => !ok),
    "the window ends",
  );
});

test("it remembers a bounded number of sources", () => {
  const { throttle, clock } = open();
  const guess = (): boolean[] => Array.from({ length: 6 }, () => throttle.attempt("192.0.2.1").ok);
  assert.ok(guess().includes(false));
  assert.not(guess().includes(true));
  // Slowly enough for the common delay, and within the minutes that the source is remembered.
  throttle.unlock();
  assert.ok(guess().includes(false));
  for (let i = 0; i < 2_000; i++) throttle.attempt(`2001:db8::${i.toString(16)}`);
  clock.advance(1);
  assert.ok(throttle.attempt("192.0.2.1").ok, "the oldest is forgotten");
});

test("property: no wait is longer than a minute, waiting always helps, and guesses stay few", () => {
  const sources = fc.constantFrom(undefined, "a", "b", "c", "d", "e", "f");
  const step = fc.record({ source: sources, pause: fc.oneof(fc.constant(0), fc.nat(90_000)) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const { throttle, clock } = open();
      let admitted = 0;
      for (const { source, pause } of steps) {
        clock.advance(pause);
        const attempt = throttle.attempt(source);
        if (attempt.ok) admitted++;
        else assert.ok(attempt.retryAfterMs > 0 && attempt.retryAfterMs <= minute);
      }
      // Twenty at once, and from then on what is forgotten in the meantime plus the steps up to the longest delay.
      assert.ok(
        admitted <= 27 + clock.now() / 30_000 + clock.now() / minute,
        `${admitted} by ${clock.now()}`,
      );

      const attempt = throttle.attempt("a");
      clock.advance(waitOf(attempt));
      const second = throttle.attempt("a");
      if (attempt.ok) clock.advance(waitOf(second));
      else assert.ok(second.ok, "nobody is locked out for good");
    }),
  );
});

test.run();
