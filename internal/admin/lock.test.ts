import { type ChildProcess, fork, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Fault } from "../errs/errs.js";
import { takeLock } from "./lock.js";

// The racers of the test below are this file run again.
if (process.argv[2] === "racer") runRacer(process.argv[3] ?? "");
else runTests();

function runTests(): void {
  let dir = "";
  let path = "";
  test.before.each(() => {
    dir = mkdtempSync(join(tmpdir(), "lock-"));
    path = join(dir, "lock");
  });
  test.after.each(() => rmSync(dir, { recursive: true }));

  test("is held once, names its holder, and is free again after release", () => {
    const lock = takeLock(path);
    const fault = faultOf(() => takeLock(path));
    assert.is(fault.code, "ALREADY_RUNNING");
    assert.is(fault.details.pid, process.pid);
    lock.release();
    assert.equal(readdirSync(dir), []);
    takeLock(path).release();
  });

  test("a process that ended holds nothing, one that runs does", async () => {
    const child = fork(fileURLToPath(import.meta.url), ["racer", "sound"]);
    child.send({ path, at: 0 });
    assert.equal(await once(child, "message").then(([m]) => m), { won: true });
    assert.is(faultOf(() => takeLock(path)).details.pid, child.pid);
    child.kill("SIGKILL");
    await once(child, "exit");
    assert.is(readdirSync(dir).length, 1);
    takeLock(path).release();
    assert.equal(readdirSync(dir), []);
  });

  test("a pid that came back as another process holds nothing", () => {
    symlinkSync(`${process.pid}@1`, `${path}.1`);
    takeLock(path).release();
  });

  test("a link that is not ours to read holds nothing", () => {
    symlinkSync("rubbish", `${path}.7`);
    takeLock(path).release();
    assert.equal(readdirSync(dir), []);
  });

  // Only Linux shows a zombie's start.
  if (process.platform === "linux") {
    test("a dead process that its parent has not taken note of holds nothing", async () => {
      // `exec` leaves a parent that never asks after its child.
      const parent = spawn("sh", ["-c", "sleep 60 & echo $!; exec sleep 60"], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const pid = Number(String(await once(parent.stdout, "data")));
      while (readFileSync(`/proc/${parent.pid}/comm`, "latin1") !== "sleep\n");
      process.kill(pid, "SIGKILL");
      while (statOf(pid)[0] !== "Z");
      symlinkSync(`${pid}@${statOf(pid)[19]}`, `${path}.1`);
      takeLock(path).release();
      parent.kill();
    });
  }

  test("of many that find a dead owner's lock at the same moment exactly one wins", async () => {
    assert.equal(new Set(await race("sound", dir, 200)), new Set([1]));
  });

  test("never held by two while its holders die and are succeeded", async () => {
    const dead = spawnSync(process.execPath, ["--version"]).pid;
    const racers = Array.from({ length: 4 }, () => fork(fileURLToPath(import.meta.url), ["racer", "churn"]));
    const results = await Promise.all(
      racers.map((racer) => ask<Churned>(racer, { path, dead, tries: 2_500 })),
    );
    for (const racer of racers) racer.kill();
    for (const { wins } of results) assert.ok(wins > 0);
    assert.is(
      results.reduce((sum, { shared }) => sum + shared, 0),
      0,
    );
  });

  test("control: deleting a dead owner's lock file and making a new one lets two win", async () => {
    assert.is((await race("naive", dir, 5_000)).some(isShared), true);
  });

  test.run();
}

function faultOf(run: () => unknown): Fault {
  try {
    run();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const isShared = (winners: number): boolean => winners > 1;

/**
 * How many of four processes won in each round, every round beginning with the lock of a dead process. Stops early
 * when a lock was shared.
 */
async function race(method: "sound" | "naive", dir: string, rounds: number): Promise<number[]> {
  const dead = spawnSync(process.execPath, ["--version"]).pid;
  const racers = Array.from({ length: 4 }, () => fork(fileURLToPath(import.meta.url), ["racer", method]));
  const winners: number[] = [];
  for (let round = 0; round < rounds && !winners.some(isShared); round += 1) {
    const path = join(dir, `lock-${round}`);
    if (method === "sound") symlinkSync(`${dead}@1`, `${path}.1`);
    else writeFileSync(path, String(dead));
    const at = Date.now() + 5;
    const results = await Promise.all(racers.map((racer) => ask<{ won: boolean }>(racer, { path, at })));
    winners.push(results.filter(({ won }) => won).length);
  }
  for (const racer of racers) racer.kill();
  return winners;
}

async function ask<T>(racer: ChildProcess, task: object): Promise<T> {
  const answer = once(racer, "message");
  racer.send(task);
  const [message] = await answer;
  return message as T;
}

/** The fields of /proc/PID/stat from the state on. */
function statOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function runRacer(method: string): void {
  if (method === "churn") process.on("message", (task: ChurnTask) => process.send?.(churn(task)));
  else process.on("message", (task: RaceTask) => process.send?.({ won: runRace(method, task) }));
}

interface RaceTask {
  readonly path: string;
  /** When all begin, in milliseconds since the epoch. */
  readonly at: number;
}

function runRace(method: string, { path, at }: RaceTask): boolean {
  // Spinning, not sleeping: all begin within microseconds of each other.
  while (Date.now() < at);
  return wins(method === "sound" ? takeLock : naiveLock, path);
}

interface ChurnTask {
  readonly path: string;
  /** A pid that does not run. */
  readonly dead: number;
  readonly tries: number;
}

interface Churned {
  readonly wins: number;
  /** How often another one held the lock too. */
  readonly shared: number;
}

/** Takes the lock again and again, and each time "dies" with it: in one step its link becomes a dead process's. */
function churn({ path, dead, tries }: ChurnTask): Churned {
  const inside = join(path, "..", "inside");
  const corpse = join(path, "..", `corpse-${process.pid}`);
  let won = 0;
  let shared = 0;
  for (let i = 0; i < tries; i += 1) {
    if (!wins(takeLock, path)) continue;
    won += 1;
    if (wins(enter, inside)) unlinkSync(inside);
    else shared += 1;
    symlinkSync(`${dead}@1`, corpse);
    renameSync(corpse, ownLink(path));
  }
  return { wins: won, shared };
}

/** The holder's link has the highest number. */
function ownLink(path: string): string {
  const numbers = readdirSync(dirname(path)).flatMap((name) => /^lock\.(\d+)$/.exec(name)?.[1] ?? []);
  return `${path}.${Math.max(...numbers.map(Number))}`;
}

function enter(path: string): void {
  writeFileSync(path, "", { flag: "wx" });
}

function wins(take: (path: string) => unknown, path: string): boolean {
  try {
    take(path);
    return true;
  } catch {
    return false;
  }
}

/** The usual lock file: made only if it is not there, deleted and made again when its owner is dead. */
function naiveLock(path: string): void {
  const make = (): void => writeFileSync(path, String(process.pid), { flag: "wx" });
  try {
    make();
  } catch {
    if (isAlive(Number(readFileSync(path, "utf8")))) throw new Error("held");
    unlinkSync(path);
    make();
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
