import { Fault } from "../errs/errs.js";

export interface Locks {
  /**
   * Waits until nobody else holds any of `keys`, then holds them all; call the result once to let go. All keys are
   * queued for at once, so that two callers never wait for each other. Fault: CANCELLED.
   */
  acquire(keys: readonly string[], signal: AbortSignal): Promise<() => void>;
}

export function createLocks(): Locks {
  const tails = new Map<string, Promise<void>>();

  return {
    async acquire(keys, signal) {
      const before = Promise.all(keys.map((key) => tails.get(key)));
      let letGo: () => void = () => {};
      const held = new Promise<void>((resolve) => {
        letGo = resolve;
      });
      for (const key of keys) tails.set(key, held);
      const release = (): void => {
        for (const key of keys) if (tails.get(key) === held) tails.delete(key);
        letGo();
      };
      try {
        await unlessAborted(before, signal);
      } catch (error) {
        // Whoever waits behind us must still wait for those before us.
        before.then(release);
        throw error;
      }
      return release;
    },
  };
}

function unlessAborted(wait: Promise<unknown>, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new Fault("CANCELLED", "the call was cancelled; nothing was changed"));
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    wait.then(resolve).finally(() => signal.removeEventListener("abort", abort));
  });
}
