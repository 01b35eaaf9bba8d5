import { test } from "uvu";
import * as assert from "uvu/assert";
import { withSignIn } from "../support/sign-in.js";
import { type StartClient, startClient2, startSdk1 } from "../support/sign-in-libraries.js";
import { startInspector, startMcpRemote } from "../support/sign-in-programs.js";

/** Clients that we did not write. */
const clients: readonly [string, StartClient][] = [
  ["SDK 1.x", startSdk1],
  ["client 2.x", startClient2("legacy")],
  ["client 2.x, auto", startClient2("auto")],
  ["mcp-remote", startMcpRemote],
  ["the Inspector", startInspector],
];

for (const [name, start] of clients) {
  test(`${name} signs in once, and goes on through restarts, refreshes and changes`, async () => {
    await withSignIn({}, async (daemon) => {
      const client = await start(daemon, daemon.url);
      try {
        const narrow = await client.tools();
        assert.ok(narrow.includes("read_file"));
        for (const tool of ["exec_command", "apply_patch"]) assert.not(narrow.includes(tool), tool);

        await daemon.restart("SIGKILL");
        const { refresh_token: before } = client.tokens();
        client.spoilAccess();
        assert.equal(await client.tools(), narrow);
        const tokens = client.tokens();
        assert.is.not(tokens.refresh_token, before);

        await daemon.restart("SIGTERM");
        const { id } = await daemon.grant();
        await daemon.ctl("clients", "set-profile", id, "full");
        const wide = await client.tools();
        for (const tool of ["exec_command", "apply_patch"]) assert.ok(wide.includes(tool), tool);
        assert.equal(client.tokens(), tokens);
        assert.is(client.signIns(), 1);

        await daemon.ctl("clients", "revoke", id);
        assert.equal(await client.tools(), narrow);
        assert.is(client.signIns(), 2);
        assert.is.not((await daemon.grant()).id, id);
      } finally {
        await client.close();
      }
    });
  });
}

test("each library signs in to the endpoint of one workspace", async () => {
  await withSignIn({}, async (daemon) => {
    for (const [name, start] of clients.slice(0, 3)) {
      const client = await start(daemon, `${daemon.origin}/w/app/mcp`);
      assert.ok((await client.tools()).includes("read_file"), name);
      await client.close();
    }
    assert.is((await daemon.admin.grants()).grants.length, 3);
  });
});

test("a client that listens is told what the owner changes", async () => {
  await withSignIn({}, async (daemon) => {
    let hear = (): void => {};
    const hearing = (): Promise<void> =>
      new Promise((resolve) => {
        hear = resolve;
      });
    const client = await startClient2("auto", () => hear())(daemon, daemon.url);
    const { id } = await daemon.grant();
    for (const profile of ["full", "read-only"]) {
      const heard = hearing();
      await daemon.ctl("clients", "set-profile", id, profile);
      await heard;
      assert.is((await client.tools()).includes("exec_command"), profile === "full");
    }
    await client.close();
  });
});

test.run();
