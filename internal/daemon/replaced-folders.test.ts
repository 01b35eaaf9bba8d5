import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createHastyClock } from "../../test/support/clock.js";
import { withDaemon } from "../../test/support/daemon-in-process.js";
import type { Json } from "../../test/support/mcp-harness.js";
import { openResources } from "../../test/support/resources.js";
import { call, type Endpoint } from "../../test/support/rpc.js";
import { openRoot } from "../workspace/root.js";

/** Its commands are run without asking. */
const full = {
  workspaces: [{ id: "app", path: "app", profile: "full" }],
  exec: { permission_mode: "trusted" },
};

test("a workspace folder that was removed and made again is served again", async () => {
  const clock = createHastyClock();
  await withDaemon({ clock }, async ({ app: folder, endpoint, dir }) => {
    const to: Endpoint = endpoint();
    const read = () => call(to, "read_file", { path: "hello.txt" });
    const before = openResources();
    assert.is((await read()).structuredContent.ok, true);
    renameSync(folder, join(dir, "away"));
    clock.hurry(1_000);
    assert.is((await read()).structuredContent.ok, true, "the folder that was opened is still there");
    mkdirSync(folder);
    writeFileSync(join(folder, "hello.txt"), "cloned again\n");
    clock.hurry(1_000);
    assert.match((await read()).content[0].text, /cloned again/);
    clock.hurry(60_000);
    assert.equal(openResources(), before);
  });
});

test("a workspace folder that became a link is not followed by anything, until a reload looks at it", async () => {
  const clock = createHastyClock();
  await withDaemon({ clock, config: full }, async (running) => {
    const { admin, app: folder, endpoint, dir } = running;
    const of = async (name: string, args: Json): Promise<Json> => {
      clock.hurry(1_000);
      const { structuredContent, content } = await call(endpoint(), name, args);
      return structuredContent.ok ? content[0].text : structuredContent.error.code;
    };
    const read = (path: string) => of("read_file", { path });
    const cat = (path: string) => of("exec_command", { cmd: `cat ${path}` });
    const elsewhere = async (): Promise<boolean> =>
      (await admin.status()).warnings.some(({ code }) => code === "WORKSPACE_ELSEWHERE");
    writeFileSync(join(dir, "secret.txt"), "of the home directory\n");
    running.folder("other");

    // As a branch can have it in which the folder is a link. The home directory of this daemon is `dir`.
    renameSync(folder, join(dir, "away"));
    symlinkSync(".", folder);
    const followed = openRoot(folder);
    assert.is(followed.openFile("secret.txt").path, "secret.txt", "control: by its path it is the home");
    followed.close();
    assert.is(await read("secret.txt"), "NOT_FOUND");
    assert.is(await cat("secret.txt"), "SYMLINK_ESCAPE");
    assert.ok(await elsewhere());
    await admin.rotateSecret({ kind: "bearer", revoke: false });
    assert.is(await read("secret.txt"), "NOT_FOUND", "nor with what else is put in force");
    const refused = await admin.reload({ dryRun: false }).catch((error) => error.code);
    assert.is(refused, "CONFIG_INVALID", "a reload refuses the home");

    // Another folder that may be served, once the owner says so.
    rmSync(folder);
    symlinkSync("other", folder);
    assert.match(await read("hello.txt"), /hello from app/, "what was opened is still there");
    assert.is(await cat("hello.txt"), "SYMLINK_ESCAPE");
    assert.equal((await admin.reload({ dryRun: false })).changes, ["workspace app: its folder was replaced"]);
    assert.match(await read("hello.txt"), /hello from other/);
    assert.match(await cat("hello.txt"), /hello from other/);
    assert.not.ok(await elsewhere());
  });
});

test("commands of a workspace that was cloned again see the new folder", async () => {
  const clock = createHastyClock();
  await withDaemon({ clock, config: full }, async ({ app: folder, endpoint }) => {
    const cat = async (): Promise<string> => {
      clock.hurry(1_000);
      return (await call(endpoint(), "exec_command", { cmd: "cat hello.txt" })).content[0].text;
    };
    assert.match(await cat(), /hello from app/);
    for (const round of ["second", "third"]) {
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
      writeFileSync(join(folder, "hello.txt"), `the ${round} clone\n`);
      assert.match(await cat(), `the ${round} clone`);
    }
  });
});

test.run();
