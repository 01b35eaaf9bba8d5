import { createServer } from "node:http";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Clock, systemClock } from "../clock/clock.js";
import { createProbeResponder, type ProbeResponder } from "./probe-responder.js";
import { listen } from "./tls.test.util.js";

async function withServer(
  responder: ProbeResponder,
  run: (ask: (target: string) => Promise<{ status: number; text: string }>) => Promise<void>,
): Promise<void> {
  const { port, close } = await listen(createServer((req, res) => responder.answer(req.url ?? "", res)));
  const ask = async (target: string): Promise<{ status: number; text: string }> => {
    const answer = await fetch(`http://127.0.0.1:${port}${target}`);
    return { status: answer.status, text: await answer.text() };
  };
  await run(ask).finally(close);
}

const unknown = { status: 404, text: '{"error":"Unknown endpoint"}' };

test("an answer holds the proof and nothing else, once", () => {
  const responder = createProbeResponder({ clock: systemClock });
  return withServer(responder, async (ask) => {
    const { path, proof } = responder.issue();
    assert.equal(await ask(path), { status: 200, text: JSON.stringify({ proof }) });
    assert.equal(await ask(path), unknown);
  });
});

test("what was not issued looks like any unknown path", () => {
  const responder = createProbeResponder({ clock: systemClock });
  return withServer(responder, async (ask) => {
    const { path } = responder.issue();
    const prefix = path.slice(0, -22);
    for (const target of [prefix, `${prefix}${"A".repeat(22)}`, `${path}x`, `${path}/`, path.slice(0, -1)])
      assert.equal(await ask(target), unknown, target);
  });
});

test("a nonce ends after 20 seconds", () => {
  let now = 0;
  const clock: Clock = { ...systemClock, monotonic: () => now };
  const responder = createProbeResponder({ clock });
  return withServer(responder, async (ask) => {
    const [early, late] = [responder.issue(), responder.issue()];
    now = 19_999;
    assert.is((await ask(early.path)).status, 200);
    now = 20_000;
    assert.equal(await ask(late.path), unknown);
  });
});

test("sixteen wait at most, the oldest goes first", () => {
  const responder = createProbeResponder({ clock: systemClock });
  return withServer(responder, async (ask) => {
    const tickets = Array.from({ length: 17 }, () => responder.issue());
    const statuses = [];
    for (const { path } of tickets) statuses.push((await ask(path)).status);
    assert.equal(statuses, [404, ...Array(16).fill(200)]);
  });
});

test("proofs of two processes differ for the same nonce", async () => {
  const [one, other] = [1, 2].map(() => createProbeResponder({ clock: systemClock }));
  assert.ok(one && other);
  assert.is.not(one.issue().proof, other.issue().proof);
  assert.is.not(one.issue().proof, one.issue().proof);
});

test("a stream is proven at once and goes on a second later", async () => {
  let goOn = (): void => {};
  const clock: Clock = {
    ...systemClock,
    after(ms, run) {
      assert.is(ms, 1_000);
      goOn = run;
      return () => {};
    },
  };
  const responder = createProbeResponder({ clock });
  const { port, close } = await listen(createServer((req, res) => responder.answer(req.url ?? "", res)));
  const { path, proof } = responder.issue();
  const answer = await fetch(`http://127.0.0.1:${port}${path}?stream`);
  assert.is(answer.headers.get("content-type"), "text/event-stream");
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  assert.equal(await reader?.read(), { done: false, value: `data: ${JSON.stringify({ proof })}\n\n` });
  goOn();
  assert.equal(await reader?.read(), { done: false, value: "data: {}\n\n" });
  assert.is((await reader?.read())?.done, true);
  close();
});

test.run();
