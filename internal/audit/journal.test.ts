import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { segmentsIn } from "./files.js";
import { codeOf, makeShelf, type Shelf } from "./journal.test.util.js";
import { verifyAudit } from "./verify.js";

let shelf: Shelf;
test.before.each(() => {
  shelf = makeShelf();
});
test.after.each(() => shelf.remove());

test("an event is in the file when append returns, for its owner's eyes only", () => {
  const journal = shelf.open();
  journal.append({ event: "call_started", tool: "exec_command" });
  assert.equal(
    shelf.records().map(({ seq, event, tool }) => [seq, event, tool]),
    [[1, "call_started", "exec_command"]],
  );
  assert.is(statSync(shelf.dir).mode & 0o777, 0o700);
  for (const name of readdirSync(shelf.dir)) assert.is(statSync(join(shelf.dir, name)).mode & 0o777, 0o600);
  journal.close();
});

test("what is noted comes soon, before what is appended later", async () => {
  const journal = shelf.open();
  journal.note({ event: "call" });
  assert.is(shelf.records().length, 0);
  await setImmediate();
  assert.is(shelf.records().length, 1);
  journal.note({ event: "second" });
  journal.append({ event: "third" });
  assert.equal(
    shelf.records().map(({ event }) => event),
    ["call", "second", "third"],
  );
  journal.close();
});

test("many at once are written as they came, file after file", async () => {
  const journal = shelf.open({ maxBytes: () => 4_000, keep: () => 100 });
  for (let i = 1; i <= 100; i++) journal.note({ event: `e${i}` });
  await setImmediate();
  assert.equal(
    shelf.records().map(({ seq, event }) => [seq, event]),
    Array.from({ length: 100 }, (_, i) => [i + 1, `e${i + 1}`]),
  );
  journal.close();
});

test("order is by number when the clock jumps, back and forth", () => {
  let now = Date.parse("2026-03-01");
  const journal = shelf.open({ clock: { ...shelf.clock, now: () => now } });
  for (const jump of [0, 86_400_000, -2 * 86_400_000, 5]) {
    now += jump;
    journal.append({ event: "call" });
  }
  journal.close();
  const records = shelf.records();
  assert.equal(
    records.map(({ seq }) => seq),
    [1, 2, 3, 4],
  );
  assert.ok((records[2]?.time ?? "") < (records[0]?.time ?? ""), "control: the times do go back");
  assert.is(verifyAudit(shelf.dir).flaw, null);
});

test("a line that a crash cut off is taken away, and that is recorded", () => {
  shelf.open().append({ event: "call" });
  appendFileSync(segmentsIn(shelf.dir)[0] ?? "", '{"seq":2,"time":"2026-');
  const journal = shelf.open();
  journal.append({ event: "call" });
  assert.equal(
    shelf.records().map(({ event, dropped_bytes: bytes }) => [event, bytes]),
    [
      ["call", undefined],
      ["recovered", 22],
      ["call", undefined],
    ],
  );
  assert.is(verifyAudit(shelf.dir).flaw, null);
  journal.close();
});

test("a file that was begun and never written is gone on with", () => {
  const journal = shelf.open({ maxBytes: () => 150 });
  journal.append({ event: "call" });
  journal.close();
  writeFileSync(join(shelf.dir, "audit-000000000002.jsonl"), "", { mode: 0o600 });
  shelf.open().append({ event: "call" });
  assert.is(verifyAudit(shelf.dir).flaw, null);
  assert.is(shelf.records().length, 2);
});

test("a journal that is removed under the daemon is begun again, and the gap shows", () => {
  const journal = shelf.open();
  journal.append({ event: "call" });
  rmSync(shelf.dir, { recursive: true });
  journal.append({ event: "call" });
  assert.is(shelf.records()[0]?.seq, 2);
  assert.is.not(verifyAudit(shelf.dir).flaw, null);
  journal.close();
});

test("killed at any moment, it can be gone on with, and what was appended is there", async () => {
  const script = `
    import { createJournal } from ${JSON.stringify(new URL("journal.js", import.meta.url).href)};
    const clock = { now: () => Date.now(), monotonic: () => performance.now(), after: () => () => {} };
    const journal = createJournal({ dir: process.argv[1], clock, maxBytes: () => 4000, keep: () => 1000,
      clean: (event) => event, onState: () => {} });
    for (let n = 0; ; n++) { journal.append({ event: "call", text: "x".repeat(n % 300) }); process.stdout.write("."); }`;
  let told = 0;
  for (let round = 0; round < 8; round++) {
    const child = spawn(process.execPath, ["--input-type=module", "-e", script, shelf.dir], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    child.stdout.on("data", (dots: Buffer) => {
      told += dots.length;
      if (dots.length > 0 && Math.random() < 0.3) child.kill("SIGKILL");
    });
    await once(child, "close");
    const { flaw, records } = verifyAudit(shelf.dir);
    assert.is(flaw, null, JSON.stringify(flaw));
    assert.ok(records >= told, `${records} of ${told}`);
  }
});

test("a folder that cannot be made is told, and reading can go on", async () => {
  rmSync(shelf.dir, { recursive: true });
  writeFileSync(shelf.dir, "");
  const journal = shelf.open();
  assert.is(
    codeOf(() => journal.append({ event: "call_started" })),
    "AUDIT_UNAVAILABLE",
  );
  journal.note({ event: "call" });
  await setImmediate();
  rmSync(shelf.dir);
  mkdirSync(shelf.dir);
  await shelf.clock.advance(5_000);
  assert.equal(
    shelf.records().map(({ event }) => event),
    ["call"],
  );
  journal.close();
});

test.run();
