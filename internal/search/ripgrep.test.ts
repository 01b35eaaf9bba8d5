import { type ChildProcess, spawn as spawnProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Clock, systemClock } from "../clock/clock.js";
import { Fault } from "../errs/errs.js";
import { createRipgrep, findRipgrep, type RipgrepRun, type Spawn } from "./ripgrep.js";

const dir = mkdtempSync(join(tmpdir(), "ripgrep-"));
writeFileSync(join(dir, "a.txt"), "one\ntwo -x\n");
test.after(() => rmSync(dir, { recursive: true, force: true }));

const program = findRipgrep({ searchPath: undefined });
const never = new AbortController().signal;

function runOf(args: readonly string[], more: Partial<RipgrepRun> = {}): RipgrepRun & { text: () => string } {
  const chunks: Buffer[] = [];
  const take = (chunk: Buffer): boolean => {
    chunks.push(chunk);
    return false;
  };
  return { args, cwd: dir, signal: never, take, ...more, text: () => Buffer.concat(chunks).toString() };
}

/** A program of that name that runs `script` instead. */
function fakeProgram(script: string): { path: string; source: "PATH" } {
  const path = join(mkdtempSync(join(dir, "fake-")), "rg");
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return { path, source: "PATH" };
}

async function faultOf(promise: Promise<unknown>): Promise<Fault> {
  try {
    await promise;
  } catch (error) {
    assert.instance(error, Fault);
    return error as Fault;
  }
  throw new Error("nothing was thrown");
}

test("the program comes from the package", () => {
  assert.is(program?.source, "package");
});

test("without the package it is the first program called rg on PATH", () => {
  const missing = (): string => {
    throw new Error("not found");
  };
  const own = fakeProgram("exit 0");
  const folder = mkdtempSync(join(dir, "path-"));
  mkdirSync(join(folder, "rg"));
  const searchPath = `relative:${folder}:${join(own.path, "..")}`;
  assert.equal(findRipgrep({ searchPath, resolve: missing }), own);
  assert.is(findRipgrep({ searchPath: folder, resolve: missing }), undefined);
  assert.is(findRipgrep({ searchPath: undefined, resolve: missing }), undefined);
});

test("without any program a run is refused and says what to install", async () => {
  const fault = await faultOf(
    createRipgrep({ program: undefined, clock: systemClock }).run(runOf(["--files"])),
  );
  assert.is(fault.code, "SEARCH_FAILED");
  assert.ok(fault.hint?.includes(`@vscode/ripgrep-${process.platform}-${process.arch}`));
});

test("streams the output and says how it ended", async () => {
  const ripgrep = createRipgrep({ program, clock: systemClock });
  const found = runOf(["--regexp", "one", "./"]);
  assert.equal(await ripgrep.run(found), { how: "done", unreadable: false });
  assert.is(found.text(), "./a.txt:one\n");
  assert.equal(await ripgrep.run(runOf(["--regexp", "absent", "./"])), { how: "done", unreadable: false });
});

test("the process gets an empty environment and no configuration", async () => {
  const printing = createRipgrep({
    program: fakeProgram('/usr/bin/env; echo "args $*"'),
    clock: systemClock,
  });
  process.env.RIPGREP_CONFIG_PATH = join(dir, "a.txt");
  const run = runOf(["--files"]);
  await printing.run(run);
  delete process.env.RIPGREP_CONFIG_PATH;
  const lines = run.text().trim().split("\n");
  // The shell that stands in for ripgrep sets a few of its own.
  const own = /^(PWD|OLDPWD|SHLVL|_)=/;
  assert.equal(
    lines.filter((line) => !own.test(line)),
    ["args --no-config --no-messages --files"],
  );
});

test("a pattern or glob it refuses is the caller's error, in its own words", async () => {
  const ripgrep = createRipgrep({ program, clock: systemClock });
  for (const args of [
    ["--regexp", "("],
    ["--regexp", "(?=x)"],
    ["--glob", "["],
    ["--regexp", "a\\nb"],
    ["--regexp", "x{9999999}"],
  ]) {
    const fault = await faultOf(ripgrep.run(runOf([...args, "./"])));
    assert.is(fault.code, "INVALID_ARGUMENT", args.join(" "));
    assert.not.ok(fault.message.includes("--pcre2"));
  }
  const fault = await faultOf(ripgrep.run(runOf(["--regexp", "(", "./"])));
  assert.ok(fault.message.includes("unclosed group"));
});

test("other failures of the program are its own", async () => {
  const cases: Readonly<Record<string, string>> = {
    "words and exit code 2": "echo 'rg: out of memory' >&2; exit 2",
    "a signal": "kill -9 $$",
    "an unknown exit code": "exit 7",
  };
  for (const [what, script] of Object.entries(cases)) {
    const ripgrep = createRipgrep({ program: fakeProgram(script), clock: systemClock });
    assert.is((await faultOf(ripgrep.run(runOf([])))).code, "SEARCH_FAILED", what);
  }
});

test("a program that cannot start is reported with its path", async () => {
  const missing = { path: join(dir, "nothing"), source: "PATH" } as const;
  const fault = await faultOf(createRipgrep({ program: missing, clock: systemClock }).run(runOf([])));
  assert.is(fault.code, "SEARCH_FAILED");
  assert.ok(fault.message.includes(missing.path));
  const throwing: Spawn = () => {
    throw Object.assign(new Error("spawn EMFILE"), { code: "EMFILE" });
  };
  const broken = createRipgrep({ program, clock: systemClock, spawn: throwing });
  assert.is((await faultOf(broken.run(runOf([])))).code, "SEARCH_FAILED");
});

test("arguments that are too long for the system are the caller's error", async () => {
  const ripgrep = createRipgrep({ program, clock: systemClock });
  const fault = await faultOf(ripgrep.run(runOf(["--regexp", "x".repeat(200_000), "./"])));
  assert.is(fault.code, "INVALID_ARGUMENT");
});

test("what cannot be read is told from what failed", async () => {
  const ripgrep = createRipgrep({ program: fakeProgram("echo found; exit 2"), clock: systemClock });
  assert.equal(await ripgrep.run(runOf([])), { how: "done", unreadable: true });
});

/** Spawns as usual and lets the test wait for the end of what was spawned. */
function watchedSpawn(): { spawn: Spawn; child: () => ChildProcess } {
  let last: ChildProcess | undefined;
  const spawn: Spawn = (file, args, options) => {
    last = spawnProcess(file, args, options);
    return last;
  };
  return { spawn, child: () => last as ChildProcess };
}

const endless = "while :; do echo line; done";

test("stops the process when there is enough", async () => {
  const { spawn, child } = watchedSpawn();
  const ripgrep = createRipgrep({ program: fakeProgram(endless), clock: systemClock, spawn });
  assert.is((await ripgrep.run(runOf([], { take: () => true }))).how, "enough");
  assert.is(child().signalCode, "SIGKILL");
});

test("stops the process on abort", async () => {
  const { spawn, child } = watchedSpawn();
  const ripgrep = createRipgrep({ program: fakeProgram(endless), clock: systemClock, spawn });
  const abort = new AbortController();
  const take = (): boolean => {
    abort.abort();
    return false;
  };
  assert.is((await faultOf(ripgrep.run(runOf([], { signal: abort.signal, take })))).code, "CANCELLED");
  assert.is(child().signalCode, "SIGKILL");
  assert.is((await faultOf(ripgrep.run(runOf([], { signal: abort.signal })))).code, "CANCELLED");
});

test("stops the process when its time is up", async () => {
  let ring: () => void = () => {};
  let asked = 0;
  const clock: Clock = {
    ...systemClock,
    after(ms, run) {
      asked = ms;
      ring = run;
      return () => {};
    },
  };
  const { spawn, child } = watchedSpawn();
  const ripgrep = createRipgrep({ program: fakeProgram("exec sleep 1000"), clock, spawn, timeoutMs: 1234 });
  const ended = ripgrep.run(runOf([]));
  ring();
  assert.is((await ended).how, "timeout");
  assert.is(asked, 1234);
  assert.is(child().signalCode, "SIGKILL");
});

test("an error in the reader ends the process and comes through", async () => {
  const { spawn, child } = watchedSpawn();
  const ripgrep = createRipgrep({ program: fakeProgram(endless), clock: systemClock, spawn });
  const bug = new Error("bug");
  const take = (): boolean => {
    throw bug;
  };
  await ripgrep.run(runOf([], { take })).then(
    () => assert.unreachable(),
    (error) => assert.is(error, bug),
  );
  if (child().signalCode === null) await once(child(), "exit");
  assert.is(child().signalCode, "SIGKILL");
});

test("after a failure nothing more is handed over", async () => {
  const { spawn, child } = watchedSpawn();
  const ripgrep = createRipgrep({ program: fakeProgram(endless), clock: systemClock, spawn });
  let taken = 0;
  const take = (): never => {
    taken++;
    throw new Fault("SERVER_BUSY", "injected");
  };
  await faultOf(ripgrep.run(runOf([], { take })));
  const before = taken;
  child().stdout?.emit("data", Buffer.from("late"));
  assert.is(taken, before);
});

test("keeps little of what is written to standard error", async () => {
  const noisy =
    "i=0; while [ $i -lt 2000 ]; do echo 'rg: a long complaint about something' >&2; i=$((i+1)); done; exit 2";
  const ripgrep = createRipgrep({ program: fakeProgram(noisy), clock: systemClock });
  const fault = await faultOf(ripgrep.run(runOf([])));
  assert.ok(fault.message.length < 5000);
});

test.run();
