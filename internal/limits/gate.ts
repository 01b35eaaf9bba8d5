import { Fault } from "../errs/errs.js";

export interface GateOptions {
  /** Pieces of work that run at the same time; at least 1. */
  readonly width: number;
  /** Pieces of work of one key that may wait; more are refused. */
  readonly queue: number;
}

export interface GatedWork<T> {
  /** Whose work it is: keys take turns, so a long queue of one does not hold up another. */
  readonly key: string;
  /** Gives up waiting. Work that has started sees the signal itself. */
  readonly signal: AbortSignal;
  readonly work: () => T | Promise<T>;
}

export interface Gate {
  /**
   * Runs `work` when there is room, in order of arrival within its key. Rejects with SERVER_BUSY when the key's queue is
   * full, and with CANCELLED when the signal fires before the work began.
   */
  run<T>(options: GatedWork<T>): Promise<T>;
  /** Work running and waiting now, all keys together. */
  load(): { readonly running: number; readonly waiting: number };
}

/** A semaphore of `width` places, with one bounded queue for each key, served in turn. */
export function createGate({ width, queue }: GateOptions): Gate {
  let running = 0;
  // The first key with somebody waiting is served next and then goes to the end; empty lines go when they are met.
  const lines = new Map<string, Set<() => void>>();

  return {
    async run({ key, signal, work }) {
      if (signal.aborted) throw cancelled();
      if (running < width) running++;
      else await takeTurn(key, signal);
      try {
        return await work();
      } finally {
        leave();
      }
    },
    load: () => ({ running, waiting: [...lines.values()].reduce((sum, line) => sum + line.size, 0) }),
  };

  /** Settles when a place was handed over: `running` already counts it. */
  function takeTurn(key: string, signal: AbortSignal): Promise<void> {
    const line = lines.get(key) ?? new Set();
    if (line.size >= queue) throw busy(line.size);
    return new Promise((resolve, reject) => {
      const start = (): void => {
        signal.removeEventListener("abort", giveUp);
        resolve();
      };
      const giveUp = (): void => {
        line.delete(start);
        reject(cancelled());
      };
      lines.set(key, line.add(start));
      signal.addEventListener("abort", giveUp, { once: true });
    });
  }

  /** Hands the place to the next key in turn, or gives it back. */
  function leave(): void {
    for (const [key, line] of lines) {
      lines.delete(key);
      for (const start of line) {
        line.delete(start);
        if (line.size > 0) lines.set(key, line);
        start();
        return;
      }
    }
    running--;
  }
}

function busy(waiting: number): Fault {
  return new Fault("SERVER_BUSY", `${waiting} calls are already waiting`, {
    hint: "wait for earlier calls to finish, then call again",
  });
}

function cancelled(): Fault {
  return new Fault("CANCELLED", "cancelled while waiting for its turn");
}
