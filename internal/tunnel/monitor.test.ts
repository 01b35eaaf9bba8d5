import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ProbeResult } from "./probe.js";
import {
  bad,
  createStage,
  down,
  fault,
  good,
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

test("a probe that comes back counts for more than the program's silence", async () => {
  stage = createStage({ hostname });
  await reach(stage, "verified", 5_000);
  assert.not.ok(stage.changes.includes("connected"));
});

test("without any url it is connected, and never probed", async () => {
  stage = createStage();
  stage.onChild = (child) => child.say(ready);
  await stage.advance(600_000);
  assert.is(stage.tunnel.report().state, "connected");
  assert.is(stage.probes, 0);
  assert.is(stage.children.length, 1);
  const tested = await stage.tunnel.test();
  assert.is(tested.ok ? "" : tested.fault.code, "PUBLIC_URL_UNKNOWN");
});

test("one failed probe changes nothing, the second degrades", async () => {
  await verified();
  stage.edge = bad("PUBLIC_OFFLINE");
  const before = stage.probes;
  while (stage.probes === before) await stage.advance(250);
  assert.is(stage.tunnel.report().state, "verified");
  stage.edge = good;
  await stage.advance(10_000);
  stage.edge = bad("PUBLIC_OFFLINE");
  await reach(stage, "degraded", 90_000);
  assert.is(stage.tunnel.report().fault?.code, "PUBLIC_OFFLINE");
  stage.edge = good;
  await reach(stage, "verified", 20_000);
  assert.is(stage.children.length, 1);
});

test("what stays wrong outside is met with another start, after 90 seconds", async () => {
  await verified();
  stage.edge = bad("PUBLIC_OFFLINE");
  await reach(stage, "degraded", 90_000);
  await stage.advance(89_000);
  assert.is(stage.children.length, 1);
  await stage.advance(2_000);
  assert.is(stage.children.length, 2);
  assert.is(stage.mostRunning, 1);
});

test("what another start does not mend gets none, and heals by itself", async () => {
  await verified();
  stage.edge = bad("PUBLIC_BOT_WALL", "degraded");
  await reach(stage, "degraded", 90_000);
  await stage.advance(day / 4);
  assert.is(stage.children.length, 1);
  assert.is(stage.tunnel.report().fault?.code, "PUBLIC_BOT_WALL");
  stage.edge = good;
  await reach(stage, "verified", 20_000);
  assert.is(stage.tunnel.report().fault, null);
});

test("a tunnel that worked and that its edge has lost gets one more start, after some minutes", async () => {
  await verified();
  stage.edge = bad("PUBLIC_GATEWAY", "degraded");
  await reach(stage, "degraded", 90_000);
  await stage.advance(260_000);
  assert.is(stage.children.length, 1);
  await stage.advance(20_000);
  assert.is(stage.children.length, 2);
  assert.ok(stage.changes.includes("backoff PUBLIC_GATEWAY"));
  await stage.advance(day / 4);
  assert.is(stage.children.length, 2, "which was not verified, so that none follows");
  stage.edge = good;
  await reach(stage, "verified", 20_000);
});

test("without a url the program's word takes back what it complained of", async () => {
  stage = createStage();
  stage.onChild = (child) => child.say(ready);
  await reach(stage, "connected", 2_000);
  stage.child.say(signLine({ kind: "fault", fault: fault("CHANNEL", "degraded") }));
  assert.is(stage.changes.at(-1), "degraded CHANNEL");
  stage.child.say(ready);
  assert.is(stage.changes.at(-1), "connected");
});

test("control: with a url its word is not enough", async () => {
  await verified();
  stage.edge = bad("PUBLIC_WRONG_PORT", "degraded");
  stage.child.say(signLine({ kind: "fault", fault: fault("CHANNEL", "degraded") }));
  stage.child.say(ready);
  assert.is(stage.changes.at(-1), "degraded CHANNEL");
});

test("behind a wall for probes, a program that says nothing is left alone", async () => {
  stage = createStage({ hostname });
  stage.edge = bad("PUBLIC_BOT_WALL", "degraded");
  await stage.advance(day / 4);
  assert.is(stage.children.length, 1);
  assert.is(stage.changes.at(-1), "degraded PUBLIC_BOT_WALL");
  stage.edge = good;
  await reach(stage, "verified", 20_000);
});

test("control: when nothing answers, it is started again", async () => {
  stage = createStage({ hostname });
  stage.edge = bad("PUBLIC_NO_ANSWER");
  await stage.advance(150_000);
  assert.ok(stage.children.length > 1);
});

test("without a url a request with the mark of this start proves it, and no other", async () => {
  stage = createStage();
  stage.launch = async () => ({ mark: `mark ${stage.children.length}` });
  stage.onChild = (child) => child.say(ready);
  await reach(stage, "connected", 2_000);
  stage.tunnel.arrived("mark of a stranger");
  assert.is(stage.tunnel.report().state, "connected");
  assert.is(stage.tunnel.report().verified_at, null);
  stage.tunnel.arrived("mark 0");
  assert.is(stage.tunnel.report().state, "verified");
  stage.tunnel.restart();
  await reach(stage, "connected", 2_000);
  stage.tunnel.arrived("mark 0");
  assert.is(stage.tunnel.report().state, "connected");
});

test("a lost link degrades at once, and is given time to come back", async () => {
  await verified();
  stage.edge = bad("PUBLIC_BOT_WALL", "degraded");
  stage.child.say(down);
  assert.is(stage.changes.at(-1), "degraded TUNNEL_LINK_DOWN");
  await stage.advance(30_000);
  assert.is(stage.changes.at(-1), "degraded TUNNEL_LINK_DOWN");
  stage.edge = good;
  stage.child.say(ready);
  await reach(stage, "verified", 2_000);
  stage.edge = bad("PUBLIC_BOT_WALL", "degraded");
  stage.child.say(down);
  await stage.advance(92_000);
  assert.is(stage.children.length, 2);
});

test("the program's endpoint is asked every second until it is ready, then every 15", async () => {
  stage = createStage({ hostname });
  let polls = 0;
  stage.launch = async () => ({
    async poll() {
      polls += 1;
      return polls === 10 ? { kind: "ready" } : undefined;
    },
  });
  stage.edge = bad("PUBLIC_OFFLINE");
  await stage.advance(9_750);
  assert.is(polls, 9);
  stage.edge = good;
  await reach(stage, "verified", 1_000);
  polls = 100;
  await stage.advance(60_000);
  assert.is(polls, 104);
});

test("a program whose endpoint no longer answers is taken for hung", async () => {
  stage = createStage({ hostname });
  let answers = true;
  stage.launch = async () => ({
    poll: async () => (answers ? { kind: "ready" } : new Promise(() => undefined)),
  });
  await reach(stage, "verified", 2_000);
  answers = false;
  stage.edge = bad("PUBLIC_BOT_WALL", "degraded");
  await stage.advance(150_000);
  assert.ok(stage.changes.includes("degraded TUNNEL_LINK_DOWN"));
  assert.is(stage.children.length, 2);
});

test("where somebody else runs the tunnel it is verified all the same", async () => {
  stage = createStage({ hostname, config: { provider: "none" }, provider: { program: undefined } });
  await reach(stage, "verified", 2_000);
  stage.edge = bad("PUBLIC_OFFLINE");
  await reach(stage, "degraded", 90_000);
  await stage.advance(day / 4);
  assert.is(stage.tunnel.report().state, "degraded");
  stage.edge = good;
  await reach(stage, "verified", 20_000);
  assert.is(stage.children.length, 0);
  assert.not.ok(stage.changes.includes("backoff"));
});

test("a test probes at once in every state, and counts", async () => {
  await verified();
  stage.edge = bad("PUBLIC_OFFLINE");
  assert.not((await stage.tunnel.test()).ok);
  assert.is(stage.tunnel.report().state, "verified");
  assert.not((await stage.tunnel.test()).ok);
  assert.is(stage.tunnel.report().state, "degraded");
  stage.child.say(signLine({ kind: "fault", fault: fault("BAD_TOKEN", "blocked") }));
  await reach(stage, "blocked", 1_000);
  stage.edge = good;
  assert.ok((await stage.tunnel.test()).ok);
  assert.is(stage.tunnel.report().state, "blocked");
});

test("a probe that never comes back is a failed one", async () => {
  await verified();
  stage.edge = undefined;
  await reach(stage, "degraded", 150_000);
  assert.is(stage.tunnel.report().fault?.code, "PUBLIC_NO_ANSWER");
});

test("what a probe of an earlier url found does not count", async () => {
  stage = createStage();
  let answer = (_result: ProbeResult): void => undefined;
  stage.edge = new Promise((resolve) => {
    answer = resolve;
  });
  await stage.advance(250);
  stage.child.say(signLine({ kind: "ready", url: "https://one.example.net" }));
  await stage.advance(250);
  stage.edge = undefined;
  stage.child.say(signLine({ kind: "ready", url: "https://two.example.net" }));
  answer(good);
  await stage.advance(250);
  assert.is(stage.tunnel.report().state, "connected");
  assert.is(stage.tunnel.report().url, "https://two.example.net/mcp");
  stage.edge = good;
  await reach(stage, "verified", 30_000);
});

test("a probe that was sent before the link was lost is followed by another", async () => {
  await verified();
  let answer = (_result: ProbeResult): void => undefined;
  stage.edge = new Promise((resolve) => {
    answer = resolve;
  });
  const before = stage.probes;
  while (stage.probes === before) await stage.advance(250);
  stage.child.say(down);
  await stage.advance(1_000);
  stage.edge = bad("PUBLIC_OFFLINE");
  answer(good);
  await stage.advance(1_000);
  assert.is(stage.probes, before + 2);
  await reach(stage, "degraded", 10_000);
});

test("a link that comes and goes is probed once a second at most", async () => {
  await verified();
  const before = stage.probes;
  for (let count = 0; count < 40; count += 1) {
    stage.child.say(count % 2 === 0 ? down : ready);
    await stage.advance(250);
  }
  assert.ok(stage.probes - before > 5);
  assert.ok(stage.probes - before <= 11);
});

test("without a network nothing else is to blame, and no start is wasted", async () => {
  await verified();
  stage.network = "";
  stage.edge = bad("PUBLIC_OFFLINE");
  await reach(stage, "degraded", 90_000);
  await stage.advance(600_000);
  assert.is(stage.tunnel.report().fault?.code, "PUBLIC_NETWORK_DOWN");
  assert.is(stage.children.length, 1);
  stage.edge = good;
  stage.network = "10.0.0.1";
  await reach(stage, "verified", 11_000);
});

test("a remark stands beside a tunnel that works", async () => {
  await verified();
  stage.edge = { ok: true, firstByteMs: 1, remark: fault("PUBLIC_CLOCK_SKEW", "info") };
  await stage.tunnel.test();
  assert.is(stage.changes.at(-1), "verified PUBLIC_CLOCK_SKEW");
  stage.edge = good;
  await stage.tunnel.test();
  assert.is(stage.tunnel.report().fault, null);
  stage.child.say(signLine({ kind: "fault", fault: fault("INTERSTITIAL", "info") }));
  await stage.advance(600_000);
  assert.is(stage.changes.at(-1), "verified INTERSTITIAL");
});

test.run();
