import { test } from "uvu";
import * as assert from "uvu/assert";
import { codeOf, faultOf, post, tunnel, withServer } from "./admin.test.util.js";
import type { TunnelBackend } from "./backend.js";
import { createAdminClient } from "./client.js";

const degraded = { ...tunnel, state: "degraded" } as const;
const starting = { ...tunnel, state: "starting" } as const;
const backend: TunnelBackend = {
  report: () => tunnel,
  restart: async () => starting,
  test: async () => degraded,
};

test("each question reaches the tunnel, and brings its report back", () =>
  withServer({ tunnel: backend }, async ({ socketPath, send }) => {
    const client = createAdminClient({ socketPath });
    assert.equal(await client.tunnel(), { schema: 1, tunnel });
    assert.equal(await client.restartTunnel(), { schema: 1, tunnel: starting });
    assert.equal(await client.testTunnel(), { schema: 1, tunnel: degraded });
    assert.equal(await client.prove(), { schema: 1, url: null, fault: null });
    assert.is((await send("/v1/tunnel/restart")).status, 405);
    assert.is((await send("/v1/tunnel", post({}))).status, 405);
  }));

test("where none is configured there is nothing to show, and nothing to restart or test", () =>
  withServer({}, async ({ socketPath, send }) => {
    const client = createAdminClient({ socketPath });
    assert.equal(await client.tunnel(), { schema: 1, tunnel: null });
    for (const path of ["/v1/tunnel/restart", "/v1/tunnel/test"]) {
      const answer = await send(path, post({}));
      assert.equal([answer.status, codeOf(answer)], [409, "REFUSED"]);
    }
    assert.is((await faultOf(() => client.testTunnel())).code, "REFUSED");
  }));

test("ending a program takes longer than other answers may, so more time is given", async () => {
  let answer = (): void => {};
  const slow = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const restart = async () => {
    await slow;
    return tunnel;
  };
  const reload = async () => {
    await slow;
    return { result: "unchanged" as const, generation: 3, changes: [], restart_needed: [] };
  };
  await withServer({ tunnel: { ...backend, restart }, reload }, async ({ socketPath }) => {
    const client = createAdminClient({ socketPath, timeoutMs: 50 });
    const waiting = client.restartTunnel();
    assert.is((await faultOf(() => client.reload({ dryRun: false }))).code, "DAEMON_UNREACHABLE");
    answer();
    assert.is((await waiting).tunnel?.provider, "ngrok");
  });
});

test.run();
