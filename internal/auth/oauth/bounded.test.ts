import { test } from "uvu";
import * as assert from "uvu/assert";
import { setBounded } from "./bounded.js";

test("the entry that was set longest ago goes first", () => {
  const map = new Map<string, number>();
  for (const [key, value] of [
    ["a", 1],
    ["b", 2],
    ["a", 3],
    ["c", 4],
  ] as const)
    setBounded(map, key, value, 2);
  assert.equal(
    [...map],
    [
      ["a", 3],
      ["c", 4],
    ],
  );
});

test.run();
