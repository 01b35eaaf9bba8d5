import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Json, type McpHarness, mirrorOf, modern, startMcp } from "../../test/support/mcp-harness.js";
import { fixtureTool } from "../../test/support/mcp-parts.js";

let mcp: McpHarness;
test.before(async () => {
  const odd = ["plain", " spaced ", "ütf"].map((name) =>
    fixtureTool({ name, run: () => ({ content: [], structured: { ok: true, name } }) }),
  );
  mcp = await startMcp({ tools: odd });
});
test.after(() => mcp.close());

const versionKey = "io.modelcontextprotocol/protocolVersion";
const capabilitiesKey = "io.modelcontextprotocol/clientCapabilities";
const call = modern("tools/call", { name: "plain" });

function without(headers: Record<string, string>, name: string): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name));
}

function wrapped(name: string): string {
  return `=?base64?${Buffer.from(name).toString("base64")}?=`;
}

const good: readonly { name: string; message?: Json; headers: Record<string, string> }[] = [
  { name: "all three", headers: mirrorOf(call) },
  {
    name: "surrounding whitespace",
    headers: { "mcp-protocol-version": " 2026-07-28\t", "mcp-method": " tools/call ", "mcp-name": " plain " },
  },
  { name: "a wrapped name", headers: { ...mirrorOf(call), "mcp-name": wrapped("plain") } },
  {
    name: "a wrapped name in whitespace",
    headers: { ...mirrorOf(call), "mcp-name": ` ${wrapped("plain")} ` },
  },
  {
    name: "a wrapped name that is not ASCII",
    message: modern("tools/call", { name: "ütf" }),
    headers: { ...mirrorOf(call), "mcp-name": wrapped("ütf") },
  },
  {
    name: "a wrapped name whose whitespace is its own",
    message: modern("tools/call", { name: " spaced " }),
    headers: { ...mirrorOf(call), "mcp-name": wrapped(" spaced ") },
  },
  {
    name: "no name where the method has none",
    message: modern("tools/list"),
    headers: mirrorOf(modern("tools/list")),
  },
];
for (const { name, message = call, headers } of good) {
  test(`taken: ${name}`, async () => {
    const { status, json } = await mcp.post(message, { headers });
    assert.is(status, 200);
    assert.is(json.error, undefined);
  });
}

const bad: readonly { name: string; headers: Record<string, string> }[] = [
  ...["mcp-protocol-version", "mcp-method", "mcp-name"].map((name) => ({
    name: `no ${name}`,
    headers: without(mirrorOf(call), name),
  })),
  { name: "another method", headers: { ...mirrorOf(call), "mcp-method": "tools/list" } },
  { name: "a method in capitals", headers: { ...mirrorOf(call), "mcp-method": "Tools/Call" } },
  { name: "another name", headers: { ...mirrorOf(call), "mcp-name": "other" } },
  { name: "another name, wrapped", headers: { ...mirrorOf(call), "mcp-name": wrapped("other") } },
  { name: "an empty name", headers: { ...mirrorOf(call), "mcp-name": "" } },
  {
    name: "a wrapped name cut short",
    headers: { ...mirrorOf(call), "mcp-name": wrapped("plain").slice(0, -2) },
  },
  { name: "another version", headers: { ...mirrorOf(call), "mcp-protocol-version": "2025-11-25" } },
];
for (const { name, headers } of bad) {
  test(`refused with -32020: ${name}`, async () => {
    const { status, json } = await mcp.post(call, { headers });
    assert.is(status, 400);
    assert.is(json.error.code, -32020);
    assert.is(json.id, 1);
  });
}

test("a notification is refused only when its own era's method header contradicts it", async () => {
  const message = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 99 } };
  const send = (headers: Record<string, string>) => mcp.post(message, { headers });
  const version = { "mcp-protocol-version": "2026-07-28" };
  const refused = await send({ ...version, "mcp-method": "tools/call" });
  assert.is(refused.status, 400);
  assert.is(refused.json.error.code, -32020);
  assert.is((await send({ ...version, "mcp-method": message.method })).status, 202);
  assert.is(
    (await send({ "mcp-method": "tools/call" })).status,
    202,
    "handshake-era traffic is not held to it",
  );
});

test("a wrapped name of more than 8,192 characters is not unwrapped", async () => {
  const name = "x".repeat(6_145);
  const message = modern("tools/call", { name });
  const { json } = await mcp.post(message, { headers: { ...mirrorOf(call), "mcp-name": wrapped(name) } });
  assert.is(json.error.code, -32020);
  const shorter = modern("tools/call", { name: "x".repeat(6_144) });
  const control = await mcp.post(shorter, {
    headers: { ...mirrorOf(call), "mcp-name": wrapped("x".repeat(6_144)) },
  });
  assert.is(control.json.error.code, -32602);
});

/** Each row breaks everything that the rows below it break: what is checked first answers. */
const order: readonly { name: string; meta: Json; headers: Record<string, string>; code: number }[] = [
  { name: "_meta without a version", meta: { [capabilitiesKey]: {} }, headers: {}, code: -32602 },
  { name: "_meta without capabilities", meta: { [versionKey]: "2099-01-01" }, headers: {}, code: -32602 },
  {
    name: "capabilities that are no object",
    meta: { [versionKey]: "2099-01-01", [capabilitiesKey]: [] },
    headers: {},
    code: -32602,
  },
  {
    name: "a version that is no string",
    meta: { [versionKey]: 5, [capabilitiesKey]: {} },
    headers: {},
    code: -32602,
  },
  {
    name: "headers that differ from an unknown version",
    meta: { [versionKey]: "2099-01-01", [capabilitiesKey]: {} },
    headers: { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/list" },
    code: -32020,
  },
  {
    name: "an unknown version",
    meta: { [versionKey]: "2099-01-01", [capabilitiesKey]: {} },
    headers: { "mcp-protocol-version": "2099-01-01", "mcp-method": "tools/list" },
    code: -32022,
  },
];
for (const { name, meta, headers, code } of order) {
  test(`modern envelope: ${name} is ${code}`, async () => {
    const message = { jsonrpc: "2.0", id: "q", method: "tools/list", params: { _meta: meta } };
    const { status, json } = await mcp.post(message, { headers });
    assert.is(status, 400);
    assert.is(json.error.code, code);
    assert.is(json.id, "q");
    if (code === -32022) {
      assert.equal(json.error.data, { supported: ["2026-07-28"], requested: "2099-01-01" });
    }
  });
}

test.run();
