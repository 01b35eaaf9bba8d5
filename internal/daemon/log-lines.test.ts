import { test } from "uvu";
import * as assert from "uvu/assert";
import { createTestClock } from "../../test/support/clock.js";
import { createLog, type Log } from "../log/log.js";
import { createRedactor } from "../log/redact.js";
import { followLog } from "./log-lines.js";

function makeLog(): Log {
  const stream = { write: () => true, on: () => {} };
  return createLog({ level: "info", stream, env: {}, redactor: createRedactor(), clock: createTestClock() });
}

test("lines that are remembered come first, then those to come, until the reader leaves", async () => {
  const log = makeLog();
  log.info("one");
  const reader = new AbortController();
  const lines = followLog(log, { follow: true, signal: reader.signal });
  assert.is((await lines.next()).value?.message, "one");
  log.info("two");
  const later = [lines.next(), lines.next()];
  log.info("three");
  assert.equal(
    (await Promise.all(later)).map(({ value }) => value?.message),
    ["two", "three"],
  );
  const last = lines.next();
  reader.abort();
  assert.ok((await last).done);
});

test("without follow it ends with what is remembered", async () => {
  const log = makeLog();
  log.info("one");
  const read: string[] = [];
  const { signal } = new AbortController();
  for await (const { message } of followLog(log, { follow: false, signal })) read.push(message);
  assert.equal(read, ["one"]);
});

test("a reader that falls behind loses the oldest lines, not the latest", async () => {
  const log = makeLog();
  const reader = new AbortController();
  const lines = followLog(log, { follow: true, signal: reader.signal });
  const first = lines.next();
  for (let n = 0; n < 3_000; n++) log.info(`line ${n}`);
  await first;
  let last = "";
  while (last !== "line 2999") last = String((await lines.next()).value?.message);
  reader.abort();
});

test.run();
