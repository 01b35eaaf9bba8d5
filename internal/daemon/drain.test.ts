import { once } from "node:events";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { withDaemon } from "../../test/support/daemon-in-process.js";
import { mirrorOf, modern } from "../../test/support/mcp-harness.js";
import { createSilent } from "../../test/support/mcp-tools.js";
import { dial, post as rawPost } from "../../test/support/raw-http.js";
import { get, post, subscribe } from "../../test/support/rpc.js";

const silentCall = modern("tools/call", { name: "silent" });
/** Subscriptions one client may hold. */
const perClient = 16;

/** Why it failed; empty when it did not. */
async function reasonOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(() => "", String);
}

test("while it drains: running calls are answered, newcomers told to come again, subscriptions ended", async () => {
  const silent = createSilent();
  await withDaemon({ tools: [silent.tool] }, async ({ daemon, admin, endpoint }) => {
    const to = endpoint();
    const subscription = await subscribe(to);
    const answer = post(to, silentCall);
    const running = await silent.next();
    assert.is((await get(to, "/healthz")).status, 200);

    const closed = daemon.close(60_000);
    assert.is((await subscription.next())?.result.resultType, "complete");
    assert.is((await get(to, "/healthz")).status, 503);
    const refused = await post(to, modern("tools/list"));
    assert.equal([refused.status, refused.headers["retry-after"]], [503, "1"]);
    assert.is((await admin.status()).state, "draining");

    running.release();
    assert.is((await answer).body.result.structuredContent.ok, true);
    await closed;
    const gone = await post(to, modern("tools/list")).then(String, (error) => error.code);
    assert.is(gone, "ECONNREFUSED");
  });
});

test("a call that does not end is cancelled before its connection is cut", async () => {
  const silent = createSilent();
  await withDaemon({ tools: [silent.tool] }, async ({ daemon, endpoint }) => {
    const answer = post(endpoint(), silentCall);
    const running = await silent.next();
    await daemon.close(600);
    assert.ok(running.signal.aborted);
    assert.is((await answer).body.result.structuredContent.error.code, "CANCELLED");
  });
});

test("pipelined requests whose connection is reset give back what they held", async () => {
  await withDaemon({}, async ({ daemon, endpoint }) => {
    const to = endpoint();
    const { port, host } = new URL(to.url);
    const listen = modern("subscriptions/listen", { notifications: { toolsListChanged: true } });
    const mirror = Object.entries({ accept: "text/event-stream", ...mirrorOf(listen) });
    const headers = [`authorization: Bearer ${to.token}`, "content-type: application/json"].concat(
      mirror.map(([name, value]) => `${name}: ${value}`),
    );
    const socket = await dial(Number(port));
    const health = `GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    const one = rawPost(JSON.stringify(listen), { headers: `${headers.join("\r\n")}\r\n` });
    socket.write(one.repeat(perClient) + health);
    await once(socket, "data");
    assert.match(await reasonOf(subscribe(to)), "429");

    socket.resetAndDestroy();
    // Whether the server has heard of it is seen only by asking.
    while ((await reasonOf(subscribe(to))) !== "") await new Promise(setImmediate);
    for (let n = 1; n < perClient; n++) assert.is(await reasonOf(subscribe(to)), "");
    await daemon.close(3_600_000);
  });
});

test("a daemon without requests ends at once, whatever its grace", async () => {
  await withDaemon({}, async ({ daemon, endpoint }) => {
    await post(endpoint(), modern("tools/list"));
    await daemon.close(3_600_000);
  });
});

test.run();
