import { test } from "uvu";
import * as assert from "uvu/assert";
import { createRegistry } from "./registry.js";

test("counters and gauges are rendered with their help, type and labels", () => {
  const registry = createRegistry("x_");
  const calls = registry.counter("calls_total", "Calls.", ["tool", "outcome"]);
  registry.counter("never_total", "Never counted, and there all the same.");
  const seconds = registry.counter("seconds_total", "Time.", ["tool"]);
  registry.total("cpu_seconds_total", "Kept elsewhere.", () => 2.5);
  registry.gauge("size_bytes", "Now.", () => 1.5);
  registry.gauge("age_seconds", "Unknown.", () => Number.NaN);
  registry.gauges("state", "One of them.", ["state"], () => [
    [["up"], 1],
    [["down"], 0],
  ]);
  calls.count("read", "ok");
  calls.count("read", "ok");
  calls.count("exec", "failed");
  seconds.add(0.25, "read");
  seconds.add(0.5, "read");
  assert.is(
    registry.render(),
    `# HELP x_calls_total Calls.
# TYPE x_calls_total counter
x_calls_total{tool="read",outcome="ok"} 2
x_calls_total{tool="exec",outcome="failed"} 1
# HELP x_never_total Never counted, and there all the same.
# TYPE x_never_total counter
x_never_total 0
# HELP x_seconds_total Time.
# TYPE x_seconds_total counter
x_seconds_total{tool="read"} 0.75
# HELP x_cpu_seconds_total Kept elsewhere.
# TYPE x_cpu_seconds_total counter
x_cpu_seconds_total 2.5
# HELP x_size_bytes Now.
# TYPE x_size_bytes gauge
x_size_bytes 1.5
# HELP x_age_seconds Unknown.
# TYPE x_age_seconds gauge
# HELP x_state One of them.
# TYPE x_state gauge
x_state{state="up"} 1
x_state{state="down"} 0
`,
  );
});

test("no value of a label can end its line or its quotes", () => {
  const registry = createRegistry("");
  registry.counter("a_total", "A.", ["b"]).count('x"} 1\nforged 2\\');
  assert.match(registry.render(), 'a_total{b="x\\"} 1\\nforged 2\\\\"} 1\n');
});

test.run();
