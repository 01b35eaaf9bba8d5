import type { Clock } from "../clock/clock.js";

export interface BackoffOptions {
  readonly clock: Pick<Clock, "monotonic">;
  /** From 0 up to 1. */
  readonly random: () => number;
}

/** How long a child that ended waits until it is started again. */
export interface Backoff {
  /** Counts an end, or a start that failed. Returns the milliseconds to wait. */
  ended(): number;
  /** The child did what it is for, if only for a moment: it is not in a crash loop. */
  connected(): void;
  /** It has worked long enough to be trusted again: the next end is like the first. */
  settled(): void;
  /** True from the fifth end in two minutes on, until `connected` or `settled`. */
  readonly isCrashLoop: boolean;
}

const fastTries = 3;
const fastMs = 250;
const fastWithinMs = 60_000;
const firstMs = 1_000;
const capMs = 60_000;
const crashes = 5;
const crashesWithinMs = 120_000;

/**
 * Three quick tries in the first minute, for a link that only broke; then one second, doubled up to a minute. The upper
 * half of each wait is random, so that many daemons do not come back at once. In a crash loop each wait is the longest.
 */
export function createBackoff({ clock, random }: BackoffOptions): Backoff {
  let firstEnd: number | undefined;
  let fast = 0;
  let doubled = firstMs;
  let isCrashLoop = false;
  /** When it ended without having connected. */
  let ends: number[] = [];

  function wait(now: number): number {
    firstEnd ??= now;
    if (isCrashLoop) return capMs;
    if (fast < fastTries && now - firstEnd < fastWithinMs) {
      fast += 1;
      return fastMs;
    }
    const ms = doubled;
    doubled = Math.min(doubled * 2, capMs);
    return ms;
  }

  function connected(): void {
    ends = [];
    isCrashLoop = false;
  }

  return {
    ended() {
      const now = clock.monotonic();
      ends = [...ends.filter((at) => now - at < crashesWithinMs), now];
      isCrashLoop ||= ends.length >= crashes;
      return wait(now) * (0.5 + random() / 2);
    },
    connected,
    settled() {
      connected();
      firstEnd = undefined;
      fast = 0;
      doubled = firstMs;
    },
    get isCrashLoop() {
      return isCrashLoop;
    },
  };
}
