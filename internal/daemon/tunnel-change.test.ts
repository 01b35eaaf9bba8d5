import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { withDaemon } from "../../test/support/daemon-in-process.js";
import { modern } from "../../test/support/mcp-harness.js";
import { createSilent } from "../../test/support/mcp-tools.js";
import { post, subscribe } from "../../test/support/rpc.js";
import { lastingPort } from "../../test/support/sign-in.js";
import type { TunnelReport } from "../tunnel/types.js";
import { isAlive, report, statusFor, staying, until } from "./tunnel.test.util.js";

const app = { id: "app", path: "app" };

/** The same; it also notes in a file that it was started, with its port, and that it was sent SIGUSR2. */
function noting(file: string) {
  const [node, e, script] = staying.argv;
  const note = (what: string) => `fs.appendFileSync(${JSON.stringify(file)}, "${what}\\n")`;
  const more = `const fs = require("node:fs"); process.on("SIGUSR2", () => ${note("told")}); ${note("{port}")};`;
  return { ...staying, argv: [node, e, `${more} ${script}`] };
}

function notesIn(file: string): string[] {
  return readFileSync(file, "utf8").trimEnd().split("\n");
}

/** Has a program that notes prove that nobody has told it to end: it would do so first. */
async function goesOn(pid: number, file: string): Promise<boolean> {
  if (isAlive(pid)) process.kill(pid, "SIGUSR2");
  while (isAlive(pid)) {
    if (notesIn(file).at(-1) === "told") return true;
    await setTimeout(10);
  }
  return false;
}

/** Its program has said that it is ready; the name leads nowhere, so that it is never verified. */
function isUp({ pid, state }: TunnelReport): boolean {
  return pid !== null && (state === "connected" || state === "degraded");
}

test("a change that is none of the tunnel's business leaves its program alone, another ends it first", async () => {
  const hostname = "mcp.example.invalid";
  await withDaemon({}, async (daemon) => {
    const notes = join(daemon.dir, "notes");
    const tunnel = noting(notes);
    daemon.configure({ hostname, tunnel });
    await daemon.admin.reload({ dryRun: false });
    const { pid } = await until(daemon, isUp);
    daemon.configure({ hostname, tunnel, workspaces: [{ ...app, profile: "full" }] });
    assert.is((await daemon.admin.reload({ dryRun: false })).result, "applied");
    assert.ok(await goesOn(pid ?? 0, notes));

    daemon.configure({ hostname, tunnel: { ...tunnel, down_pattern: "lost" } });
    await daemon.admin.reload({ dryRun: false });
    const other = await until(daemon, (now) => isUp(now) && now.pid !== pid);
    assert.not.ok(isAlive(pid ?? 0), "two at the same time");
    assert.is(notesIn(notes).length, 3);

    daemon.configure({ hostname });
    await daemon.admin.reload({ dryRun: false });
    while (isAlive(other.pid ?? 0)) await setTimeout(20);
    assert.is(await report(daemon), null);
  });
});

test("a rebind on the same port leaves the program alone; another port gets a program of its own", async () => {
  const hostname = "mcp.example.invalid";
  const [port, otherPort] = [await lastingPort(), await lastingPort()];
  const commandLine = (pid: number | null): string => readFileSync(`/proc/${pid}/cmdline`, "utf8");
  await withDaemon({ config: { listen: `127.0.0.2:${port}` } }, async (daemon) => {
    const notes = join(daemon.dir, "notes");
    const listenAt = async (listen: string): Promise<void> => {
      daemon.configure({ listen, hostname, tunnel: noting(notes) });
      assert.is((await daemon.admin.reload({ dryRun: false })).result, "applied");
    };
    await listenAt(`127.0.0.2:${port}`);
    const { pid } = await until(daemon, isUp);
    await listenAt(`127.0.0.1:${port}`);
    assert.equal(daemon.daemon.address(), { host: "127.0.0.1", port });
    assert.ok(await goesOn(pid ?? 0, notes));

    await listenAt(`127.0.0.1:${otherPort}`);
    const other = await until(daemon, (now) => isUp(now) && now.pid !== pid);
    assert.match(commandLine(other.pid), `up on port ${otherPort}`);
    assert.not.ok(isAlive(pid ?? 0), "two at the same time");
    assert.equal(notesIn(notes), [String(port), "told", String(otherPort)]);
  });
});

test("a change of the tunnel drops no local client: not its call, and not its stream", async () => {
  const silent = createSilent();
  await withDaemon({ tools: [silent.tool] }, async (daemon) => {
    const answer = post(daemon.endpoint(), modern("tools/call", { name: "silent" }));
    const running = await silent.next();
    const stream = await subscribe(daemon.endpoint());
    const hostname = "mcp.example.invalid";
    const changes: Readonly<Record<string, unknown>>[] = [
      { hostname, tunnel: staying },
      { hostname, tunnel: { ...staying, down_pattern: "lost" } },
      { tunnel: { ...staying, url: "https://found.example.invalid" } },
    ];
    const pids: (number | null)[] = [null];
    for (const change of changes) {
      daemon.configure(change);
      await daemon.admin.reload({ dryRun: false });
      pids.push((await until(daemon, ({ pid }) => !pids.includes(pid))).pid);
    }
    while ((await statusFor(daemon, "found.example.invalid")) !== 200) await setTimeout(20);
    daemon.configure({ workspaces: [{ ...app, profile: "full" }] });
    await daemon.admin.reload({ dryRun: false });
    assert.is(await report(daemon), null);

    assert.is((await stream.next())?.method, "notifications/tools/list_changed");
    running.release();
    const { status, body } = await answer;
    assert.equal([status, body.result.structuredContent.ok], [200, true]);
  });
});

test.run();
