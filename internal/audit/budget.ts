import type { Clock } from "../clock/clock.js";

/** Keeps what strangers can cause from filling the journal: so many events a minute, and then their number only. */
export interface Budget {
  /** Runs `note` while there is room; else counts, and has `onSkipped` told the number when the minute is over. */
  spend(note: () => void): void;
}

const minuteMs = 60_000;

export function createBudget(
  { clock, perMinute }: { readonly clock: Clock; readonly perMinute: number },
  onSkipped: (count: number) => void,
): Budget {
  let left = perMinute;
  let skipped = 0;
  let isMinuteRunning = false;
  return {
    spend(note) {
      if (!isMinuteRunning) {
        isMinuteRunning = true;
        left = perMinute;
        clock.after(minuteMs, () => {
          isMinuteRunning = false;
          if (skipped > 0) onSkipped(skipped);
          skipped = 0;
        });
      }
      if (left > 0) {
        left -= 1;
        note();
      } else skipped += 1;
    },
  };
}
