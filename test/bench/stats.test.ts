import { test } from "uvu";
import * as assert from "uvu/assert";
import { ascending, median, percentile, spread } from "./stats.js";

test("a percentile is one of the values, by nearest rank", () => {
  const values = Array.from({ length: 200 }, (_, index) => index + 1);
  assert.equal(
    [0, 0.5, 0.95, 0.99, 1].map((share) => percentile(values, share)),
    [1, 100, 190, 198, 200],
  );
  assert.is(percentile([7], 0.99), 7);
});

test("numbers are sorted as numbers, and the input stays as it was", () => {
  const values = [10, 9, 100];
  assert.equal(ascending(values), [9, 10, 100]);
  assert.equal(values, [10, 9, 100]);
  assert.is(median(values), 10);
});

test("the spread is relative to the median", () => {
  assert.is(spread([4, 4, 4]), 0);
  assert.is(spread([3, 4, 5]), 0.5);
});

test("nothing measured gives no number", () => {
  assert.ok(Number.isNaN(percentile([], 0.5)));
  assert.ok(Number.isNaN(spread([])));
});

test.run();
