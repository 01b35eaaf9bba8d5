import { test } from "uvu";
import * as assert from "uvu/assert";
import { withDaemon } from "../../test/support/daemon-in-process.js";
import { modern } from "../../test/support/mcp-harness.js";
import { createSilent } from "../../test/support/mcp-tools.js";
import { get, post, subscribe } from "../../test/support/rpc.js";

const silentCall = modern("tools/call", { name: "silent" });

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

test("a daemon without requests ends at once, whatever its grace", async () => {
  await withDaemon({}, async ({ daemon, endpoint }) => {
    await post(endpoint(), modern("tools/list"));
    await daemon.close(3_600_000);
  });
});

test.run();
