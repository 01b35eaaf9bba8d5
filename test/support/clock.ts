import type { Clock } from "../../internal/clock/clock.js";

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
