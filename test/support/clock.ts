import { type Clock, systemClock } from "../../internal/clock/clock.js";

export interface TestClock extends Clock {
  /** Lets `ms` pass: runs every timer that falls due, in order. */
  advance(ms: number): void;
  /** Timers that have not fired and were not cancelled. */
  pending(): number;
}

/** A clock that stands still until a test moves it. */
export function createTestClock(): TestClock {
  const timers = new Set<{ at: number; run: () => void }>();
  let now = 0;
  const nextDue = (until: number) =>
    [...timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
  return {
    now: () => now,
    monotonic: () => now,
    after(ms, run) {
      const timer = { at: now + ms, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance(ms) {
      const until = now + ms;
      for (let timer = nextDue(until); timer !== undefined; timer = nextDue(until)) {
        timers.delete(timer);
        now = timer.at;
        timer.run();
      }
      now = until;
    },
    pending: () => timers.size,
  };
}

/** The machine's clock, but a test may move it on, and lets the long timers fire. */
export function createHastyClock(): Clock & { hurry(ms: number): void } {
  const held = new Set<{ due: number; run: () => void }>();
  let ahead = 0;
  const monotonic = (): number => systemClock.monotonic() + ahead;
  return {
    now: () => systemClock.now() + ahead,
    monotonic,
    after(ms, run) {
      if (ms < 60_000) return systemClock.after(ms, run);
      const timer = { due: monotonic() + ms, run };
      held.add(timer);
      return () => held.delete(timer);
    },
    hurry(ms) {
      ahead += ms;
      for (const timer of held) {
        if (timer.due > monotonic()) continue;
        held.delete(timer);
        timer.run();
      }
    },
  };
}
