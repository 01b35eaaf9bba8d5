// time limit: 180 s
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { publicUrl, type TunnelledDaemon, withTunnel } from "../support/far-side.js";

interface Times {
  /** Until a probe that was sent after the fault has come back, and until a call of the client's has. */
  readonly verifiedMs: number;
  readonly answeredMs: number;
}

/** Milliseconds; several times what it takes, so that only a recovery that does not come fails. */
const recoveryMs = 60_000;

/** Waits until all is well again after what has just been done; rejects when that takes too long. */
async function recovery(daemon: TunnelledDaemon, fault: string): Promise<Times> {
  const over = new AbortController();
  const late = sleep(recoveryMs, undefined, { signal: over.signal }).then(async () => {
    const { state, fault: shown } = await daemon.tunnel();
    throw new Error(`${fault}: no recovery within ${recoveryMs} ms, it is ${state} ${shown?.code ?? ""}`);
  });
  try {
    return await Promise.race([late, timesOf(daemon)]);
  } finally {
    over.abort();
    // It was waited for in vain.
    late.catch(() => {});
  }
}

async function timesOf({ tunnelUntil, far }: TunnelledDaemon): Promise<Times> {
  const begun = Date.now();
  const [verifiedMs, answeredMs] = await Promise.all([
    tunnelUntil(
      ({ state, verified_at }) => state === "verified" && Date.parse(verified_at ?? "") > begun,
    ).then(() => Date.now() - begun),
    far.ask("answered").then(() => Date.now() - begun),
  ]);
  return { verifiedMs, answeredMs };
}

test("a client outside goes on through every fault, signed in once, and nothing runs twice", () =>
  withTunnel(async (daemon) => {
    const { far, sshd, ctl, tunnel, tunnelUntil, start, program, configureTunnel } = daemon;
    const times: [string, Times][] = [];
    const counter = join(daemon.app, "counter");
    const counted = (): string[] =>
      existsSync(counter) ? readFileSync(counter, "utf8").trimEnd().split("\n") : [];
    const healed = async (fault: string): Promise<void> => {
      times.push([fault, await recovery(daemon, fault)]);
    };

    configureTunnel();
    await far.ask("forward", 8765);
    const begun = Date.now();
    await start();
    await ctl("wait", "--for", "tunnel");
    const startMs = Date.now() - begun;
    const password = (await ctl("rotate-secret", "password")).trim();
    const owner = { password, workspaces: ["app"], profile: "full" } as const;
    const tools = await far.ask("signIn", publicUrl, owner);
    assert.ok(tools.includes("exec_command"), String(tools));
    assert.equal((await daemon.admin.prove()).url, publicUrl);
    const { rows } = JSON.parse(await ctl("verify", "--json")) as { rows: { id: string; status: string }[] };
    assert.ok(
      rows.some(({ id, status }) => id === "mcp.tools" && status === "ok"),
      JSON.stringify(rows),
    );
    await far.ask("count");
    await far.ask("answered");

    // In the middle of a command, so that its answer is lost.
    const before = counted().length;
    while (counted().length === before) await sleep(10);
    sshd.endSessions();
    await healed("session ended");

    daemon.cut();
    const cut = Date.now();
    const { state, fault } = await tunnelUntil(({ state }) => state !== "verified");
    assert.equal([state, fault?.code], ["degraded", "PUBLIC_NETWORK_DOWN"]);
    const noticedMs = Date.now() - cut;
    daemon.mend();
    await healed("network back");

    await sshd.stop();
    await tunnelUntil(({ state }) => state === "backoff");
    await sshd.start();
    await healed("sshd back");

    const { pid } = await tunnel();
    configureTunnel({}, "full");
    await ctl("reload");
    await ctl("tunnel", "test");
    await far.ask("answered");
    assert.is((await tunnel()).pid, pid, "what is not about the tunnel leaves it alone");

    configureTunnel({ remote_port: 8766 }, "full");
    await far.ask("forward", 8766);
    await ctl("reload");
    await healed("other remote port");
    assert.is.not((await tunnel()).pid, pid);

    // Between two commands: the daemon keeps request ids in its memory only.
    await far.ask("rest");
    const { pid: orphan } = await tunnel();
    program().child.kill("SIGKILL");
    const killed = Date.now();
    while (existsSync(`/proc/${orphan}`)) await sleep(50);
    const orphanMs = Date.now() - killed;
    await program().exit;
    await start();
    await far.ask("spoilAccess");
    await far.ask("count");
    await healed("daemon killed");
    await ctl("wait", "--for", "tunnel");

    const { counted: ids, repeated, attached, troubles, signIns } = await far.ask("rest");
    assert.equal(counted(), ids, "each once, and in order");
    assert.ok(attached > 0, "no repeated call met its command");
    assert.is(signIns, 1);

    console.log(
      `started and verified in ${startMs} ms; a cut cable noticed after ${noticedMs} ms; ssh ended ${orphanMs} ms after the daemon was killed`,
    );
    for (const [fault, { verifiedMs, answeredMs }] of times)
      console.log(`${fault}: verified after ${verifiedMs} ms, a call answered after ${answeredMs} ms`);
    console.log(
      `${ids.length} calls, ${repeated} repeated, ${attached} of them attached: ${JSON.stringify(troubles)}`,
    );
  }));

test.run();
