import { test } from "uvu";
import * as assert from "uvu/assert";
import { createLease, share } from "./lease.js";

test("what is shared is closed once, when its last holder lets go", () => {
  const closed: string[] = [];
  const shared = share("root", (value) => closed.push(value));
  const first = shared.hold();
  const second = shared.hold();
  first();
  first();
  assert.equal(closed, []);
  second();
  second();
  assert.equal(closed, ["root"]);
});

test("a lease ends when it is retired and its last work has settled, failed work too", async () => {
  let ended = 0;
  const lease = createLease(() => ended++);
  let settle = (): void => {};
  const work = lease.use(
    () =>
      new Promise<void>((_, reject) => {
        settle = () => reject(new Error("no"));
      }),
  );
  lease.retire();
  assert.is(ended, 0);
  settle();
  assert.is(await work.catch((error) => error.message), "no");
  assert.is(ended, 1);
  await lease.use(async () => {});
  lease.retire();
  assert.is(ended, 1);
});

test("a lease without work ends when it is retired, not before", async () => {
  let ended = 0;
  const lease = createLease(() => ended++);
  assert.is(await lease.use(async () => 7), 7);
  assert.is(ended, 0);
  lease.retire();
  assert.is(ended, 1);
});

test.run();
