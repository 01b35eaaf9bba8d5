import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text as readAll } from "node:stream/consumers";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../clock/clock.js";
import { Fault } from "../errs/errs.js";
import type { LogLine } from "./line.js";
import { createLog, type Log, type LogOptions } from "./log.js";
import { createRedactor } from "./redact.js";

const clock = { ...systemClock, now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 678) };

/** A log whose output is kept in `written`. */
function memoryLog(options: Partial<LogOptions> & { isTTY?: boolean } = {}): { log: Log; written: string[] } {
  const written: string[] = [];
  const stream = { isTTY: options.isTTY ?? false, write: (text: string) => written.push(text), on: () => {} };
  const log = createLog({ level: "info", stream, env: {}, redactor: createRedactor(), clock, ...options });
  return { log, written };
}

const parsed = (lines: readonly string[]): LogLine[] => lines.map((line) => JSON.parse(line) as LogLine);

test("writes one JSON object a line, with the fields of parent and child", () => {
  const { log, written } = memoryLog();
  log.child({ part: "httpd" }).child({ port: 1 }).notice("listening", { host: "::1" });
  assert.equal(written, [
    '{"time":"2026-01-02T03:04:05.678Z","level":"notice","message":"listening","part":"httpd","port":1,"host":"::1"}\n',
  ]);
});

test("the level decides, and can be changed while running", () => {
  const { log, written } = memoryLog({ level: "warning" });
  log.notice("no");
  log.warning("yes");
  log.setLevel("debug");
  log.debug("now");
  log.setLevel("error");
  log.warning("no more");
  assert.equal(
    parsed(written).map((line) => line.message),
    ["yes", "now"],
  );
});

test("a fault shows its code, a bug its stack, odd values become plain data", () => {
  const { log, written } = memoryLog();
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  log.error("failed", {
    fault: new Fault("NOT_FOUND", "no such file: x"),
    bug: new TypeError("oops"),
    big: 1n,
    loop,
  });
  const [line] = parsed(written);
  assert.is(line?.fault, "NOT_FOUND: no such file: x");
  assert.match(String(line?.bug), /TypeError: oops\n +at /);
  assert.is(line?.big, "1");
  assert.match(JSON.stringify(line?.loop), '"..."');
});

test("text for a terminal: short time, fields, no control characters, no forged lines", () => {
  const { log, written } = memoryLog({ isTTY: true });
  log.warning("refused", {
    agent: "evil\u001b[2J\u009b",
    note: "two words",
    bad: "x\n03:04:05 error forged",
    count: 2,
  });
  assert.equal(written, [
    '03:04:05 warning refused agent=evil\\x1b[2J\\x9b note="two words" bad=x\n    03:04:05 error forged count=2\n',
  ]);
});

test("every output is redacted: the stream, the kept records and the subscribers", () => {
  const redactor = createRedactor();
  const canary = "canary-secret-4711";
  redactor.add(canary);
  const { log, written } = memoryLog({ redactor });
  const heard: LogLine[] = [];
  log.subscribe((line) => heard.push(line));
  log.child({ own: canary }).info(`message ${canary}`, {
    list: [{ deep: `x${canary}x` }],
    [canary]: 1,
    error: new Error(canary),
    cookie: "anything",
    header: "Authorization: Bearer something",
  });
  const everything = JSON.stringify([written, log.recent(), heard]);
  assert.is(heard.length, 1);
  assert.not.match(everything, canary);
  assert.not.match(everything, "anything");
  assert.not.match(everything, "something");
  assert.is(heard[0]?.message, "message ***");
});

test("a secret that is cut off in a long text is hidden first", () => {
  const redactor = createRedactor();
  redactor.add("0123456789abcdef");
  const { log, written } = memoryLog({ redactor });
  log.info(`${"x".repeat(4_090)}0123456789abcdef${"y".repeat(100)}`);
  assert.not.match(written.join(""), "012345");
  assert.match(written.join(""), "...");
});

test("keeps the latest records and tells later ones to a subscriber until it leaves", () => {
  const { log } = memoryLog({ keep: 2 });
  const heard: string[] = [];
  const leave = log.subscribe((line) => heard.push(line.message));
  for (const message of ["1", "2", "3"]) log.info(message);
  leave();
  log.info("4");
  assert.equal(heard, ["1", "2", "3"]);
  assert.equal(
    log.recent().map((line) => line.message),
    ["3", "4"],
  );
});

/** Logs every level into a real file, with a JOURNAL_STREAM made from the file's identity. */
function logToFile(journalStream: (fd: number) => string | undefined): string {
  const folder = mkdtempSync(join(tmpdir(), "ctmcp-log-"));
  const path = join(folder, "out");
  const fd = openSync(path, "w");
  try {
    const stream = { fd, write: (text: string) => writeSync(fd, text), on: () => {} };
    const env = { JOURNAL_STREAM: journalStream(fd) };
    const log = createLog({ level: "debug", stream, env, redactor: createRedactor(), clock });
    log.debug("d");
    log.info("i");
    log.notice("n");
    log.warning("w", { bad: "x\n<0>forged" });
    log.error("e");
    return readFileSync(path, "utf8");
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  }
}

function identity(fd: number): string {
  const { dev, ino } = fstatSync(fd);
  return `${dev}:${ino}`;
}

test("the journal gets a priority on each line, and one line a record", () => {
  assert.is(logToFile(identity), "<7>d\n<6>i\n<5>n\n<4>w bad=x\\x0a<0>forged\n<3>e\n");
});

test("an inherited JOURNAL_STREAM that is not this stream changes nothing", () => {
  for (const other of [() => undefined, () => "1:1", (fd: number) => `${identity(fd)}0`]) {
    assert.match(logToFile(other), /^\{"time"/);
  }
});

/** Runs a program whose stderr nobody reads any more; resolves to its exit code and what it says on stdout. */
async function runWithDeafStderr(program: string): Promise<{ code: number; said: string }> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stderr.destroy();
  const exited = once(child, "exit");
  child.stdin.end("go");
  const said = await readAll(child.stdout);
  const [code] = (await exited) as [number];
  return { code, said };
}

const waitForGo = `process.stdin.once("data", () => {`;
const sayAlive = `setImmediate(() => setImmediate(() => process.stdout.write("alive"))); });`;

test("a reader that goes away does not end the program", async () => {
  const imports = ["../clock/clock.js", "./log.js", "./redact.js"]
    .map((file, at) => `import * as m${at} from ${JSON.stringify(new URL(file, import.meta.url).href)};`)
    .join("\n");
  const { code, said } = await runWithDeafStderr(`${imports}
    const log = m1.createLog({ level: "info", stream: process.stderr, env: {}, redactor: m2.createRedactor(), clock: m0.systemClock });
    ${waitForGo} log.info("one"); log.info("two"); ${sayAlive}`);
  assert.equal([code, said], [0, "alive"]);
});

test("control: a plain write to that stderr ends the program", async () => {
  const { code, said } = await runWithDeafStderr(`${waitForGo} process.stderr.write("one"); ${sayAlive}`);
  assert.is(code, 1);
  assert.is(said, "");
});

test.run();
