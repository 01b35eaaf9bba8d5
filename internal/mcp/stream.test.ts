import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type Answer,
  type Json,
  legacy,
  type McpHarness,
  mirrorOf,
  modern,
  startMcp,
} from "../../test/support/mcp-harness.js";
import { createSilent } from "../../test/support/mcp-tools.js";

const silent = createSilent();
let mcp: McpHarness;
test.before(async () => {
  mcp = await startMcp({ tools: [silent.tool] });
});
test.after(() => mcp.close());

function silentCall(
  era: "legacy" | "modern",
  params: Json = {},
): { message: Json; headers: Record<string, string> } {
  const message = (era === "modern" ? modern : legacy)("tools/call", { name: "silent", ...params });
  return { message, headers: era === "modern" ? mirrorOf(message) : {} };
}

/** What is left of an answer's messages when the response is taken away. */
function notes({ messages }: Answer): Json[] {
  return messages.slice(0, -1);
}

for (const era of ["legacy", "modern"] as const) {
  test(`${era}: done within a second is one JSON body`, async () => {
    const { message, headers } = silentCall(era);
    const exchange = mcp.open(message, { headers });
    const call = await silent.next();
    mcp.clock.advance(999);
    call.release();
    const answer = await exchange.rest();
    assert.is(answer.headers["content-type"], "application/json");
    assert.is(answer.headers["cache-control"], "no-store");
    assert.is(Number(answer.headers["content-length"]), Buffer.byteLength(answer.text));
    assert.is(mcp.clock.pending(), 0);
  });

  test(`${era}: after a second the head and a byte are there although the call is not done`, async () => {
    const { message, headers } = silentCall(era);
    const exchange = mcp.open(message, { headers });
    const call = await silent.next();
    mcp.clock.advance(1_000);
    const head = await exchange.head();
    assert.is(head.status, 200);
    assert.is(head.headers["content-type"], "text/event-stream");
    assert.is(head.headers["x-accel-buffering"], "no");
    assert.match(head.headers["cache-control"] ?? "", "no-transform");
    assert.is(await exchange.until((text) => text.length > 0), ":\n\n");

    for (const comments of [2, 3, 4]) {
      mcp.clock.advance(10_000);
      await exchange.until((text) => text === ":\n\n".repeat(comments));
    }
    call.release();
    const answer = await exchange.rest();
    assert.is(answer.messages.length, 1);
    assert.is(answer.json.result.content[0].text, "released");
    assert.is(mcp.clock.pending(), 0);
  });
}

for (const accept of ["application/json", "*/*", "text/html"]) {
  test(`Accept: ${accept} is answered with JSON however long it takes`, async () => {
    const { message } = silentCall("legacy", { _meta: { progressToken: "p" } });
    const exchange = mcp.open(message, { headers: { accept } });
    const call = await silent.next();
    call.progress(1);
    mcp.clock.advance(60_000);
    call.release();
    const answer = await exchange.rest();
    assert.is(answer.headers["content-type"], "application/json");
    assert.is(answer.json.result.content[0].text, "released");
  });
}

test("media types are compared without case", async () => {
  const exchange = mcp.open(silentCall("legacy").message, { headers: { accept: "Text/Event-Stream" } });
  const call = await silent.next();
  mcp.clock.advance(1_000);
  assert.is((await exchange.head()).headers["content-type"], "text/event-stream");
  call.release();
  await exchange.rest();
});

for (const token of ["p", 0, 7]) {
  test(`progress under token ${JSON.stringify(token)} opens the stream and comes before the response`, async () => {
    const { message, headers } = silentCall("modern", { _meta: { progressToken: token } });
    const exchange = mcp.open(message, { headers });
    const call = await silent.next();
    call.progress(1, 3, "one");
    await exchange.until((text) => text.includes("notifications/progress"));
    mcp.clock.advance(50);
    call.progress(2.5);
    call.release();
    const params = notes(await exchange.rest()).map((note) => [note.method, note.params]);
    assert.equal(params, [
      ["notifications/progress", { progressToken: token, progress: 1, total: 3, message: "one" }],
      ["notifications/progress", { progressToken: token, progress: 2.5 }],
    ]);
  });
}

test("progress goes forward only, not faster than 25 a second but for the last step, and ends with the call", async () => {
  const { message } = silentCall("legacy", { _meta: { progressToken: "p" } });
  const exchange = mcp.open(message);
  const call = await silent.next();
  call.progress(1, 10);
  call.progress(2, 10);
  mcp.clock.advance(40);
  call.progress(3, 10);
  mcp.clock.advance(40);
  call.progress(3, 10);
  call.progress(2, 10);
  call.progress(4, 10);
  call.progress(10, 10);
  call.release();
  const answer = await exchange.rest();
  call.progress(11, 11);
  assert.equal(
    notes(answer).map((note) => note.params.progress),
    [1, 3, 4, 10],
  );
});

for (const meta of [undefined, {}, { progressToken: null }, { progressToken: {} }, { progressToken: true }]) {
  test(`no progress without a usable token: ${JSON.stringify(meta)}`, async () => {
    const { message } = silentCall("legacy", meta && { _meta: meta });
    const exchange = mcp.open(message);
    const call = await silent.next();
    call.progress(1, 2);
    call.release();
    assert.is((await exchange.rest()).headers["content-type"], "application/json");
  });
}

test("an error that comes after the stream was opened is its last event", async () => {
  let fail = (_error: Error): void => {};
  const slow = await startMcp({ instructions: () => new Promise((_resolve, reject) => (fail = reject)) });
  try {
    const exchange = slow.open(legacy("initialize", {}, "late"));
    while (slow.requests.length === 0) await new Promise(setImmediate);
    slow.clock.advance(1_000);
    await exchange.head();
    fail(new Error("too late"));
    const { json } = await exchange.rest();
    assert.equal([json.id, json.error.code], ["late", -32603]);
  } finally {
    await slow.close();
  }
});

test.run();
