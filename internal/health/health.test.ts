import { test } from "uvu";
import * as assert from "uvu/assert";
import { createHealth } from "./health.js";

let now = 0;
const clock = { now: () => now, monotonic: () => now, after: () => () => {} };

test("lists by severity, then by code, whatever the order of setting", () => {
  const health = createHealth(clock);
  health.set("B_INFO", { severity: "info", text: "b", fix: "" });
  health.set("Z_ERROR", { severity: "error", text: "z", fix: "mend z" });
  health.set("A_INFO", { severity: "info", text: "a", fix: "" });
  health.set("A_ERROR", { severity: "error", text: "a", fix: "mend a" });
  health.set("M_WARNING", { severity: "warning", text: "m", fix: "look at m" });
  assert.equal(
    health.list().map(({ code }) => code),
    ["A_ERROR", "Z_ERROR", "M_WARNING", "A_INFO", "B_INFO"],
  );
});

test("new words keep the time a condition began; clearing and setting again starts anew", () => {
  const health = createHealth(clock);
  now = Date.parse("2026-01-02T03:04:05Z");
  health.set("X", { severity: "warning", text: "one file is odd", fix: "" });
  now += 60_000;
  health.set("X", { severity: "error", text: "two files are odd", fix: "mend them" });
  assert.equal(health.list(), [
    {
      code: "X",
      severity: "error",
      text: "two files are odd",
      fix: "mend them",
      since: "2026-01-02T03:04:05.000Z",
    },
  ]);
  health.clear("X");
  assert.equal(health.list(), []);
  health.clear("X");
  health.set("X", { severity: "info", text: "odd again", fix: "" });
  assert.is(health.list()[0]?.since, "2026-01-02T03:05:05.000Z");
});

test.run();
