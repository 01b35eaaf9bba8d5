import { once } from "node:events";
import { PassThrough } from "node:stream";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createTestClock } from "../../test/support/clock.js";
import { type Json, legacy, modern } from "../../test/support/mcp-harness.js";
import { openWorkspaces, principalNamed, snapshotOf } from "../../test/support/mcp-parts.js";
import { createSilent, fixtureTools } from "../../test/support/mcp-tools.js";
import type { Tool } from "../tools/types.js";
import { createElicitation } from "./elicitation.js";
import { createInFlight } from "./inflight.js";
import { serveStdio } from "./stdio.js";
import { createSubscriptions } from "./subscriptions.js";

/** A session over in-memory streams; `done` settles when the server has ended. */
function startSession({ instructions }: { instructions?: () => Promise<string> } = {}) {
  const silent = createSilent();
  const subscriptions = createSubscriptions();
  const { workspaces, close } = openWorkspaces({ main: "full" });
  const bugs: unknown[] = [];
  const prepare = (tools: readonly Tool[]) =>
    snapshotOf({
      tools,
      workspaces,
      clock: createTestClock(),
      onBug: (_where, error) => bugs.push(error),
      ...(instructions && { instructions }),
    });
  let current = prepare([...fixtureTools, silent.tool]);
  const input = new PassThrough();
  const output = new PassThrough();
  const received: Json[] = [];
  let partial = "";
  output.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = (partial + chunk).split("\n");
    partial = lines.pop() ?? "";
    received.push(...lines.map((line) => JSON.parse(line)));
  });
  const done = serveStdio({
    input,
    output,
    principal: principalNamed("stdio"),
    snapshot: () => current,
    inFlight: createInFlight(),
    subscriptions,
    elicitation: createElicitation({ clock: createTestClock() }),
    parse: (bytes) => JSON.parse(bytes.toString()),
    onRequest() {},
  });
  return {
    silent,
    input,
    output,
    received,
    bugs,
    subscriptions,
    done,
    send: (...messages: Json[]) => {
      for (const message of messages) input.write(`${JSON.stringify(message)}\n`);
    },
    /** Waits for the next message that no earlier call has returned. */
    async next(): Promise<Json> {
      while (received.length === 0) await once(output, "data");
      return received.shift();
    },
    change(tools: readonly Tool[]) {
      current = prepare(tools);
      const { views } = current;
      subscriptions.refresh((principal, id) => views(principal, id)?.catalogue.hash);
    },
    /** Ends the input; returns what was still said. */
    async end(): Promise<Json[]> {
      input.end();
      await done;
      await new Promise(setImmediate);
      close();
      return received;
    },
  };
}

const subscriptionKey = "io.modelcontextprotocol/subscriptionId";
const silentCall = (id: Json, era = legacy): Json => era("tools/call", { name: "silent" }, id);
const cancel = (requestId: Json): Json => ({
  jsonrpc: "2.0",
  method: "notifications/cancelled",
  params: { requestId },
});

const lines: readonly { name: string; line: string; code: number; id?: Json }[] = [
  { name: "no JSON", line: "{oops", code: -32700 },
  { name: "a batch", line: '[{"jsonrpc":"2.0","id":1,"method":"ping"}]', code: -32600 },
  { name: "a string", line: '"ping"', code: -32600 },
  { name: "a bad envelope", line: '{"jsonrpc":"1.0","id":4,"method":"ping"}', code: -32600, id: 4 },
  { name: "more than 1 MiB", line: `{"pad":"${"x".repeat(1_048_576)}"}`, code: -32600 },
];
for (const { name, line, code, id = null } of lines) {
  test(`a line with ${name} is answered ${code}, and the next one is served`, async () => {
    const session = startSession();
    session.input.write(`${line}\n`);
    session.send(legacy("ping", {}, "next"));
    const error = await session.next();
    assert.equal([error.id, error.error.code], [id, code]);
    assert.equal(await session.next(), { jsonrpc: "2.0", id: "next", result: {} });
    await session.end();
  });
}

test("blank lines, CRLF, notifications and responses get no answer; a last line needs no LF", async () => {
  const session = startSession();
  session.input.write('\n  \t\r\n{"jsonrpc":"2.0","method":"notifications/initialized"}\r\n');
  session.input.write('{"jsonrpc":"2.0","id":1,"result":{}}\n');
  session.input.write('{"jsonrpc":"2.0","id":2,"method":"ping"}');
  assert.equal(await session.end(), [{ jsonrpc: "2.0", id: 2, result: {} }]);
});

test("both eras on one pipe: handshake, discovery, calls; no header is asked for", async () => {
  const session = startSession();
  session.send(legacy("initialize", { protocolVersion: "2025-06-18" }, 1));
  assert.is((await session.next()).result.protocolVersion, "2025-06-18");
  session.send(modern("server/discover", {}, 2));
  assert.equal((await session.next()).result.supportedVersions, ["2026-07-28"]);
  session.send(modern("tools/call", { name: "echo", arguments: { text: "hi" } }, 3));
  assert.is((await session.next()).result.resultType, "complete");
  session.send(modern("ping", {}, 4));
  assert.is((await session.next()).error.code, -32601);
  await session.end();
});

test("a slow call holds up nobody, and progress is sent for the one that asked", async () => {
  const session = startSession();
  session.send(legacy("tools/call", { name: "silent", _meta: { progressToken: "p" } }, "slow"));
  const call = await session.silent.next();
  session.send(legacy("ping", {}, "quick"));
  assert.is((await session.next()).id, "quick");
  call.progress(1, 2);
  assert.equal((await session.next()).params, { progressToken: "p", progress: 1, total: 2 });
  call.release();
  assert.is((await session.next()).id, "slow");
  call.progress(2, 2);
  assert.equal(await session.end(), []);
});

for (const era of [legacy, modern]) {
  test(`${era.name}: a cancelled call is aborted and not answered; its id is free again`, async () => {
    const session = startSession();
    session.send(silentCall(1, era));
    const first = await session.silent.next();
    session.send(silentCall(2, era));
    const second = await session.silent.next();
    session.send(cancel(1), cancel("2"), cancel(99), cancel({}), cancel(null));
    await first.aborted;
    assert.is(second.signal.aborted, false);
    second.release();
    assert.is((await session.next()).id, 2);
    session.send(silentCall(1, era));
    (await session.silent.next()).release();
    assert.is((await session.next()).id, 1);
    assert.equal(await session.end(), []);
    assert.equal(session.bugs, []);
  });
}

test("the end of the input waits for running calls", async () => {
  const session = startSession();
  session.send(silentCall("last"));
  const call = await session.silent.next();
  const rest = session.end();
  let ended = false;
  void session.done.then(() => {
    ended = true;
  });
  await once(session.input, "close");
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
  assert.is(ended, false);
  call.release();
  assert.equal(
    (await rest).map(({ id }) => id),
    ["last"],
  );
});

test("modern: subscriptions are acknowledged, told of changes, and ended with the input", async () => {
  const session = startSession();
  session.send(modern("subscriptions/listen", { notifications: { toolsListChanged: true } }, "s"));
  session.send(modern("subscriptions/listen", { notifications: {} }, "quiet"));
  assert.is((await session.next()).params._meta[subscriptionKey], "s");
  assert.is((await session.next()).params._meta[subscriptionKey], "quiet");
  session.change(fixtureTools);
  const changed = await session.next();
  assert.equal(
    [changed.method, changed.params._meta[subscriptionKey]],
    ["notifications/tools/list_changed", "s"],
  );
  const ends = await session.end();
  assert.equal(
    ends.map(({ id, result }) => [id, result.resultType]),
    [
      ["s", "complete"],
      ["quiet", "complete"],
    ],
  );
  assert.is(session.subscriptions.size, 0);
});

test("modern: a cancelled subscription says nothing more", async () => {
  const session = startSession();
  session.send(modern("subscriptions/listen", { notifications: { toolsListChanged: true } }, "s"));
  await session.next();
  session.send(cancel("s"), legacy("ping", {}, "after"));
  assert.is((await session.next()).id, "after");
  assert.is(session.subscriptions.size, 0);
  session.change(fixtureTools);
  assert.equal(await session.end(), []);
});

test("modern: a second subscription under an open id, and one too many, are refused; the input can still end", async () => {
  const session = startSession();
  const listen = (id: Json) => modern("subscriptions/listen", { notifications: {} }, id);
  session.send(listen("s"), listen("s"));
  await session.next();
  const refused = await session.next();
  assert.equal([refused.id, refused.error.code], ["s", -32600]);
  for (let id = 1; id < 16; id++) {
    session.send(listen(id));
    await session.next();
  }
  session.send(listen(16));
  assert.is((await session.next()).error.code, -32600);
  assert.is((await session.end()).length, 16);
});

test("legacy: a session that is initialized hears of changes without asking, once each", async () => {
  const session = startSession();
  session.change(fixtureTools);
  session.send({ jsonrpc: "2.0", method: "notifications/initialized" });
  session.send({ jsonrpc: "2.0", method: "notifications/initialized" });
  session.send(legacy("ping"));
  await session.next();
  session.change([]);
  assert.equal(await session.next(), {
    jsonrpc: "2.0",
    method: "notifications/tools/list_changed",
    params: {},
  });
  assert.equal(await session.end(), []);
  assert.is(session.subscriptions.size, 0);
});

test("a bug outside a tool is -32603 without its text, and reaches the log", async () => {
  const session = startSession({ instructions: () => Promise.reject(new Error("secret-text-of-a-bug")) });
  session.send(legacy("initialize"));
  const answer = await session.next();
  assert.is(answer.error.code, -32603);
  assert.not.match(JSON.stringify(answer), "secret-text-of-a-bug");
  assert.is(session.bugs.length, 1);
  await session.end();
});

test("an output that breaks does not end the process", async () => {
  const session = startSession();
  session.send(silentCall(1));
  const call = await session.silent.next();
  session.output.destroy(new Error("EPIPE"));
  call.release();
  session.send(legacy("ping"));
  await session.end();
});

test.run();
