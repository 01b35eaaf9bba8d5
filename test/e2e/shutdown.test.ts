import { readdirSync } from "node:fs";
import { Agent } from "node:http";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type DaemonProcess, startDaemonProcess, withDaemonProcess } from "../support/daemon-process.js";
import { legacy, modern } from "../support/mcp-harness.js";
import { begin, get, post, subscribe } from "../support/rpc.js";

const read = legacy("tools/call", { name: "read_file", arguments: { path: "hello.txt" } });

function terminate({ program }: DaemonProcess): Promise<unknown> {
  program.child.kill("SIGTERM");
  return program.until("stderr", /"message":"stopping"/);
}

test("SIGTERM: what runs is answered, newcomers are sent away, the admin socket goes last", async () => {
  await withDaemonProcess({}, async (daemon) => {
    const { endpoint, admin, program, dir } = daemon;
    const subscription = await subscribe(endpoint);
    const underWay = await begin(endpoint);
    await terminate(daemon);

    assert.is((await subscription.next())?.result.resultType, "complete");
    assert.is(await subscription.next(), undefined);
    assert.is((await get(endpoint, "/healthz")).status, 503);
    assert.is((await post(endpoint, modern("tools/list"))).status, 503);
    assert.is((await admin.status()).state, "draining");
    assert.equal(readdirSync(join(dir, "run")).includes("admin.sock"), true);

    const { status, body } = await underWay.finish(read);
    assert.equal([status, body.result.structuredContent.content], [200, "hello from app\n"]);
    assert.equal(await program.exit, { code: 0, signal: null });
    assert.equal(readdirSync(join(dir, "run")), []);
  });
});

test("clients that keep idle connections do not hold it up", async () => {
  await withDaemonProcess({}, async (daemon) => {
    const agent = new Agent({ keepAlive: true });
    await post({ ...daemon.endpoint, agent }, modern("tools/list"));
    assert.equal(await daemon.stop(), { code: 0, signal: null });
    agent.destroy();
  });
});

for (const second of ["SIGTERM", "SIGINT"] as const) {
  test(`${second} after SIGTERM forces the end`, async () => {
    await withDaemonProcess({}, async (daemon) => {
      const underWay = await begin(daemon.endpoint);
      await terminate(daemon);
      daemon.program.child.kill(second);
      assert.equal(await daemon.program.exit, { code: 2, signal: null });
      assert.is(await underWay.cut, "ECONNRESET");
    });
  });
}

test("after kill -9 the next start takes over the socket, the lock and the token", async () => {
  await withDaemonProcess({}, async (daemon) => {
    await daemon.program.kill();
    assert.ok(readdirSync(join(daemon.dir, "run")).includes("admin.sock"), "left behind");
    const next = await startDaemonProcess(daemon);
    try {
      assert.is(next.endpoint.token, daemon.endpoint.token);
      assert.is((await next.admin.status()).pid, next.program.pid);
      assert.is((await post(next.endpoint, modern("tools/list"))).status, 200);
      assert.is((await next.stop()).code, 0);
    } finally {
      await next.program.kill();
    }
  });
});

test.run();
