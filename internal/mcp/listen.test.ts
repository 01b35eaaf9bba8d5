import { specTypeSchemas } from "@modelcontextprotocol/client";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type Exchange,
  type Json,
  type McpHarness,
  mirrorOf,
  modern,
  type PostOptions,
  startMcp,
} from "../../test/support/mcp-harness.js";
import { fixtureTools } from "../../test/support/mcp-tools.js";

let mcp: McpHarness;
test.before.each(async () => {
  mcp = await startMcp({ workspaces: both, grants: { reader: { profile: "read-only" } } });
});
test.after.each(() => mcp.close());

const both = { app: "full", docs: "full" } as const;
const withoutWriter = fixtureTools.filter(({ name }) => name !== "writer");
const subscriptionKey = "io.modelcontextprotocol/subscriptionId";

function listenMessage(id: Json, notifications: Json): Json {
  return modern("subscriptions/listen", notifications === undefined ? {} : { notifications }, id);
}

/** Opens a subscription and waits for its first message. */
async function listen(id: Json, options: PostOptions = {}, notifications: Json = { toolsListChanged: true }) {
  const message = listenMessage(id, notifications);
  const exchange = mcp.open(message, { ...options, headers: { ...mirrorOf(message), ...options.headers } });
  await exchange.until((text) => text.includes("acknowledged"));
  return exchange;
}

/** Ends every subscription and returns the methods this one was sent, its response last. */
async function sent(exchange: Exchange): Promise<string[]> {
  mcp.subscriptions.endAll();
  const { messages } = await exchange.rest();
  return messages.map((message) => message.method ?? "response");
}

test("acknowledged first, tagged throughout, ended by a completion result", async () => {
  const exchange = await listen("sub");
  const head = await exchange.head();
  assert.equal([head.status, head.headers["content-type"]], [200, "text/event-stream"]);
  mcp.change({ tools: withoutWriter });
  mcp.subscriptions.endAll();
  const [acknowledged, changed, response, ...more] = (await exchange.rest()).messages;
  assert.equal(more, []);
  const schemas: Json = specTypeSchemas;
  for (const [message, schema] of [
    [acknowledged, schemas.SubscriptionsAcknowledgedNotification],
    [changed, schemas.ToolListChangedNotification],
    [response.result, schemas.SubscriptionsListenResult],
  ]) {
    assert.is((await schema["~standard"].validate(message)).issues, undefined);
  }
  assert.equal(acknowledged.params, {
    notifications: { toolsListChanged: true },
    _meta: { [subscriptionKey]: "sub" },
  });
  assert.equal(changed, {
    jsonrpc: "2.0",
    method: "notifications/tools/list_changed",
    params: { _meta: { [subscriptionKey]: "sub" } },
  });
  assert.equal(response, {
    jsonrpc: "2.0",
    id: "sub",
    result: { resultType: "complete", _meta: { [subscriptionKey]: "sub" } },
  });
});

test("only those whose list differs are told, once a change", async () => {
  const alice = await listen(1);
  const reader = await listen(1, { as: "reader" });
  for (let again = 0; again < 3; again++) mcp.change({ tools: withoutWriter });
  mcp.change({});
  mcp.subscriptions.endAll();
  const methods = async (exchange: Exchange) =>
    (await exchange.rest()).messages.map((message) => message.method ?? "response");
  const changed = "notifications/tools/list_changed";
  const acknowledged = "notifications/subscriptions/acknowledged";
  assert.equal(await methods(alice), [acknowledged, changed, changed, "response"]);
  assert.equal(await methods(reader), [acknowledged, "response"]);
});

for (const notifications of [{}, { toolsListChanged: false }, { promptsListChanged: true }]) {
  test(`asked for ${JSON.stringify(notifications)}: nothing is honoured, nothing is sent`, async () => {
    const exchange = await listen(2, {}, notifications);
    mcp.change({ tools: withoutWriter });
    const text = await exchange.until((seen) => seen.includes("acknowledged"));
    assert.match(text, '"notifications":{}');
    assert.equal(await sent(exchange), ["notifications/subscriptions/acknowledged", "response"]);
  });
}

test("losing the workspace ends the subscription with its result", async () => {
  const docs = await listen(3, { path: "/w/docs/mcp" });
  const app = await listen(4, { path: "/w/app/mcp" });
  mcp.change({ workspaces: { app: "full" } });
  const { messages } = await docs.rest();
  assert.is(messages.length, 2);
  assert.is(messages[1].result.resultType, "complete");
  assert.is(mcp.subscriptions.size, 1);
  assert.equal(await sent(app), ["notifications/subscriptions/acknowledged", "response"]);
});

test("a client that goes away is forgotten, and its timers with it", async () => {
  const exchange = await listen(5);
  assert.equal([mcp.subscriptions.size, mcp.clock.pending()], [1, 1]);
  await exchange.disconnect();
  assert.equal([mcp.subscriptions.size, mcp.clock.pending()], [0, 0]);
});

test("a silent subscription is kept alive by comments", async () => {
  const exchange = await listen(6);
  const start = (await exchange.until(() => true)).length;
  mcp.clock.advance(30_000);
  await exchange.until((text) => text.slice(start) === ":\n\n".repeat(3));
});

test("the seventeenth subscription of one client is refused; another client's is not", async () => {
  const open: Exchange[] = [];
  for (let id = 0; id < 16; id++) open.push(await listen(id));
  const message = listenMessage(16, { toolsListChanged: true });
  const refused = await mcp.post(message, { headers: mirrorOf(message) });
  assert.equal([refused.status, refused.json.error.code, refused.json.id], [429, -32600, 16]);
  await listen(16, { as: "bob" });
  await open[0]?.disconnect();
  await listen(17);
});

const refusals: readonly { name: string; notifications: Json; accept?: string; code: number }[] = [
  { name: "no notifications", notifications: undefined, code: -32602 },
  { name: "notifications that are no object", notifications: ["toolsListChanged"], code: -32602 },
  { name: "a client that takes no stream", notifications: {}, accept: "application/json", code: -32600 },
];
for (const { name, notifications, accept, code } of refusals) {
  test(`refused: ${name}`, async () => {
    const message = listenMessage(7, notifications);
    const headers = { ...mirrorOf(message), ...(accept !== undefined && { accept }) };
    const { status, json } = await mcp.post(message, { headers });
    assert.equal([status, json.error.code, json.id], [400, code, 7]);
    assert.is(mcp.subscriptions.size, 0);
  });
}

test("Accept is compared without case here too", async () => {
  await listen(8, { headers: { accept: "Application/JSON, Text/Event-Stream" } });
});

test.run();
