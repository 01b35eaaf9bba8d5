import { specTypeSchemas } from "@modelcontextprotocol/client";
import {
  CallToolResultSchema,
  InitializeResultSchema,
  ListToolsResultSchema,
} from "@modelcontextprotocol/sdk/types.js";
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
import { fixtureTool } from "../../test/support/mcp-parts.js";
import { version } from "../version/version.js";

let mcp: McpHarness;
test.before(async () => {
  mcp = await startMcp({ grants: { reader: { profile: "read-only" } } });
});
test.after(() => mcp.close());

const versionKey = "io.modelcontextprotocol/protocolVersion";
const serverInfo = { name: "coding-tools-mcp", title: "Coding Tools MCP", version };
const modernFields = {
  resultType: "complete",
  _meta: { "io.modelcontextprotocol/serverInfo": serverInfo },
};

function call(name: string, args?: Json): Json {
  return legacy("tools/call", { name, ...(args !== undefined && { arguments: args }) });
}

async function ask(message: Json, as = "alice"): Promise<Json> {
  const headers = message.params._meta === undefined ? {} : mirrorOf(message);
  return (await mcp.post(message, { headers, as })).json;
}

/** Checks a result against a schema that clients check it with: the SDK's v1 zod schemas, or v2's standard schemas. */
async function fits(schema: Json, result: Json): Promise<void> {
  const verdict = await schema["~standard"].validate(result);
  assert.is(verdict.issues, undefined, JSON.stringify(verdict.issues));
}

test("initialize: exact identity, declared list changes, instructions; nothing modern", async () => {
  const { result } = await ask(legacy("initialize", { protocolVersion: "2025-06-18" }));
  await fits(InitializeResultSchema, result);
  assert.equal(result, {
    protocolVersion: "2025-06-18",
    capabilities: { tools: { listChanged: true } },
    serverInfo,
    instructions: "work inside the workspace",
  });
});

test("server/discover: modern versions only, cacheable in private", async () => {
  const { result } = await ask(modern("server/discover"));
  await fits(specTypeSchemas.DiscoverResult, result);
  assert.equal(result, {
    supportedVersions: ["2026-07-28"],
    capabilities: { tools: { listChanged: true } },
    instructions: "work inside the workspace",
    ttlMs: 0,
    cacheScope: "private",
    ...modernFields,
  });
});

test("tools/list: same tools in both eras, modern fields only in the modern one", async () => {
  const old = (await ask(legacy("tools/list"))).result;
  const now = (await ask(modern("tools/list"))).result;
  await fits(ListToolsResultSchema, old);
  await fits(specTypeSchemas.ListToolsResult, now);
  assert.equal(Object.keys(old), ["tools"]);
  assert.equal(now, { tools: old.tools, ttlMs: 0, cacheScope: "private", ...modernFields });
  assert.equal(
    old.tools.map((tool: Json) => tool.name),
    ["echo", "fails", "bug", "writer"],
  );
  for (const tool of old.tools) {
    assert.is(tool.annotations.title, tool.title);
    for (const hint of ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"]) {
      assert.type(tool.annotations[hint], "boolean");
    }
  }
});

test("tools/call: same result in both eras, modern fields only in the modern one", async () => {
  const old = (await ask(call("echo", { text: "hi", count: 2 }))).result;
  const now = (await ask(modern("tools/call", { name: "echo", arguments: { text: "hi", count: 2 } }))).result;
  await fits(CallToolResultSchema, old);
  await fits(specTypeSchemas.CallToolResult, now);
  assert.equal(old, {
    content: [{ type: "text", text: "hihi" }],
    structuredContent: { ok: true, args: { text: "hi", count: 2 }, workspace: "main" },
    isError: false,
  });
  assert.equal(now, { ...old, ...modernFields });
});

test("defaults are filled in, also when arguments are left out altogether", async () => {
  assert.equal((await ask(call("echo", { text: "a" }))).result.structuredContent.args, {
    text: "a",
    count: 1,
  });
  assert.is((await ask(call("writer"))).result.isError, false);
});

test("an expected failure is a result with code, category, advice and hint", async () => {
  const { result } = await ask(call("fails"));
  await fits(CallToolResultSchema, result);
  assert.is(result.isError, true);
  const { error, ok } = result.structuredContent;
  assert.is(ok, false);
  assert.equal(
    [error.code, error.category, error.retryable, error.details],
    ["NOT_FOUND", "not_found", false, { retry_hint: "list the folder first" }],
  );
  const [first, second, third, fourth] = result.content[0].text.split("\n");
  assert.match(first, /^NOT_FOUND: /);
  assert.match(second, /not_found.*Retryable: no/);
  assert.match(third, /unchanged/);
  assert.is(fourth, "Retry: list the folder first");
});

test("a bug is INTERNAL_ERROR without its text on the wire, and reaches the log", async () => {
  const before = mcp.bugs.length;
  const { text, json } = await mcp.post(call("bug"));
  assert.is(json.result.structuredContent.error.code, "INTERNAL_ERROR");
  assert.not.match(text, "secret-text-of-a-bug");
  assert.match(String(mcp.bugs[before]), "secret-text-of-a-bug");
});

test("a bug outside a tool is -32603 without its text, and reaches the log", async () => {
  const broken = await startMcp({ instructions: () => Promise.reject(new Error("secret-text-of-a-bug")) });
  try {
    for (const message of [legacy("initialize"), modern("server/discover")]) {
      const headers = message.params._meta ? mirrorOf(message) : {};
      const { status, text, json } = await broken.post(message, { headers });
      assert.is(status, 200);
      assert.is(json.error.code, -32603);
      assert.not.match(text, "secret-text-of-a-bug");
    }
    assert.is(broken.bugs.length, 2);
  } finally {
    await broken.close();
  }
});

const badArguments: readonly { name: string; args: Json; names: string }[] = [
  { name: "missing", args: {}, names: "arguments.text" },
  { name: "mistyped", args: { text: 5 }, names: "arguments.text" },
  { name: "out of range", args: { text: "a", count: 4 }, names: "arguments.count" },
  { name: "a fraction", args: { text: "a", count: 1.5 }, names: "arguments.count" },
  { name: "outside the choice", args: { text: "a", mode: "quiet" }, names: "arguments.mode" },
  { name: "unknown", args: { text: "a", txt: "b" }, names: "arguments.txt" },
  { name: "an array", args: ["a"], names: "arguments" },
  { name: "null", args: null, names: "arguments" },
];
for (const { name, args, names } of badArguments) {
  test(`arguments ${name}: -32602 that names ${names}`, async () => {
    const { error } = await ask(call("echo", args));
    assert.is(error.code, -32602);
    assert.equal(error.data, { code: "INVALID_ARGUMENT", reason: "invalid_arguments" });
    assert.match(error.message, names);
  });
}

test("an unknown argument and a missing one are named at once", async () => {
  const { message } = (await ask(call("echo", { count: 9, zzz: 1 }))).error;
  for (const name of ["arguments.text", "arguments.zzz"]) assert.match(message, name);
});

const long = "x".repeat(300_000);
const longHeader = { "mcp-protocol-version": "2026-07-28", "mcp-method": "y".repeat(5_000) };
const unsupported = modern("ping", { _meta: { [versionKey]: "9".repeat(5_000) } });
const echoed: readonly { name: string; message: Json; headers?: Record<string, string> }[] = [
  { name: "a tool", message: call(long) },
  { name: "a method", message: legacy(long) },
  { name: "a method that the header contradicts", message: modern(long), headers: longHeader },
  { name: "a notification", message: { jsonrpc: "2.0", method: long }, headers: longHeader },
  { name: "an argument", message: call("echo", { text: "a", [long]: 1 }) },
  { name: "a version", message: unsupported, headers: mirrorOf(unsupported) },
  {
    name: "a version header",
    message: legacy("ping"),
    headers: { "mcp-protocol-version": "9".repeat(5_000) },
  },
];
for (const { name, message, headers = {} } of echoed) {
  test(`${name} comes back cut`, async () => {
    const { text, json } = await mcp.post(message, { headers });
    assert.type(json.error.message, "string");
    assert.ok(text.length < 1_000, text.slice(0, 2_000));
  });
}

test("a name that is no string is a bad argument", async () => {
  assert.is((await ask(legacy("tools/call", { name: 5 }))).error.data.reason, "invalid_arguments");
});

for (const name of ["nothing", "", "constructor", "__proto__", "ECHO"]) {
  test(`unknown tool ${JSON.stringify(name)}`, async () => {
    const { error } = await ask(call(name));
    assert.equal(error, {
      code: -32602,
      message: `Unknown tool: ${name}`,
      data: { reason: "unknown_tool" },
    });
  });
}

test("a tool outside the profile is neither listed nor callable, and looks like one that never was", async () => {
  const names = (await ask(legacy("tools/list"), "reader")).result.tools.map((tool: Json) => tool.name);
  assert.equal(names, ["echo", "fails", "bug"]);
  const { error } = await ask(call("writer"), "reader");
  assert.equal(error, { code: -32602, message: "Unknown tool: writer", data: { reason: "unknown_tool" } });
  assert.is((await ask(call("writer"), "alice")).result.isError, false);
});

test("modern: an unknown tool and bad arguments are 400", async () => {
  for (const params of [{ name: "nothing" }, { name: "echo", arguments: { text: 1 } }]) {
    const message = modern("tools/call", params);
    const { status, json } = await mcp.post(message, { headers: mirrorOf(message) });
    assert.equal([status, json.error.code], [400, -32602]);
  }
});

test("one record a call, run or turned away: tool, arguments, outcome", async () => {
  const before = mcp.calls.length;
  await ask(call("echo", { text: "x" }));
  await ask(call("fails"));
  await ask(call("nothing"));
  await ask(call("echo", {}));
  const records = mcp.calls
    .slice(before)
    .map(({ tool, args, ok, errorCode }) => ({ tool, args, ok, errorCode }));
  assert.equal(records, [
    { tool: "echo", args: { text: "x", count: 1 }, ok: true, errorCode: undefined },
    { tool: "fails", args: {}, ok: false, errorCode: "NOT_FOUND" },
    { tool: "nothing", args: {}, ok: false, errorCode: "UNKNOWN_TOOL" },
    { tool: "echo", args: {}, ok: false, errorCode: "INVALID_ARGUMENT" },
  ]);
});

test("the record counts the bytes of the result as it is sent", async () => {
  const picture = fixtureTool({
    name: "picture",
    run: () => ({
      content: [
        { type: "text", text: "größer 🖼" },
        { type: "image", data: "iVBORw0KGgo=", mimeType: "image/png" },
      ],
      structured: { ok: true, name: "größer" },
    }),
  });
  const { calls, post, close } = await startMcp({ tools: [picture] });
  try {
    const { text } = await post(call("picture"));
    const sent = JSON.stringify(JSON.parse(text).result);
    assert.ok(sent.length < Buffer.byteLength(sent), "control: characters are not bytes");
    assert.is(calls[0]?.bytes, Buffer.byteLength(sent));
  } finally {
    await close();
  }
});

test("a tool may choose its lane from its arguments, defaults filled in", async () => {
  const lanes: string[] = [];
  const picky = fixtureTool({
    name: "picky",
    inputSchema: {
      type: "object",
      properties: { lane: { type: "string", default: "fast" } },
      additionalProperties: false,
    },
    lane: ({ lane }) => (lane === "fast" ? "fast" : "heavy"),
    run: () => ({ content: [], structured: { ok: true } }),
  });
  const { post, close } = await startMcp({
    tools: [picky],
    limits: {
      admit() {},
      run({ lane, work }) {
        lanes.push(lane);
        return work();
      },
    },
  });
  try {
    await post(call("picky"));
    await post(call("picky", { lane: "slow" }));
    assert.equal(lanes, ["fast", "heavy"]);
  } finally {
    await close();
  }
});

test.run();
