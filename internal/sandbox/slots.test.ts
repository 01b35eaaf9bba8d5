import { PassThrough } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Clock } from "../clock/clock.js";
import { streamOutput } from "./output.js";
import { keepSlots, type Slots } from "./slots.js";
import type { Launched } from "./spawner.js";

const { signal } = new AbortController();

interface Workshop {
  readonly slots: Slots;
  /** Started, and not up yet. */
  readonly rising: PassThrough[];
  readonly launches: () => number;
  /** Lets the oldest that rises be up. */
  rise(): Promise<void>;
  /** Ends the program with this number. */
  end(pid: number): Promise<void>;
  /** In how many milliseconds the next are made; undefined when none is to be. */
  readonly delay: () => number | undefined;
  /** Lets the time pass after which spent slots are made again. */
  pass(): Promise<void>;
}

/** Slots whose programs are up when the test says so. */
function workshop(spare: number): Workshop {
  const rising: PassThrough[] = [];
  const timers = new Map<() => void, number>();
  const ends: (() => void)[] = [];
  let launches = 0;
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    after(ms, run) {
      const timer = (): void => run();
      timers.set(timer, ms);
      return () => timers.delete(timer);
    },
  };
  async function launch(): Promise<Launched> {
    launches += 1;
    const stdout = new PassThrough();
    rising.push(stdout);
    return {
      stdin: new PassThrough(),
      stdout: streamOutput(stdout),
      stderr: streamOutput(new PassThrough()),
      run() {},
      abandon: () => stdout.destroy(),
      pid: launches,
      exit: new Promise((resolve) => {
        ends.push(() => resolve(0));
      }),
      complaint: () => "",
    };
  }
  return {
    slots: keepSlots({ launch, spare, clock }),
    rising,
    launches: () => launches,
    async rise() {
      rising.shift()?.write(".");
      await turn();
    },
    async end(pid) {
      ends[pid - 1]?.();
      await turn();
    },
    delay: () => [...timers.values()][0],
    async pass() {
      for (const run of [...timers.keys()]) {
        timers.delete(run);
        run();
      }
      await turn();
    },
  };
}

test("whoever waits gets a slot of his own, in turn, and few are made at the same time", async () => {
  const { slots, rising, rise } = workshop(0);
  const got: number[] = [];
  const all = Promise.all(
    Array.from({ length: 6 }, async (_, i) => {
      await slots.take(signal);
      got.push(i);
    }),
  );
  let most = 0;
  while (got.length < 6) {
    await turn();
    most = Math.max(most, rising.length);
    await rise();
  }
  await all;
  assert.equal(got, [0, 1, 2, 3, 4, 5]);
  assert.ok(most > 0 && most < 6, `${most} at the same time`);
});

test("a ready slot is given out at once, and another is made only a while later", async () => {
  const { slots, launches, rise, pass, rising } = workshop(2);
  const first = slots.take(signal);
  while (rising.length > 0 || launches() < 3) {
    await turn();
    await rise();
    await pass();
  }
  await first;
  assert.is(launches(), 3, "one for who waited, two to spare");
  assert.is((await slots.take(signal)).pid, 2);
  await turn();
  assert.is(launches(), 3, "the command has the processor for itself");
  await pass();
  assert.is(launches(), 4);
});

test("a command keeps the processor as long as there is another slot", async () => {
  const { slots, launches, rise, pass, end, delay } = workshop(2);
  void slots.take(signal);
  while (launches() < 3) {
    await rise();
    await pass();
  }
  await rise();
  await rise();
  const running = await slots.take(signal);
  const patient = delay() ?? 0;
  await end(running.pid);
  assert.ok((delay() ?? patient) < patient, "it has ended");
  await pass();
  await rise();
  void slots.take(signal);
  assert.is(delay(), patient);
  void slots.take(signal);
  assert.ok((delay() ?? patient) < patient, "there is no other");
});

test("what rises when nobody needs it any more is let go", async () => {
  const { slots, rising } = workshop(1);
  const waiting = new AbortController();
  const taken = slots.take(waiting.signal).then(
    () => "taken",
    () => "given up",
  );
  await turn();
  const [stdout] = rising;
  waiting.abort();
  slots.close();
  assert.is(await taken, "given up");
  assert.ok(stdout?.destroyed);
});

test.run();
