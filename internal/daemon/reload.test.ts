import { EventEmitter, once } from "node:events";
import { renameSync, writeFileSync } from "node:fs";
import { Agent } from "node:http";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createHastyClock } from "../../test/support/clock.js";
import { type FixtureDaemon, withDaemon } from "../../test/support/daemon-in-process.js";
import { modern } from "../../test/support/mcp-harness.js";
import { createSilent, fixtureTools } from "../../test/support/mcp-tools.js";
import { descriptorCount, freePort, holdPort, openResources } from "../../test/support/resources.js";
import { call, post, subscribe, toolNames } from "../../test/support/rpc.js";
import { Fault } from "../errs/errs.js";

const app = { id: "app", path: "app" };
const full = { workspaces: [{ ...app, profile: "full" }] };

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  return work.then(
    () => undefined,
    (error) => (error instanceof Fault ? error.code : String(error)),
  );
}

/** Everything a client or the owner can tell one configuration from another by. */
async function observe({ daemon, endpoint, admin }: FixtureDaemon) {
  const { generation, listen, auth, workspaces, catalogue } = await admin.status();
  const shown = await admin.config({ sources: true });
  const to = endpoint();
  return {
    held: openResources(),
    tools: await toolNames(to),
    withoutToken: (await post({ url: to.url }, modern("tools/list"))).status,
    status: { generation, listen, auth, workspaces, catalogue },
    config: daemon.config(),
    shown,
  };
}

test("a wider and a narrower profile reach subscribers, and count from the next call on", async () => {
  await withDaemon({ tools: fixtureTools }, async ({ daemon, configure, endpoint }) => {
    const to = endpoint();
    const subscription = await subscribe(to);
    const refused = await post(to, modern("tools/call", { name: "writer" }));
    assert.is(refused.body.error.code, -32602);

    configure(full);
    assert.equal((await daemon.reload("admin")).changes, ["workspace app: read-only -> full"]);
    assert.is((await subscription.next())?.method, "notifications/tools/list_changed");
    assert.ok((await toolNames(to)).includes("writer"));
    assert.is((await call(to, "writer")).content[0].text, "wrote in app");

    configure();
    await daemon.reload("admin");
    assert.is((await subscription.next())?.method, "notifications/tools/list_changed");
    assert.not((await toolNames(to)).includes("writer"));
    assert.is((await post(to, modern("tools/call", { name: "writer" }))).body.error.code, -32602);
  });
});

test("workspaces come and go", async () => {
  await withDaemon({}, async ({ daemon, configure, endpoint, folder }) => {
    const to = endpoint();
    const subscription = await subscribe(to);
    folder("docs");
    const read = { path: "hello.txt", workspace: "docs" };
    configure({ workspaces: [app, { id: "docs", path: "docs" }] });
    await daemon.reload("admin");
    assert.is((await subscription.next())?.method, "notifications/tools/list_changed");
    assert.match((await call(to, "read_file", read)).content[0].text, /hello from docs/);
    assert.ok((await toolNames(to)).includes("list_workspaces"));

    configure();
    await daemon.reload("admin");
    assert.is((await subscription.next())?.method, "notifications/tools/list_changed");
    const refused = await post(to, modern("tools/call", { name: "read_file", arguments: read }));
    assert.is(refused.body.error.code, -32602);
  });
});

test("a call under way ends under the configuration it began with", async () => {
  const silent = createSilent();
  const tool = { ...silent.tool, profile: "full" as const };
  await withDaemon({ tools: [tool], config: full }, async ({ daemon, configure, endpoint }) => {
    const answer = post(endpoint(), modern("tools/call", { name: "silent" }));
    const running = await silent.next();
    configure();
    await daemon.reload("admin");
    assert.is((await post(endpoint(), modern("tools/call", { name: "silent" }))).body.error.code, -32602);
    running.release();
    assert.is((await answer).body.result.structuredContent.ok, true);
  });
});

test("fifty reloads under load lose no request and hold nothing open", async () => {
  const clock = createHastyClock();
  const limits = { calls_per_second: 10_000, burst: 10_000 };
  await withDaemon({ clock, config: { limits } }, async ({ daemon, configure, endpoint, folder }) => {
    folder("docs");
    const to = endpoint();
    const agents = Array.from({ length: 4 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    const answers: string[] = [];
    const answered = new EventEmitter();
    let done = false;
    const client = async (agent: Agent): Promise<void> => {
      do {
        const asked = call({ ...to, agent }, "read_file", { path: "hello.txt" });
        answers.push(await asked.then(({ structuredContent }) => String(structuredContent.ok), String));
        answered.emit("call");
      } while (!done);
    };
    await Promise.all(agents.map((agent) => call({ ...to, agent }, "server_info")));
    // The watch on the file, which begins after the first answers, holds something open from then on.
    const subscription = await subscribe(to);
    configure({ limits, view_image: false });
    await subscription.next();
    const before = { resources: openResources(), count: descriptorCount() };
    const clients = agents.map(client);
    for (let round = 1; round <= 50; round++) {
      const docs = { id: "docs", path: "docs", profile: "full" };
      configure({ limits, workspaces: round % 2 === 0 ? [app] : [app, docs] });
      const [{ generation }] = await Promise.all([daemon.reload("admin"), once(answered, "call")]);
      assert.is(generation, round + 2);
    }
    done = true;
    await Promise.all(clients);
    assert.equal([...new Set(answers)], ["true"]);
    assert.ok(answers.length > 50);
    assert.ok(
      openResources().length > before.resources.length,
      "folders stay open for requests on their way",
    );
    clock.hurry(60_000);
    assert.equal(openResources(), before.resources);
    assert.is(descriptorCount(), before.count);
    for (const agent of agents) agent.destroy();
  });
});

for (const failing of ["load", "workspaces", "auth", "snapshot", "listener"] as const) {
  test(`a failure in step ${failing} leaves nothing half applied`, async () => {
    let broken = false;
    const onStep = (step: string): void => {
      if (broken && step === failing) throw new Fault("FAILED", `injected into ${step}`);
    };
    await withDaemon({ tools: fixtureTools, onStep }, async (running) => {
      const { daemon, configure, folder, admin, endpoint } = running;
      folder("docs");
      const before = await observe(running);
      const port = await freePort();
      const other = { ...full, workspaces: [...full.workspaces, { id: "docs", path: "docs" }] };
      configure({ ...other, listen: `127.0.0.1:${port}`, auth: { mode: "none" }, log: { level: "notice" } });
      broken = true;
      assert.is(await codeOf(daemon.reload("admin")), "FAILED");
      assert.equal(await observe(running), before);
      assert.match((await admin.status()).config.pending_error?.message ?? "", /injected/);

      broken = false;
      assert.is((await daemon.reload("admin")).result, "applied");
      assert.is((await admin.status()).config.pending_error, undefined);
      assert.is(new URL(endpoint().url).port, String(port));
      const after = await observe(running);
      assert.is(after.withoutToken, 200);
      assert.ok(after.tools.includes("writer") && after.tools.includes("list_workspaces"));
      assert.is(after.config.log.level, "notice");
    });
  });
}

test("a dry run, another generation and an equal file change nothing", async () => {
  await withDaemon({ tools: fixtureTools }, async (running) => {
    const { admin, configure, yaml, configPath } = running;
    const before = await observe(running);
    writeFileSync(configPath, `# a comment\n${yaml()}`);
    assert.is((await admin.reload({ dryRun: false })).result, "unchanged");
    configure();
    assert.is((await admin.reload({ dryRun: false })).result, "unchanged");
    const port = await freePort();
    configure({ ...full, listen: `127.0.0.1:${port}` });
    const { result, changes } = await admin.reload({ dryRun: true });
    assert.is(result, "planned");
    assert.equal(changes, ["workspace app: read-only -> full", `listen: 127.0.0.1:0 -> 127.0.0.1:${port}`]);
    assert.is(await codeOf(admin.reload({ dryRun: false, ifGeneration: 7 })), "REFUSED");
    writeFileSync(configPath, "version: 1\nworkspace: []\n");
    assert.is(await codeOf(admin.reload({ dryRun: true })), "CONFIG_INVALID");
    assert.is((await admin.status()).config.pending_error, undefined);
    assert.equal(await observe(running), before);
    configure(full);
    assert.is((await admin.reload({ dryRun: false, ifGeneration: 1 })).result, "applied");
  });
});

test("a hundred reloads at once take turns", async () => {
  await withDaemon({}, async ({ daemon, configure }) => {
    configure(full);
    const results = await Promise.all(Array.from({ length: 100 }, () => daemon.reload("signal")));
    assert.equal(
      results.map(({ result }) => result),
      ["applied", ...Array(99).fill("unchanged")],
    );
  });
});

test("a rotated token ends the old one at once", async () => {
  await withDaemon({}, async ({ admin, endpoint }) => {
    const old = endpoint();
    const subscription = await subscribe(old);
    const { secrets } = await admin.rotateSecret({ kind: "bearer", revoke: false });
    assert.is((await post(old, modern("tools/list"))).status, 401);
    assert.is((await subscription.next())?.result.resultType, "complete");
    assert.is(await subscription.next(), undefined);
    assert.is(endpoint().token, secrets.bearer);
    assert.is((await post(endpoint(), modern("tools/list"))).status, 200);
    assert.is((await admin.status()).generation, 2);
  });
});

test("a token can be rotated while the file is broken and a folder is in the way", async () => {
  await withDaemon({}, async ({ admin, app: folder, configPath, endpoint }) => {
    const old = endpoint();
    renameSync(folder, `${folder}.away`);
    writeFileSync(folder, "no folder");
    writeFileSync(configPath, "version: 2\n");
    assert.is(await codeOf(admin.reload({ dryRun: false })), "CONFIG_INVALID");
    const { secrets } = await admin.rotateSecret({ kind: "bearer", revoke: false });
    assert.is((await post(old, modern("tools/list"))).status, 401);
    assert.is((await post({ ...old, token: secrets.bearer }, modern("tools/list"))).status, 200);
    assert.ok((await admin.status()).config.pending_error, "the file is still broken");
  });
});

test("a changed address is served before the old one is let go", async () => {
  const silent = createSilent();
  await withDaemon({ tools: [silent.tool] }, async ({ daemon, configure, endpoint }) => {
    const old = endpoint();
    const answer = post(old, modern("tools/call", { name: "silent" }));
    const running = await silent.next();

    const taken = await holdPort();
    configure({ listen: `127.0.0.1:${taken.port}` });
    assert.is(await codeOf(daemon.reload("admin")), "ADDRESS_IN_USE");
    assert.is((await post(old, modern("tools/list"))).status, 200);
    configure({ listen: `0.0.0.0:${new URL(old.url).port}` });
    await daemon.reload("admin").then(
      () => assert.unreachable("it holds that port itself"),
      ({ hint }) => assert.match(hint, /this daemon holds the port at 127\.0\.0\.1/),
    );
    configure({ listen: `127.0.0.1:${taken.port}` });
    await taken.release();
    await daemon.reload("admin");

    assert.is(new URL(endpoint().url).port, String(taken.port));
    assert.is((await post(endpoint(), modern("tools/list"))).status, 200);
    assert.match((await codeOf(post(old, modern("tools/list")))) ?? "answered", /ECONNREFUSED/);
    running.release();
    assert.is((await answer).body.result.structuredContent.ok, true);
  });
});

test.run();
