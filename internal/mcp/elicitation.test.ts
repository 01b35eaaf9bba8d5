import { test } from "uvu";
import * as assert from "uvu/assert";
import { createTestClock } from "../../test/support/clock.js";
import {
  type Json,
  legacy,
  type McpHarness,
  mirrorOf,
  modern,
  startMcp,
} from "../../test/support/mcp-harness.js";
import { fixtureTool } from "../../test/support/mcp-parts.js";
import { createStateSealer } from "./request-state.js";

const question = { key: "q1", message: "May I?", schema: { type: "object", properties: {} } };
/** Asks, and answers with what it was told. */
const asking = fixtureTool({
  name: "asking",
  inputSchema: { type: "object", properties: { what: { type: "string" } }, additionalProperties: false },
  async run({ ask }) {
    const reply = ask === undefined ? "cannot ask" : await ask(question);
    return { content: [{ type: "text", text: "done" }], structured: { ok: true, reply } };
  },
});

let mcp: McpHarness;
test.before.each(async () => {
  mcp = await startMcp({ tools: [asking] });
});
test.after.each(() => mcp.close());

const yes = { action: "accept", content: { sure: true } };
const capabilities = { elicitation: { form: {} } };

// The handshake era: a request on the stream, its answer in a POST.

async function initialize(declared: Json = capabilities, as = "alice"): Promise<void> {
  const params = {
    protocolVersion: "2025-11-25",
    capabilities: declared,
    clientInfo: { name: "x", version: "1" },
  };
  await mcp.post(legacy("initialize", params), { as });
}

/** The question on the stream of a call, as a message. */
async function questionIn(exchange: ReturnType<McpHarness["open"]>): Promise<Json> {
  const text = await exchange.until((seen) => seen.includes("elicitation/create"));
  return JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? "");
}

test("legacy: a client that declared forms is asked on the stream and answers by a POST", async () => {
  await initialize();
  const exchange = mcp.open(legacy("tools/call", { name: "asking" }, 7));
  const asked = await questionIn(exchange);
  assert.is(asked.method, "elicitation/create");
  assert.equal(asked.params, { message: "May I?", requestedSchema: question.schema });
  const accepted = await mcp.post({ jsonrpc: "2.0", id: asked.id, result: yes });
  assert.is(accepted.status, 202);
  const { json } = await exchange.rest();
  assert.is(json.id, 7);
  assert.equal(json.result.structuredContent.reply, yes);
});

test("legacy: only who was asked can answer, and only once", async () => {
  await initialize();
  const exchange = mcp.open(legacy("tools/call", { name: "asking" }));
  const { id } = await questionIn(exchange);
  await mcp.post({ jsonrpc: "2.0", id, result: yes }, { as: "mallory" });
  await mcp.post({ jsonrpc: "2.0", id: "ask-0", result: yes });
  await mcp.post({ jsonrpc: "2.0", id, result: { action: "decline" } });
  await mcp.post({ jsonrpc: "2.0", id, result: yes });
  assert.equal((await exchange.rest()).json.result.structuredContent.reply, { action: "decline" });
});

test("legacy: an error, nonsense or half an hour of silence is no answer", async () => {
  await initialize();
  const answers: Json[] = [
    { error: { code: -32601, message: "no" } },
    { result: 3 },
    { result: { action: "accept" } },
    { result: { action: "sudo", content: {} } },
  ];
  for (const answer of answers) {
    const exchange = mcp.open(legacy("tools/call", { name: "asking" }));
    const { id } = await questionIn(exchange);
    await mcp.post({ jsonrpc: "2.0", id, ...answer });
    assert.equal((await exchange.rest()).json.result.structuredContent.reply, { action: "cancel" });
  }
  const exchange = mcp.open(legacy("tools/call", { name: "asking" }));
  await questionIn(exchange);
  mcp.clock.advance(30 * 60_000);
  assert.equal((await exchange.rest()).json.result.structuredContent.reply, { action: "cancel" });
});

test("legacy: who cannot be asked is not asked", async () => {
  const reply = async (options = {}): Promise<Json> =>
    (await mcp.post(legacy("tools/call", { name: "asking" }), options)).json.result.structuredContent.reply;
  assert.is(await reply(), "cannot ask", "never initialized");
  for (const declared of [{}, { elicitation: { url: {} } }, { elicitation: true }]) {
    await initialize(declared);
    assert.is(await reply(), "cannot ask", JSON.stringify(declared));
  }
  await initialize();
  assert.is(await reply({ as: "bob" }), "cannot ask", "another principal");
  assert.is(await reply({ headers: { accept: "application/json" } }), "cannot ask", "takes no stream");
});

// The stateless era: the call ends with the question and comes again with the answer.

function call(params: Json = {}, declared: Json = capabilities): Json {
  return modern("tools/call", {
    name: "asking",
    ...params,
    _meta: { "io.modelcontextprotocol/clientCapabilities": declared },
  });
}

const send = (message: Json, as = "alice") => mcp.post(message, { as, headers: mirrorOf(message) });

test("modern: the call ends with the question and goes on with the answer", async () => {
  const first = (await send(call())).json.result;
  assert.is(first.resultType, "input_required");
  assert.is(first._meta["io.modelcontextprotocol/serverInfo"].name, "coding-tools-mcp");
  assert.equal(first.inputRequests, {
    q1: { method: "elicitation/create", params: { message: "May I?", requestedSchema: question.schema } },
  });
  const { requestState } = first;
  const second = (await send(call({ requestState, inputResponses: { q1: yes, other: yes } }))).json.result;
  assert.is(second.resultType, "complete");
  assert.equal(second.structuredContent.reply, yes);
});

test("modern: a state counts once, for its caller, its tool and its arguments", async () => {
  const inputResponses = { q1: yes };
  const stateOf = async (params: Json = {}): Promise<string> =>
    (await send(call(params))).json.result.requestState;

  const state = await stateOf({ arguments: { what: "a" } });
  const forged: [Json, string?][] = [
    [{ arguments: { what: "b" }, requestState: state, inputResponses }],
    [{ requestState: state, inputResponses }],
    [{ arguments: { what: "a" }, requestState: `${state.slice(0, -4)}AAAA`, inputResponses }],
    [{ arguments: { what: "a" }, requestState: "made.up", inputResponses }],
    [{ arguments: { what: "a" }, requestState: 3, inputResponses }],
    [{ arguments: { what: "a" }, requestState: state, inputResponses }, "mallory"],
  ];
  for (const [params, as] of forged) {
    const { status, json } = await send(call(params), as);
    assert.is(status, 400, JSON.stringify(params));
    assert.is(json.error.code, -32602);
  }

  const good = { arguments: { what: "a" }, requestState: state, inputResponses };
  assert.is((await send(call(good))).json.result.resultType, "complete");
  assert.is((await send(call(good))).json.result.resultType, "input_required", "used before");

  const late = { requestState: await stateOf(), inputResponses };
  mcp.clock.advance(10 * 60_000);
  assert.is((await send(call(late))).json.result.resultType, "input_required", "too old");

  const foreign = createStateSealer(createTestClock()).seal(["q1"], "x");
  const asked = await send(call({ requestState: foreign, inputResponses }));
  assert.is(asked.json.result.resultType, "input_required", "sealed by an earlier process");
});

test("modern: answers without a state, or none at all, lead to the question again", async () => {
  for (const params of [{ inputResponses: { q1: yes } }, {}]) {
    assert.is((await send(call(params))).json.result.resultType, "input_required");
  }
  const { requestState } = (await send(call())).json.result;
  assert.is((await send(call({ requestState }))).json.result.resultType, "input_required");
});

test("modern: a client that declares no forms is not asked", async () => {
  for (const declared of [{}, { elicitation: { url: {} } }]) {
    const { result } = (await send(call({}, declared))).json;
    assert.is(result.structuredContent.reply, "cannot ask");
  }
});

test.run();
