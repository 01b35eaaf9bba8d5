import { test } from "uvu";
import * as assert from "uvu/assert";
import { reported } from "./spawner.js";

test("a status line says what it names, and nothing when it was cut short or is a complaint", () => {
  const line = '{ "child-pid": 14, "cgroup-namespace": 4026532454 }';
  assert.is(reported(line, "child-pid"), 14);
  assert.is(reported(line, "exit-code"), undefined);
  for (let length = 0; length < line.length; length++) {
    assert.is(reported(line.slice(0, length), "child-pid"), undefined);
  }
  assert.is(reported("bwrap: No permissions to create a new namespace", "child-pid"), undefined);
});

test.run();
