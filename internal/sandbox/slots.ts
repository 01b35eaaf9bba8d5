import type { Clock } from "../clock/clock.js";
import { brokenSeal } from "./script.js";
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

/** Making a slot takes a processor for a while. The answer to a command that has ended has it for itself instead. */
const refillAfterMs = 20;
/** And so has a command, for as long as there is another slot. */
const refillAtLatestMs = 250;
/** Made at the same time: more only get in one another's way. */
const atOnce = 2;

export function keepSlots({ launch, spare, clock }: SlotsOptions): Slots {
  const ready: Launched[] = [];
  const waiters: Waiter[] = [];
  /** Launched, but not up yet. */
  const rising = new Set<Launched>();
  let starting = 0;
  let stopRefill: (() => void) | undefined;
  let isClosed = false;

  function refill(): void {
    const wanted = (isClosed ? 0 : spare) + waiters.length;
    while (ready.length + starting < wanted && starting < atOnce) start();
  }

  function refillIn(ms: number): void {
    stopRefill?.();
    stopRefill = isClosed ? undefined : clock.after(ms, refill);
  }

  function start(): void {
    starting += 1;
    launch()
      .then(async (slot) => {
        rising.add(slot);
        if (isClosed) abandonRising();
        return whenUp(slot).finally(() => rising.delete(slot));
      })
      .then(
        (slot) => {
          starting -= 1;
          const waiter = waiters.shift();
          if (waiters.length > 0) refill();
          else refillIn(refillAfterMs);
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
          if (waiters.length > 0) refill();
        },
      );
  }

  /** Nobody waits for them: their pipes are let go, and with those they end. */
  function abandonRising(): void {
    if (waiters.length === 0) for (const slot of rising) slot.abandon();
  }

  return {
    async take(signal) {
      signal.throwIfAborted();
      const slot = ready.shift();
      if (slot !== undefined) {
        refillIn(ready.length > 0 ? refillAtLatestMs : refillAfterMs);
        void slot.exit.then(() => refillIn(refillAfterMs));
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
      stopRefill?.();
      for (const slot of ready.splice(0)) slot.abandon();
      abandonRising();
    },
  };
}

/** Takes the one byte that says the slot is up; what the command writes comes after it. Anything else is a complaint. */
async function whenUp(slot: Launched): Promise<Launched> {
  let said = "";
  await new Promise<void>((resolve) => {
    const ended = slot.stdout.read((bytes) => {
      said += bytes.toString();
      if (said.startsWith(brokenSeal)) return;
      slot.stdout.pause();
      resolve();
    });
    void ended.then(resolve);
  });
  if (said !== "" && !said.startsWith(brokenSeal)) return slot;
  await slot.exit;
  slot.abandon();
  throw new Error(said === "" ? slot.complaint() : said.slice(brokenSeal.length));
}

function remove<T>(list: T[], item: T): boolean {
  const index = list.indexOf(item);
  if (index !== -1) list.splice(index, 1);
  return index !== -1;
}
