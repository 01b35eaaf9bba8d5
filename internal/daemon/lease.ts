/** A resource that several holders share; it is closed when the last of them lets go. */
export interface Shared<T> {
  readonly value: T;
  /** Becomes a holder; call the result once to let go. */
  hold(): () => void;
}

/** Shares `value`. Nobody holds it yet: it is closed when a first holder has come and the last one has gone. */
export function share<T>(value: T, close: (value: T) => void): Shared<T> {
  let holders = 0;
  return {
    value,
    hold() {
      holders++;
      let held = true;
      return () => {
        if (!held) return;
        held = false;
        if (--holders === 0) close(value);
      };
    },
  };
}

/** Work that must end before something is taken down. */
export interface Lease {
  /** Runs `work`; what the lease guards stays up until it has settled. */
  use<T>(work: () => Promise<T>): Promise<T>;
  /** No new work is expected: `onIdle` runs once, now or when the last work has ended. */
  retire(): void;
}

/** Guards what `onIdle` takes down. */
export function createLease(onIdle: () => void): Lease {
  let running = 0;
  let retired = false;
  let done = false;
  const finish = (): void => {
    if (!retired || running > 0 || done) return;
    done = true;
    onIdle();
  };
  return {
    async use(work) {
      running++;
      try {
        return await work();
      } finally {
        running--;
        finish();
      }
    },
    retire() {
      retired = true;
      finish();
    },
  };
}
