import { chmodSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { Agent } from "node:http";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type DaemonProcess, withDaemonProcess } from "../support/daemon-process.js";
import { descriptorCount, openResources } from "../support/resources.js";
import { call, subscribe, toolNames } from "../support/rpc.js";

const app = { id: "app", path: "app" };
const docs = { id: "docs", path: "docs" };
const one = { workspaces: [app] };
const two = { workspaces: [app, docs] };

/** Ways of saving the configuration; the text of each lists one workspace or two. */
const saves: Readonly<Record<string, (daemon: DaemonProcess, text: string) => void>> = {
  "in place": ({ configPath }, text) => writeFileSync(configPath, text),
  "by rename over it"({ configPath, dir }, text) {
    writeFileSync(join(dir, "new.yaml"), text);
    renameSync(join(dir, "new.yaml"), configPath);
  },
  "by truncate, then write"({ configPath }, text) {
    writeFileSync(configPath, "");
    writeFileSync(configPath, text);
  },
  "by a link in its place"({ configPath, dir }, text) {
    writeFileSync(join(dir, "linked-1.yaml"), text);
    unlinkSync(configPath);
    symlinkSync("linked-1.yaml", configPath);
  },
  "by a link that points elsewhere"({ configPath, dir }, text) {
    writeFileSync(join(dir, "linked-2.yaml"), text);
    symlinkSync("linked-2.yaml", join(dir, "new-link"));
    renameSync(join(dir, "new-link"), configPath);
  },
  "through the link": ({ configPath }, text) => writeFileSync(configPath, text),
};

function applied({ program }: DaemonProcess, generation: number): Promise<unknown> {
  return program.until("stderr", new RegExp(`"configuration applied".*"generation":${generation},`));
}

test("every way of saving the file takes effect and reaches subscribers", async () => {
  await withDaemonProcess(one, async (daemon) => {
    daemon.folder("docs");
    const subscription = await subscribe(daemon.endpoint);
    const took: Record<string, number> = {};
    let generation = 1;
    for (const [way, save] of Object.entries(saves)) {
      const next = generation % 2 === 1 ? two : one;
      const saved = performance.now();
      save(daemon, daemon.yaml(next));
      assert.is((await subscription.next())?.method, "notifications/tools/list_changed", way);
      took[way] = Math.round(performance.now() - saved);
      await applied(daemon, ++generation);
      const hasDocs = (await toolNames(daemon.endpoint)).includes("list_workspaces");
      assert.is(hasDocs, next === two, way);
      assert.is((await daemon.admin.status()).generation, generation);
    }
    // The one bound on time: a promise to clients.
    assert.ok(
      Math.max(...Object.values(took)) <= 1_000,
      `milliseconds to list_changed: ${JSON.stringify(took)}`,
    );
  });
});

test("a broken file keeps the old configuration, and the next good save recovers", async () => {
  await withDaemonProcess(one, async (daemon) => {
    const { admin, program, configPath, endpoint, yaml } = daemon;
    daemon.folder("docs");
    const refusals = (): number => program.stderr().split("configuration not applied").length - 1;
    const broken: readonly [string | undefined, RegExp, number?, number?][] = [
      [`${yaml(two)}profil: full\n`, /has 1 problem/, 6, 1],
      ["version: 1\nworkspaces: [\n", /problem/, 3, 1],
      ["", /problem/],
      [undefined, /there is no config file/],
    ];
    for (const [index, [text, message, line, col]] of broken.entries()) {
      if (text === undefined) unlinkSync(configPath);
      else writeFileSync(configPath, text);
      await program.until("stderr", new RegExp(`(configuration not applied[\\s\\S]*){${index + 1}}\n`));
      const { generation, config, warnings } = await admin.status();
      assert.is(generation, 1);
      assert.match(config.pending_error?.message ?? "", message);
      if (line !== undefined) {
        const { problems = [] } = config.pending_error ?? {};
        assert.equal([problems[0]?.file, problems[0]?.line, problems[0]?.col], [configPath, line, col]);
      }
      assert.equal(
        warnings.map(({ code }) => code),
        ["CONFIG_NOT_APPLIED"],
      );
      assert.match((await call(endpoint, "read_file", { path: "hello.txt" })).content[0].text, /from app/);
    }
    assert.is(refusals(), broken.length);

    daemon.configure(two);
    await applied(daemon, 2);
    await program.until("stderr", /the configuration file is right again/);
    const { config, warnings } = await admin.status();
    assert.equal([config.pending_error, warnings], [undefined, []]);
    assert.ok((await toolNames(endpoint)).includes("list_workspaces"));
  });
});

test("a file that others may write is refused until its mode is right", async () => {
  await withDaemonProcess(one, async (daemon) => {
    daemon.folder("docs");
    writeFileSync(join(daemon.dir, "open.yaml"), daemon.yaml(two));
    chmodSync(join(daemon.dir, "open.yaml"), 0o666);
    renameSync(join(daemon.dir, "open.yaml"), daemon.configPath);
    await daemon.program.until("stderr", /configuration not applied.*PERMISSION/);
    chmodSync(daemon.configPath, 0o600);
    await applied(daemon, 2);
  });
});

test("SIGHUP and storms of it reload under load, with no failed request and nothing left open", async () => {
  const limits = { calls_per_second: 10_000, burst: 10_000 };
  await withDaemonProcess({ ...one, limits }, async (daemon) => {
    const { program, endpoint, admin } = daemon;
    daemon.folder("docs");
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const read = () => call({ ...endpoint, agent }, "read_file", { path: "hello.txt" });
    await read();
    // The watch on the file, which begins after the first answers, holds something open from then on.
    daemon.configure({ ...one, limits, view_image: false });
    await applied(daemon, 2);
    // The self-test of the sandbox listens for a moment, to see whether commands could reach it.
    await program.until("stderr", /"sandbox tested"/);
    const before = { resources: openResources(program.pid), count: descriptorCount(program.pid) };
    const outcomes: string[] = [];
    let done = false;
    const load = (async () => {
      while (!done) outcomes.push(await read().then(({ structuredContent: { ok } }) => String(ok), String));
    })();
    for (let generation = 3; generation <= 8; generation++) {
      daemon.configure({ ...(generation % 2 === 0 ? { view_image: false } : {}), ...one, limits });
      for (let n = 0; n < 20; n++) program.child.kill("SIGHUP");
      await applied(daemon, generation);
    }
    done = true;
    await load;
    assert.equal([...new Set(outcomes)], ["true"]);
    assert.is((await admin.status()).generation, 8);
    assert.equal(openResources(program.pid), before.resources);
    assert.ok(descriptorCount(program.pid) <= before.count + 1, "but for the admin connection that ends");
    agent.destroy();
  });
});

test.run();
