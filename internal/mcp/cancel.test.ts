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
import { createSilent } from "../../test/support/mcp-tools.js";
import { createInFlight } from "./inflight.js";

const silent = createSilent();
let mcp: McpHarness;
test.before(async () => {
  mcp = await startMcp({ tools: [silent.tool] });
});
test.after(() => mcp.close());

function begin(id: Json, { text = "released", ua = "one", as = "alice" } = {}) {
  const message = legacy("tools/call", { name: "silent", arguments: { text } }, id);
  return mcp.open(message, { as, headers: { "user-agent": ua } });
}

function beginModern() {
  const message = modern("tools/call", { name: "silent" });
  return mcp.open(message, { headers: mirrorOf(message) });
}

async function cancel(requestId: Json, { ua = "one", as = "alice" } = {}): Promise<void> {
  const message = {
    jsonrpc: "2.0",
    method: "notifications/cancelled",
    params: { requestId, reason: "test" },
  };
  assert.is((await mcp.post(message, { as, headers: { "user-agent": ua } })).status, 202);
}

async function textOf(exchange: ReturnType<typeof begin>): Promise<Json> {
  const { json } = await exchange.rest();
  return [json.id, json.result.structuredContent.error?.code ?? json.result.content[0].text];
}

test("legacy: a cancel aborts the call it names and no other, and the POST is still answered", async () => {
  const first = begin(1);
  const firstCall = await silent.next();
  const second = begin(2);
  const secondCall = await silent.next();
  const third = begin("1");
  const thirdCall = await silent.next();
  await cancel(1);
  await firstCall.aborted;
  assert.equal(await textOf(first), [1, "CANCELLED"]);
  assert.equal([secondCall.signal.aborted, thirdCall.signal.aborted], [false, false]);
  secondCall.release();
  thirdCall.release();
  assert.equal(await textOf(second), [2, "released"]);
  assert.equal(await textOf(third), ["1", "released"]);
  assert.equal(mcp.bugs, []);
});

test("legacy: a disconnect does not abort; the call runs on and can still be cancelled", async () => {
  const left = begin(3);
  const leftCall = await silent.next();
  await left.disconnect();
  assert.is(leftCall.signal.aborted, false);
  const before = mcp.calls.length;
  leftCall.release();
  while (mcp.calls.length === before) await new Promise(setImmediate);
  assert.is(mcp.calls.at(-1)?.ok, true);

  const streaming = begin(4);
  const streamingCall = await silent.next();
  mcp.clock.advance(1_000);
  await streaming.head();
  await streaming.disconnect();
  assert.is(streamingCall.signal.aborted, false);
  await cancel(4);
  await streamingCall.aborted;
});

test("modern: a disconnect aborts, before and after the stream is open", async () => {
  const early = beginModern();
  const earlyCall = await silent.next();
  await early.disconnect();
  await earlyCall.aborted;

  const streaming = beginModern();
  const streamingCall = await silent.next();
  mcp.clock.advance(1_000);
  await streaming.head();
  assert.is(streamingCall.signal.aborted, false);
  await streaming.disconnect();
  await streamingCall.aborted;
  assert.equal(mcp.bugs, []);
  assert.is(mcp.clock.pending(), 0);
});

// The disconnects above are the control: the same signal fires while the call runs.
test("nothing fires after a normal completion: neither disconnect nor cancel", async () => {
  const done = beginModern();
  const doneCall = await silent.next();
  doneCall.release();
  await done.rest();
  await done.disconnect();
  assert.is(doneCall.signal.aborted, false);

  const streamed = beginModern();
  const streamedCall = await silent.next();
  mcp.clock.advance(1_000);
  streamedCall.release();
  await streamed.rest();
  await streamed.disconnect();
  assert.is(streamedCall.signal.aborted, false);

  const old = begin(5);
  const oldCall = await silent.next();
  oldCall.release();
  await old.rest();
  await cancel(5);
  assert.is(oldCall.signal.aborted, false);
});

test("two clients with one credential and the same ids: answers never cross, a cancel hits its own", async () => {
  const one = begin(6, { text: "for one", ua: "one" });
  const oneCall = await silent.next();
  const two = begin(6, { text: "for two", ua: "two" });
  const twoCall = await silent.next();
  await cancel(6, { ua: "two" });
  await twoCall.aborted;
  assert.is(oneCall.signal.aborted, false);
  oneCall.release();
  assert.equal(await textOf(two), [6, "CANCELLED"]);
  assert.equal(await textOf(one), [6, "for one"]);
});

test("a hundred calls with one id each get their own answer", async () => {
  const texts = Array.from({ length: 100 }, (_, index) => `answer ${index}`);
  const exchanges = texts.map((text) => begin(7, { text }));
  const calls = await Promise.all(texts.map(() => silent.next()));
  for (const call of calls.reverse()) call.release();
  assert.equal(
    await Promise.all(exchanges.map(textOf)),
    texts.map((text) => [7, text]),
  );
});

test("a cancel that could mean two calls is ignored; once it means one, it counts", async () => {
  const exchanges = [begin(8), begin(8)];
  const [first, second] = [await silent.next(), await silent.next()];
  await cancel(8);
  assert.equal([first.signal.aborted, second.signal.aborted], [false, false]);
  first.release();
  await Promise.race(exchanges.map((exchange) => exchange.rest()));
  await cancel(8);
  await second.aborted;
  await Promise.all(exchanges.map((exchange) => exchange.rest()));
});

test("nobody cancels the call of another principal", async () => {
  const exchange = begin(9);
  const call = await silent.next();
  await cancel(9, { as: "mallory" });
  assert.is(call.signal.aborted, false);
  await cancel(9);
  await call.aborted;
  await exchange.rest();
});

test("shutdown aborts every running call, and none that has ended", () => {
  const inFlight = createInFlight();
  const aborted: string[] = [];
  inFlight.add("a", 1, () => aborted.push("a1"));
  inFlight.add("b", null, () => aborted.push("b"));
  inFlight.add("a", 2, () => aborted.push("a2"))();
  inFlight.abortAll();
  assert.equal(aborted, ["a1", "b"]);
  assert.is(inFlight.cancel("a", 2), false);
});

test.run();
