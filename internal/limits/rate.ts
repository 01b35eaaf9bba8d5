import type { Clock } from "../clock/clock.js";

export interface RateLimitOptions {
  /** Calls a second on average; more than 0. */
  readonly perSecond: number;
  /** Calls a rested key may make at once; at least 1. */
  readonly burst: number;
  readonly clock: Clock;
  /** Keys remembered; the one used longest ago goes first and starts afresh when it returns. Default 1,024. */
  readonly maxKeys?: number;
}

export type Take = { readonly ok: true } | { readonly ok: false; readonly retryAfterMs: number };

export interface RateLimiter {
  /** Counts one call of `key`. A refused call does not count; `retryAfterMs` later one is admitted. */
  take(key: string): Take;
}

const taken: Take = { ok: true };

/** A token bucket for each key, in bounded memory. */
export function createRateLimiter({
  perSecond,
  burst,
  clock,
  maxKeys = 1_024,
}: RateLimitOptions): RateLimiter {
  const interval = 1_000 / perSecond;
  const slack = (burst - 1) * interval;
  // A bucket is one number: when it will be full again (the generic cell rate algorithm). A Map keeps insertion order:
  // putting a key back at every use makes its first key the least recently used.
  const fullAt = new Map<string, number>();

  return {
    take(key) {
      const now = clock.monotonic();
      const full = Math.max(now, fullAt.get(key) ?? now);
      const wait = full - slack - now;
      fullAt.delete(key);
      fullAt.set(key, wait > 0 ? full : full + interval);
      if (fullAt.size > maxKeys) forgetOldest();
      return wait > 0 ? { ok: false, retryAfterMs: Math.ceil(wait) } : taken;
    },
  };

  function forgetOldest(): void {
    for (const oldest of fullAt.keys()) {
      fullAt.delete(oldest);
      return;
    }
  }
}
