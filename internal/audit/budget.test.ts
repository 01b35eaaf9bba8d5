import { test } from "uvu";
import * as assert from "uvu/assert";
import { createTestClock } from "../../test/support/clock.js";
import { createBudget } from "./budget.js";

test("so many a minute are run, the others counted and told when it is over", () => {
  const clock = createTestClock();
  const skipped: number[] = [];
  const budget = createBudget({ clock, perMinute: 3 }, (count) => skipped.push(count));
  let run = 0;
  const spend = (times: number): void => {
    for (let i = 0; i < times; i++) budget.spend(() => run++);
  };
  spend(5);
  assert.equal([run, skipped], [3, []]);
  clock.advance(59_999);
  spend(1);
  assert.equal([run, skipped], [3, []]);
  clock.advance(1);
  assert.equal([run, skipped], [3, [3]]);
  spend(2);
  clock.advance(60_000);
  assert.equal([run, skipped], [5, [3]]);
  assert.is(clock.pending(), 0);
});

test.run();
