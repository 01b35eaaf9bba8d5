import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type Json,
  legacy,
  type McpHarness,
  mirrorOf,
  modern,
  startMcp,
} from "../../test/support/mcp-harness.js";

let mcp: McpHarness;
test.before(async () => {
  mcp = await startMcp();
});
test.after(() => mcp.close());

const versionKey = "io.modelcontextprotocol/protocolVersion";
const capabilitiesKey = "io.modelcontextprotocol/clientCapabilities";
const v = { jsonrpc: "2.0", id: 7 };

const badEnvelopes: readonly { name: string; body: Json; reason: string; id: Json }[] = [
  { name: "no jsonrpc", body: { id: 7, method: "ping" }, reason: "jsonrpc_version", id: 7 },
  { name: "jsonrpc 1.0", body: { jsonrpc: "1.0", id: 7, method: "ping" }, reason: "jsonrpc_version", id: 7 },
  {
    name: "jsonrpc as a number",
    body: { jsonrpc: 2, id: 7, method: "ping" },
    reason: "jsonrpc_version",
    id: 7,
  },
  { name: "no method", body: v, reason: "method", id: 7 },
  { name: "empty method", body: { ...v, method: "" }, reason: "method", id: 7 },
  { name: "method as a number", body: { ...v, method: 5 }, reason: "method", id: 7 },
  { name: "id as an object", body: { ...v, id: {}, method: "ping" }, reason: "id", id: null },
  { name: "id as a fraction", body: { ...v, id: 1.5, method: "ping" }, reason: "id", id: null },
  { name: "id as a boolean", body: { ...v, id: true, method: "ping" }, reason: "id", id: null },
  { name: "params as an array", body: { ...v, method: "ping", params: [] }, reason: "params", id: 7 },
  { name: "params as a string", body: { ...v, method: "ping", params: "x" }, reason: "params", id: 7 },
];
for (const { name, body, reason, id } of badEnvelopes) {
  test(`envelope: ${name}`, async () => {
    const { status, json } = await mcp.post(body);
    assert.is(status, 200);
    assert.is(json.error.code, -32600);
    assert.equal(json.error.data, { reason });
    assert.is(json.id, id);
  });
}

for (const id of [0, 1, -5, "a", "", null]) {
  test(`an id of ${JSON.stringify(id)} is echoed`, async () => {
    const { status, json } = await mcp.post(legacy("ping", {}, id));
    assert.is(status, 200);
    assert.equal(json, { jsonrpc: "2.0", id, result: {} });
  });
}

const silentBodies: readonly { name: string; body: Json }[] = [
  { name: "initialized", body: { jsonrpc: "2.0", method: "notifications/initialized" } },
  { name: "an unknown notification", body: { jsonrpc: "2.0", method: "notifications/none" } },
  { name: "a request's method without an id", body: { jsonrpc: "2.0", method: "tools/list", params: {} } },
  {
    name: "a cancel of nothing",
    body: { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 99 } },
  },
  { name: "a cancel without an id", body: { jsonrpc: "2.0", method: "notifications/cancelled" } },
  { name: "a result nobody asked for", body: { ...v, result: {} } },
  { name: "an error nobody asked for", body: { ...v, error: { code: 1, message: "x" } } },
];
for (const { name, body } of silentBodies) {
  test(`${name} is answered 202 without a body`, async () => {
    const exchange = mcp.open(body);
    assert.is((await exchange.head()).status, 202);
    assert.is((await exchange.rest()).text, "");
  });
}

/** Which era a request is taken for is seen by what `ping` answers: `{}` before 2026-07-28, 404 since. */
const eras: readonly {
  name: string;
  meta?: Json;
  headers?: Record<string, string>;
  era: "legacy" | "modern";
}[] = [
  { name: "nothing at all", era: "legacy" },
  { name: "a handshake version header", headers: { "mcp-protocol-version": "2025-06-18" }, era: "legacy" },
  { name: "modern headers without _meta", headers: { "mcp-method": "ping", "mcp-name": "x" }, era: "legacy" },
  { name: "other _meta", meta: { progressToken: 1, "openai/session": "s" }, era: "legacy" },
  { name: "a version in _meta", meta: { [versionKey]: "2026-07-28" }, era: "modern" },
  { name: "capabilities in _meta", meta: { [capabilitiesKey]: {} }, era: "modern" },
  { name: "a modern version header", headers: { "mcp-protocol-version": "2026-07-28" }, era: "modern" },
];
for (const { name, meta, headers, era } of eras) {
  test(`${name} means the ${era} era`, async () => {
    const params = meta === undefined ? {} : { _meta: meta };
    const { status, json } = await mcp.post(legacy("ping", params), headers ? { headers } : {});
    // Half a modern envelope is refused as such.
    assert.equal([status, json.error?.code], era === "legacy" ? [200, undefined] : [400, -32602]);
  });
}

test("server/discover is modern whatever it carries", async () => {
  assert.is((await mcp.post(legacy("server/discover"))).json.error.code, -32602);
});

for (const header of ["2099-01-01", "2024-01-01", "latest", ""]) {
  test(`legacy: version header ${JSON.stringify(header)} is refused`, async () => {
    const { status, json } = await mcp.post(legacy("tools/list"), {
      headers: { "mcp-protocol-version": header },
    });
    assert.is(status, 400);
    assert.is(json.error.code, -32600);
    assert.is(json.error.data.received, header);
    assert.ok(json.error.data.supported.includes("2025-11-25"));
  });
}

for (const header of ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", " 2025-06-18 "]) {
  test(`legacy: version header ${JSON.stringify(header)} is taken`, async () => {
    const { status } = await mcp.post(legacy("tools/list"), { headers: { "mcp-protocol-version": header } });
    assert.is(status, 200);
  });
}

const initializes = [
  ["2025-11-25", "2025-11-25"],
  ["2025-06-18", "2025-06-18"],
  ["2025-03-26", "2025-03-26"],
  ["2024-11-05", "2024-11-05"],
  ["2026-07-28", "2025-11-25"],
  ["1999-01-01", "2025-11-25"],
  [undefined, "2025-11-25"],
] as const;
for (const [asked, answered] of initializes) {
  test(`initialize with ${asked} answers ${answered}, again and again`, async () => {
    const params = { protocolVersion: asked, capabilities: {}, clientInfo: { name: "t", version: "1" } };
    const first = await mcp.post(legacy("initialize", params));
    const second = await mcp.post(legacy("initialize", params));
    assert.is(first.json.result.protocolVersion, answered);
    assert.equal(second.json, first.json);
    assert.is(first.headers["mcp-session-id"], undefined);
  });
}

test("a stale session id and an initialize with an odd version header are tolerated", async () => {
  const headers = { "mcp-session-id": "gone", "mcp-protocol-version": "2099-01-01" };
  assert.is(
    (await mcp.post(legacy("initialize", { protocolVersion: "2025-06-18" }), { headers })).status,
    200,
  );
  assert.is((await mcp.post(legacy("tools/list"), { headers: { "mcp-session-id": "gone" } })).status, 200);
});

for (const method of [
  "initialize",
  "ping",
  "logging/setLevel",
  "resources/subscribe",
  "prompts/list",
  "no/such",
]) {
  test(`modern: ${method} is 404, -32601`, async () => {
    const message = modern(method);
    const { status, json } = await mcp.post(message, { headers: mirrorOf(message) });
    assert.is(status, 404);
    assert.is(json.error.code, -32601);
    assert.is(json.id, 1);
  });
}

for (const method of [
  "resources/list",
  "prompts/list",
  "logging/setLevel",
  "subscriptions/listen",
  "toString",
]) {
  test(`legacy: ${method} is 200, -32601`, async () => {
    const { status, json } = await mcp.post(legacy(method));
    assert.is(status, 200);
    assert.is(json.error.code, -32601);
  });
}

test("initialize without _meta belongs to the handshake era, whatever its headers say", async () => {
  const headers = { "mcp-protocol-version": "2026-07-28", "mcp-method": "initialize" };
  assert.is((await mcp.post(legacy("initialize"), { headers })).json.result.protocolVersion, "2025-11-25");
});

test("every request that was understood is reported with its era and version", async () => {
  const before = mcp.requests.length;
  const message = modern("tools/list");
  await mcp.post(message, { headers: { ...mirrorOf(message), "user-agent": "probe/1" } });
  await mcp.post(legacy("initialize", { protocolVersion: "2025-03-26" }));
  await mcp.post(legacy("tools/list"), { headers: { "mcp-protocol-version": "2099-01-01" } });
  const seen = mcp.requests.slice(before).map(({ era, version, userAgent }) => [era, version, userAgent]);
  assert.equal(seen, [
    ["modern", "2026-07-28", "probe/1"],
    ["legacy", "2025-03-26", undefined],
  ]);
});

test.run();
