import type { Clock } from "../clock/clock.js";

/** Resolves after `ms`, or when `signal` aborts. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal.addEventListener("abort", done);
  });
}

/** Resolves when `signal` aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

export interface Limit {
  readonly clock: Clock;
  readonly ms: number;
  readonly signal: AbortSignal;
}

/**
 * What `work` resolves with. Rejects when `ms` have passed or `signal` aborts: also when the work ignores its own signal,
 * which aborts then.
 */
export async function within<T>(
  { clock, ms, signal }: Limit,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const stop = (): void => limit.abort();
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop);
  const cancel = clock.after(ms, stop);
  try {
    return await Promise.race([
      work(limit.signal),
      aborted(limit.signal).then(() => Promise.reject(new Error(`no answer within ${ms / 1000} s`))),
    ]);
  } finally {
    cancel();
    signal.removeEventListener("abort", stop);
  }
}
