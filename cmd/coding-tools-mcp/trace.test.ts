import { test } from "uvu";
import * as assert from "uvu/assert";
import { createRedactor } from "../../internal/log/redact.js";
import type { CallRecord } from "../../internal/mcp/call.js";
import { principalNamed } from "../../test/support/mcp-parts.js";
import { traceLine } from "./trace.js";

const record: CallRecord = {
  principal: principalNamed("alice"),
  tool: "read_file",
  workspace: "app",
  args: { path: "a.txt", max_lines: 3 },
  ok: true,
  errorCode: undefined,
  durationMs: 7,
  bytes: 1,
  truncated: false,
  result: undefined,
};

function trace(args: Readonly<Record<string, unknown>>): string {
  const redactor = createRedactor();
  redactor.add("the-token-in-force");
  return traceLine({ ...record, args }, 0, redactor);
}

test("a line is compact JSON with its keys in order", () => {
  assert.is(
    trace(record.args),
    '{"args":{"max_lines":3,"path":"a.txt"},"command_id":null,"duration_ms":7,"error_code":null,"event":"tool_call",' +
      '"ok":true,"status":"ok","timestamp":"1970-01-01T00:00:00.000Z","tool":"read_file","truncated":false}\n',
  );
});

test("a failed call says with which code", () => {
  const line = traceLine({ ...record, ok: false, errorCode: "NOT_FOUND" }, 0, createRedactor());
  assert.match(line, '"error_code":"NOT_FOUND","event":"tool_call","ok":false,"status":"error"');
});

test("secrets are hidden by name, by value and by shape, at any depth", () => {
  const { args } = JSON.parse(
    trace({
      password: "hunter2",
      query: "is the-token-in-force here",
      nested: [{ api_token: 7, header: "Authorization: Basic abc" }],
    }),
  );
  assert.equal(args, {
    nested: [{ api_token: "***", header: "Authorization:***" }],
    password: "***",
    query: "is *** here",
  });
});

test("long texts and lists are cut", () => {
  const { args } = JSON.parse(trace({ text: "x".repeat(1_000), list: Array(200).fill(1) }));
  assert.ok(args.text.length < 300 && args.text.endsWith("..."));
  assert.is(args.list.length, 50);
});

test("no control character reaches the terminal raw", () => {
  const line = trace({ path: "a\u009b2J\u202e" });
  assert.match(line, '"path":"a\\u009b2J\\u202e"');
  assert.is(JSON.parse(line).args.path, "a\u009b2J\u202e");
});

test.run();
