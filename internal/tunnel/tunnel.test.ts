import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { TunnelRefusal } from "./refusal.js";
import {
  createStage,
  fault,
  reach,
  ready,
  type Stage,
  type StageOptions,
  signLine,
} from "./tunnel.test.util.js";

const hostname = "mcp.example.com";
const day = 86_400_000;
let stage: Stage;

test.after.each(() => stage.close());

/** A stage whose program connects at once, brought to `verified`. */
async function verified(options: StageOptions = {}): Promise<Stage> {
  stage = createStage({ hostname, ...options });
  stage.onChild = (child) => child.say(ready);
  await reach(stage, "verified", 2_000);
  return stage;
}

test("comes up by the program's word and a probe", async () => {
  stage = createStage({ hostname });
  assert.is(stage.tunnel.report().state, "off");
  await stage.advance(500);
  assert.equal(stage.changes, ["starting", "connecting"]);
  assert.is(stage.tunnel.report().pid, 100);
  stage.child.say(ready);
  await stage.advance(250);
  assert.equal(stage.changes, ["starting", "connecting", "connected", "verified"]);
  const report = stage.tunnel.report();
  assert.is(report.url, "https://mcp.example.com/mcp");
  assert.is(report.restarts, 0);
  assert.is(report.verified_at, "1970-01-01T00:00:00.750Z");
  assert.equal(report.lines, [ready]);
  assert.equal(stage.urls, ["probe https://mcp.example.com"]);
});

test("a url the program tells is known before it is probed, and gone with the program", async () => {
  stage = createStage();
  const tell = (name: string) => signLine({ kind: "ready", url: `https://${name}.example.net/` });
  stage.onChild = (child) => child.say(tell("one"));
  await reach(stage, "verified", 2_000);
  assert.is(stage.tunnel.report().url, "https://one.example.net/mcp");
  stage.onChild = (child) => child.say(tell("two"));
  stage.child.end();
  await reach(stage, "backoff", 250);
  assert.is(stage.tunnel.report().url, null);
  await reach(stage, "verified", 2_000);
  assert.equal(stage.urls, [
    "url https://one.example.net",
    "probe https://one.example.net",
    "url undefined",
    "url https://two.example.net",
    "probe https://two.example.net",
  ]);
});

test("while a program takes its time to end, the tunnel is not said to be what it was", async () => {
  await verified();
  stage.child.stopMs = 5_000;
  stage.tunnel.restart();
  assert.is(stage.tunnel.report().state, "starting");
  await stage.advance(4_000);
  assert.is(stage.tunnel.report().state, "starting");
  assert.is(stage.children.length, 1);
  await reach(stage, "verified", 5_000);
  assert.is(stage.children.length, 2);
  stage.child.stopMs = 5_000;
  const closed = stage.tunnel.close();
  assert.is(stage.tunnel.report().state, "off");
  await stage.advance(6_000);
  await closed;
});

test("an end is followed by a wait and another start, and says what the program said", async () => {
  await verified();
  stage.child.say(signLine({ kind: "fault", fault: fault("REFUSED", "backoff") }));
  assert.is(stage.tunnel.report().state, "verified");
  stage.child.end();
  await reach(stage, "backoff", 250);
  const report = stage.tunnel.report();
  assert.is(report.fault?.code, "REFUSED");
  assert.is(report.pid, null);
  assert.ok(Date.parse(report.next_start_at ?? "") > stage.clock.now());
  await reach(stage, "verified", 3_000);
  assert.is(stage.tunnel.report().restarts, 1);
  assert.is(stage.tunnel.report().next_start_at, null);
  stage.child.end({ code: null, signal: "SIGKILL" });
  await reach(stage, "backoff", 250);
  assert.is(stage.tunnel.report().fault?.code, "TUNNEL_ENDED");
});

test("a permanent fault stops the program and stays until a restart", async () => {
  await verified();
  stage.child.stopMs = 9_000;
  stage.onChild = () => undefined;
  stage.child.say(signLine({ kind: "fault", fault: fault("BAD_TOKEN", "blocked") }));
  await reach(stage, "blocked", 10_000);
  assert.is(stage.running, 0);
  stage.network = "";
  await stage.advance(60_000);
  stage.network = "10.0.0.2";
  await stage.advance(day / 2);
  assert.is(stage.children.length, 1);
  assert.is(stage.tunnel.report().fault?.code, "BAD_TOKEN");
  stage.onChild = (child) => child.say(ready);
  stage.tunnel.restart();
  await reach(stage, "verified", 2_000);
});

test("a provider that refuses to start is blocked, or tried again, as it says", async () => {
  stage = createStage({ hostname });
  let of: "blocked" | "backoff" = "blocked";
  stage.launch = async () => Promise.reject(new TunnelRefusal(fault("NO_TOKEN", of)));
  await reach(stage, "blocked", 1_000);
  of = "backoff";
  stage.tunnel.restart();
  await reach(stage, "backoff", 1_000);
  assert.is(stage.tunnel.report().fault?.code, "NO_TOKEN");
  stage.launch = async () => Promise.reject(new TypeError("a bug"));
  await stage.advance(10_000);
  assert.is(stage.tunnel.report().fault?.code, "TUNNEL_CRASH_LOOP");
  assert.ok(stage.errors > 0);
  assert.is(stage.children.length, 0);
});

test("a program that is not there blocks, one that the system does not start now is tried again", async () => {
  stage = createStage({ hostname });
  for (const [reason, code] of [
    ["missing", "PROGRAM_MISSING"],
    ["not-executable", "PROGRAM_NOT_EXECUTABLE"],
  ] as const) {
    stage.start = { ok: false, reason, message: "" };
    stage.tunnel.restart();
    await stage.advance(250);
    assert.is(stage.changes.at(-1), `blocked ${code}`);
  }
  stage.start = { ok: false, reason: "failed", message: "EAGAIN" };
  stage.tunnel.restart();
  await reach(stage, "backoff", 1_000);
  assert.is(stage.tunnel.report().fault?.code, "TUNNEL_START_FAILED");
  stage.start = undefined;
  stage.onChild = (child) => child.say(ready);
  await reach(stage, "verified", 10_000);
});

test("a program that does not connect, or prepare, in time is started again", async () => {
  stage = createStage();
  await stage.advance(59_000);
  assert.is(stage.tunnel.report().state, "connecting");
  await stage.advance(1_500);
  assert.ok(stage.changes.includes("backoff TUNNEL_CONNECT_TIMEOUT"));
  assert.is(stage.children.length, 2);
  stage.launch = () => new Promise(() => undefined);
  stage.tunnel.restart();
  await stage.advance(29_000);
  assert.is(stage.tunnel.report().state, "starting");
  await stage.advance(2_000);
  assert.is(stage.changes.at(-2), "backoff TUNNEL_START_FAILED");
});

test("a network that comes back ends the wait, one that changes is a reason to look", async () => {
  await verified();
  stage.onChild = (child) => child.end();
  stage.child.end();
  stage.network = "";
  await stage.advance(120_000);
  await reach(stage, "backoff", 60_000);
  assert.is(stage.tunnel.report().fault?.code, "PUBLIC_NETWORK_DOWN");
  const due = Date.parse(stage.tunnel.report().next_start_at ?? "");
  stage.onChild = (child) => child.say(ready);
  stage.network = "10.0.0.2";
  await reach(stage, "verified", 11_000);
  assert.ok(stage.clock.now() < due);
  const before = stage.probes;
  stage.network = "10.0.0.3";
  await stage.advance(11_000);
  assert.is(stage.probes, before + 1);
});

test("a program that keeps ending is said to, in its own words", async () => {
  stage = createStage({ hostname });
  stage.onChild = (child) => {
    child.say(signLine({ kind: "fault", fault: fault("REFUSED", "backoff") }));
    child.end();
  };
  await stage.advance(20_000);
  const { state, fault: why } = stage.tunnel.report();
  assert.is(state, "backoff");
  assert.is(why?.code, "TUNNEL_CRASH_LOOP");
  assert.match(why?.text ?? "", "REFUSED happened");
  assert.is(stage.children.length, 5);
  await stage.advance(600_000);
  assert.ok(stage.children.length <= 20);
});

test("waits grow until it was verified for a minute", async () => {
  await verified();
  const crash = async (): Promise<number> => {
    const begin = stage.clock.now();
    const before = stage.children.length;
    stage.child.end();
    while (stage.children.length === before) await stage.advance(250);
    const waited = stage.clock.now() - begin;
    await reach(stage, "verified", 2_000);
    return waited;
  };
  for (let count = 0; count < 6; count += 1) await crash();
  assert.ok((await crash()) > 5_000);
  await stage.advance(61_000);
  assert.ok((await crash()) <= 500);
});

test("words that the provider cannot read do no harm", async () => {
  await verified();
  stage.child.say("sign {");
  stage.child.say(signLine({ kind: "ready", url: "no url" }));
  assert.is(stage.errors, 2);
  assert.is(stage.tunnel.report().state, "verified");
});

test("each start finds its folder empty", async () => {
  stage = createStage({ hostname });
  const files: boolean[] = [];
  stage.onChild = ({ options: { directory = "" } }) => {
    files.push(existsSync(join(directory, "token")));
    mkdirSync(dirname(directory), { recursive: true });
    writeFileSync(join(directory, "token"), "secret");
  };
  await stage.advance(500);
  stage.tunnel.restart();
  await stage.advance(1_000);
  assert.equal(files, [false, false]);
});

test("however often it is restarted, there is one program at a time", async () => {
  await verified();
  stage.onChild = (child) => {
    child.stopMs = 5_000;
  };
  for (let count = 0; count < 50; count += 1) {
    stage.tunnel.restart();
    if (count % 5 === 0) await stage.advance(250);
  }
  await stage.advance(30_000);
  assert.is(stage.mostRunning, 1);
  assert.is(stage.running, 1);
});

test("closing ends the program, every timer and every report", async () => {
  for (const ms of [0, 250, 3_000, 100_000]) {
    stage = createStage({ hostname });
    if (ms > 0) stage.onChild = (child) => child.say(ready);
    await stage.advance(ms);
    await stage.close();
    assert.is(stage.running, 0);
    assert.is(stage.tunnel.report().state, "off");
    assert.is(stage.clock.pending(), 0);
  }
});

test("closing in a wait or in blocked ends it too", async () => {
  for (const of of ["backoff", "blocked"] as const) {
    stage = createStage({ hostname });
    stage.onChild = (child) => {
      child.say(signLine({ kind: "fault", fault: fault("X", of) }));
      child.end();
    };
    await reach(stage, of, 2_000);
    await stage.close();
    assert.is(stage.clock.pending(), 0);
  }
});

test.run();
