import { once } from "node:events";
import type { Clock } from "../clock/clock.js";
import type { Launched } from "./spawner.js";

/** Programs that are up and wait for their command. */
export interface Slots {
  /** A program that waits for its command; never given out twice. Rejects when it cannot be started. */
  take(signal: AbortSignal): Promise<Launched>;
  /** Ends those that nobody took. */
  close(): void;
}

interface Waiter {
  resolve(slot: Launched): void;
  reject(reason: unknown): void;
}

export interface SlotsOptions {
  /** Starts one. */
  readonly launch: () => Promise<Launched>;
  /** As many are kept ready, and more are made while somebody waits. */
  readonly spare: number;
  readonly clock: Clock;
}

/** Making a slot takes a processor for about this long, which a short command has for itself instead. */
const refillAfterMs = 20;

export function keepSlots({ launch, spare, clock }: SlotsOptions): Slots {
  const ready: Launched[] = [];
  const waiters: Waiter[] = [];
  let starting = 0;
  let isClosed = false;

  function refill(): void {
    while (ready.length + starting < (isClosed ? 0 : spare) + waiters.length) start();
  }

  function start(): void {
    starting += 1;
    launch()
      .then(whenUp)
      .then(
        (slot) => {
          starting -= 1;
          const waiter = waiters.shift();
          if (waiter !== undefined) waiter.resolve(slot);
          else if (isClosed) slot.abandon();
          else {
            ready.push(slot);
            // One that dies while it waits is not given out.
            void slot.exit.then(() => {
              if (remove(ready, slot)) slot.abandon();
            });
          }
        },
        (error: unknown) => {
          starting -= 1;
          // Started again when somebody asks: what keeps it from starting may last.
          waiters.shift()?.reject(error);
        },
      );
  }

  return {
    async take(signal) {
      signal.throwIfAborted();
      const slot = ready.shift();
      if (slot !== undefined) {
        const cancel = clock.after(refillAfterMs, refill);
        void slot.exit.then(() => {
          cancel();
          refill();
        });
        return slot;
      }
      return new Promise((resolve, reject) => {
        const waiter: Waiter = {
          resolve(slot) {
            signal.removeEventListener("abort", abandon);
            resolve(slot);
          },
          reject(reason) {
            signal.removeEventListener("abort", abandon);
            reject(reason);
          },
        };
        function abandon(): void {
          remove(waiters, waiter);
          reject(signal.reason);
        }
        signal.addEventListener("abort", abandon, { once: true });
        waiters.push(waiter);
        refill();
      });
    },
    close() {
      isClosed = true;
      for (const slot of ready.splice(0)) slot.abandon();
    },
  };
}

/** Takes the one byte that says the slot is up; what the command writes comes after it. */
async function whenUp(slot: Launched): Promise<Launched> {
  while (slot.stdout.read(1) === null) {
    if (slot.stdout.readableEnded) {
      await slot.exit;
      throw new Error(slot.complaint());
    }
    await Promise.race([once(slot.stdout, "readable"), once(slot.stdout, "end")]);
  }
  return slot;
}

function remove<T>(list: T[], item: T): boolean {
  const index = list.indexOf(item);
  if (index !== -1) list.splice(index, 1);
  return index !== -1;
}
