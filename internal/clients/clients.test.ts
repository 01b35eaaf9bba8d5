import { test } from "uvu";
import * as assert from "uvu/assert";
import { createClients, maxClients } from "./clients.js";

let now = 0;
const clock = { now: () => now, monotonic: () => now, after: () => () => {} };

test("adds up what one client does, and remembers what it said once", () => {
  const clients = createClients(clock);
  const who = { principal: "bearer", userAgent: "agent/1" };
  now = 1_000;
  clients.record({
    ...who,
    method: "initialize",
    client: { name: "Example", version: "2.0" },
    protocol: { era: "legacy", version: "2025-06-18" },
  });
  now = 2_000;
  clients.record({ ...who, method: "tools/list", catalogue: "abc" });
  now = 3_000;
  clients.record({ ...who, method: "tools/call", tool: "read_file" });
  now = 4_000;
  clients.record({ ...who, method: "ping" });
  assert.equal(clients.list(), [
    {
      principal: "bearer",
      user_agent: "agent/1",
      name: "Example",
      version: "2.0",
      era: "legacy",
      protocol_version: "2025-06-18",
      first_seen: "1970-01-01T00:00:01.000Z",
      last_seen: "1970-01-01T00:00:04.000Z",
      last_method: "ping",
      last_tool: "read_file",
      requests: 4,
      tool_calls: 1,
      catalogue: "abc",
    },
  ]);
});

test("another principal or another user agent is another client, the latest first", () => {
  const clients = createClients(clock);
  clients.record({ principal: "a", userAgent: "x", method: "ping" });
  clients.record({ principal: "a", userAgent: undefined, method: "ping" });
  clients.record({ principal: "b", userAgent: "x", method: "ping" });
  clients.record({ principal: "a", userAgent: "x", method: "ping" });
  assert.equal(
    clients.list().map((it) => [it.principal, it.user_agent, it.requests]),
    [
      ["a", "x", 2],
      ["b", "x", 1],
      ["a", "", 1],
    ],
  );
});

test("forgets the client that was silent longest, not the one that came first", () => {
  const clients = createClients(clock);
  for (let i = 0; i < maxClients; i += 1)
    clients.record({ principal: "p", userAgent: `${i}`, method: "ping" });
  clients.record({ principal: "p", userAgent: "0", method: "ping" });
  clients.record({ principal: "p", userAgent: "new", method: "ping" });
  const agents = clients.list().map((it) => it.user_agent);
  assert.is(agents.length, maxClients);
  assert.equal(agents.slice(0, 2), ["new", "0"]);
  assert.not(agents.includes("1"));
});

test("strings from outside are cut and lose their control characters", () => {
  const clients = createClients(clock);
  const hostile = `\u001b[2J\r\n\u009b${"x".repeat(10_000)}`;
  clients.record({
    principal: "p",
    userAgent: hostile,
    method: hostile,
    client: { name: hostile, version: hostile },
    protocol: { era: "modern", version: hostile },
  });
  clients.record({ principal: "p", userAgent: hostile, method: "tools/call", tool: hostile });
  const [record] = clients.list();
  assert.is(record?.requests, 2);
  for (const text of [
    record?.user_agent,
    record?.name,
    record?.version,
    record?.last_tool,
    record?.protocol_version,
  ]) {
    assert.match(text ?? "", /^\[2Jx{100,}$/);
    assert.ok((text ?? "").length <= 200);
  }
});

test("counts who was seen lately", () => {
  const clients = createClients(clock);
  now = 10_000;
  clients.record({ principal: "a", userAgent: "x", method: "ping" });
  now = 20_000;
  clients.record({ principal: "b", userAgent: "x", method: "ping" });
  assert.is(clients.active(10_000), 2);
  assert.is(clients.active(9_999), 1);
});

test.run();
