import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createTestClock, type TestClock } from "../../test/support/clock.js";
import { systemClock } from "../clock/clock.js";
import { type Child, spawnChild } from "./child.js";

/** Tells the pids of a program and of what that started, and runs on. */
const family = 'trap "" TERM; sleep 1000 & echo "$$ $!"; wait; wait';

// The daemon that is killed below is this file run again.
if (process.argv[2] === "daemon") await runDaemon();
else runTests();

async function runDaemon(): Promise<void> {
  const start = await spawnChild({
    argv: ["/bin/sh", "-c", family],
    env: {},
    clock: systemClock,
    redact: (text) => text,
    onLine: (line) => process.stdout.write(`${line}\n`),
  });
  if (start.ok) await start.child.exit;
}

function runTests(): void {
  let dir = "";
  let clock: TestClock;
  test.before.each(() => {
    dir = mkdtempSync(join(tmpdir(), "child-"));
    clock = createTestClock();
  });
  test.after.each(() => rmSync(dir, { recursive: true }));

  /** Runs a shell script as the child; `told` resolves with its first line, and `all` grows. */
  async function run(script: string, env: Record<string, string> = {}): Promise<Running> {
    const all: string[] = [];
    let tell = (_line: string): void => undefined;
    const told = new Promise<string>((resolve) => {
      tell = resolve;
    });
    const start = await spawnChild({
      argv: ["/bin/sh", "-c", script],
      env,
      directory: dir,
      clock,
      redact: (text) => text.replaceAll("hunter2", "***"),
      onLine(line) {
        all.push(line);
        tell(line);
      },
    });
    if (!start.ok) throw new Error(start.message);
    return { child: start.child, told, all };
  }

  test("tells every line of both outputs before the exit", async () => {
    const { child, all } = await run("echo one; echo two >&2; printf '\\nthree\\r\\nfour'; exit 3");
    assert.equal(await child.exit, { code: 3, signal: null });
    assert.equal(all.toSorted(), ["four", "one", "three", "two"]);
    assert.equal(child.lines(), all);
  });

  test("gives the program its environment and folder, and neither input nor other descriptors", async () => {
    const { child, all } = await run('echo "$A $HOME"; pwd; cat; ls /dev/fd/3 || echo closed', { A: "1 2" });
    await child.exit;
    assert.is(all[0], "1 2 ");
    assert.is(all[1], dir);
    assert.ok(all.includes("closed"));
  });

  test("says which signal ended it", async () => {
    const { child } = await run("kill -9 $$");
    assert.equal(await child.exit, { code: null, signal: "SIGKILL" });
  });

  test("stops the program and what it started", async () => {
    const { child, told } = await run('sleep 1000 & echo "$!"; wait');
    const grandchild = Number(await told);
    assert.equal(await child.stop(), { code: null, signal: "SIGTERM" });
    assert.equal(await child.stop(), { code: null, signal: "SIGTERM" });
    await gone(child.pid, grandchild);
  });

  test("kills what does not stop within 10 seconds", async () => {
    const { child, told } = await run(family);
    const pids = (await told).split(" ").map(Number);
    const stopped = child.stop();
    clock.advance(9_999);
    await pause(0);
    assert.ok(isAlive(child.pid));
    clock.advance(1);
    assert.equal(await stopped, { code: null, signal: "SIGKILL" });
    await gone(...pids);
  });

  test("a program that ends leaves nothing of its group behind", async () => {
    const { child, told } = await run('sleep 1000 & echo "$!"');
    await child.exit;
    await gone(Number(await told));
    assert.is(groupOf(child.pid), "");
  });

  test("control: without a supervisor that stays behind", async () => {
    const orphan = spawn("/bin/sh", ["-c", 'sleep 1000 & echo "$!"'], { detached: true });
    const pid = Number(await firstLine(orphan));
    assert.ok(isAlive(pid));
    process.kill(pid, "SIGKILL");
  });

  test("output held open by what left the group does not hold up the exit", async () => {
    const { child, told } = await run('setsid sleep 1000 & echo "$!"; sleep 0.2');
    const pid = Number(await told);
    const exit = child.exit.then(() => "ended");
    while (isAlive(child.pid)) await pause(10);
    assert.is(await Promise.race([exit, pause(100, "held")]), "held");
    clock.advance(1_000);
    assert.is(await exit, "ended");
    assert.ok(isAlive(pid));
    process.kill(pid, "SIGKILL");
  });

  test("ends with a daemon that is killed, also when it ignores SIGTERM", async () => {
    const daemon = spawn(process.execPath, [fileURLToPath(import.meta.url), "daemon"]);
    const pids = (await firstLine(daemon)).split(" ").map(Number);
    assert.ok(pids.every(isAlive));
    daemon.kill("SIGKILL");
    await gone(...pids);
  });

  test("control: without a guardian it outlives its daemon", async () => {
    const script = `
      const { spawn } = require("node:child_process");
      spawn("/bin/sh", ["-c", process.argv[1]], { detached: true, stdio: ["ignore", "inherit", "inherit"] });`;
    const daemon = spawn(process.execPath, ["-e", script, family]);
    const pids = (await firstLine(daemon)).split(" ").map(Number);
    daemon.kill("SIGKILL");
    await once(daemon, "exit");
    // Longer than the guardian takes.
    await pause(3_000);
    assert.ok(pids.every(isAlive));
    for (const pid of pids) process.kill(pid, "SIGKILL");
  });

  test("says what cannot be started", async () => {
    const text = join(dir, "text");
    writeFileSync(text, "no program");
    chmodSync(text, 0o600);
    const reasonFor = async (program: string): Promise<string> => {
      const options = { env: {}, clock, redact: (line: string) => line, onLine: () => undefined };
      const start = await spawnChild({ ...options, argv: [program] });
      return start.ok ? "started" : start.reason;
    };
    assert.is(await reasonFor(join(dir, "none")), "missing");
    assert.is(await reasonFor(join(text, "below")), "missing");
    assert.is(await reasonFor(text), "not-executable");
    assert.is(await reasonFor(dir), "not-executable");
  });

  test("a folder that is gone is a failure of now", async () => {
    const start = await spawnChild({
      argv: ["/bin/true"],
      env: {},
      directory: join(dir, "none"),
      clock,
      redact: (text) => text,
      onLine: () => undefined,
    });
    assert.is(start.ok ? "started" : start.reason, "failed");
  });

  test("cuts long lines, keeps the last hundred, hides secrets and control characters", async () => {
    const long = `printf '%s\\n' "$(head -c 20000 /dev/zero | tr '\\0' x)"`;
    const { child, all } = await run(
      `${long}; i=0; while [ $i -lt 150 ]; do echo "line $i"; i=$((i+1)); done; ${long}; printf '\\033[31mkey=hunter2\\033[0m\\007\\n'`,
    );
    await child.exit;
    assert.is(all.length, 153);
    assert.is(all[0]?.length, 8 * 1024);
    assert.is(all.at(-1), "key=hunter2");
    const lines = child.lines();
    assert.is(lines.length, 100);
    assert.is(lines[0], "line 52");
    assert.is(lines.at(-2)?.length, 1024);
    assert.is(lines.at(-1), "key=***");
  });

  test.run();
}

interface Running {
  readonly child: Child;
  readonly told: Promise<string>;
  readonly all: readonly string[];
}

async function firstLine({ stdout }: ChildProcess): Promise<string> {
  let text = "";
  for await (const part of stdout ?? []) {
    text += String(part);
    if (text.includes("\n")) break;
  }
  return text.trim();
}

/** What ps says of a process, "" when there is none; one that waits to be reaped is none either. */
function stateOf(pid: number): string {
  return spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).stdout.trim();
}

function isAlive(pid: number): boolean {
  return !/^(Z|$)/.test(stateOf(pid));
}

function groupOf(pid: number): string {
  return spawnSync("pgrep", ["-g", String(pid)], { encoding: "utf8" }).stdout.trim();
}

/** Resolves when none of them exists any more, not even as a zombie. */
async function gone(...pids: readonly number[]): Promise<void> {
  while (pids.some((pid) => stateOf(pid) !== "")) await pause(10);
}
