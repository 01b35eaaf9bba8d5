import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createTestClock } from "../../test/support/clock.js";
import { createDirectSandbox, openPolicy } from "../../test/support/direct-sandbox.js";
import { systemClock } from "../clock/clock.js";
import { Fault } from "../errs/errs.js";
import type { Command } from "./command.js";
import { type CommandLimits, type CommandRequest, commandLimits, createCommands } from "./commands.js";
import { compilePattern } from "./pattern.js";

const base = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "commands-")));
const sandbox = createDirectSandbox();
const never = new AbortController().signal;
const commands = createCommands({ sandbox, clock: systemClock });

test.after(async () => {
  await commands.close();
  fs.rmSync(base, { recursive: true, force: true });
});

function request(cmd: string, more: Partial<CommandRequest> = {}): CommandRequest {
  return {
    workspaceId: "app",
    admit: () => openPolicy(base),
    cmd,
    cwd: "",
    env: {},
    stdin: "",
    keepStdinOpen: false,
    timeoutMs: 60_000,
    signal: never,
    ...more,
  };
}

async function run(cmd: string, more: Partial<CommandRequest> = {}): Promise<Command> {
  const { command } = await commands.start(request(cmd, more));
  await command.ended;
  return command;
}

function textOf({ streams }: Command, name: "stdout" | "stderr" = "stdout"): string {
  return streams[name].read(0, streams[name].total).bytes.toString();
}

async function codeOf(work: Promise<unknown> | (() => unknown)): Promise<string> {
  try {
    await (typeof work === "function" ? work() : work);
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
  return "none";
}

/** Resolves when this shows in the command's output. */
async function shows(command: Command, pattern: string): Promise<void> {
  const how = await command.wait({
    ms: 30_000,
    pattern: compilePattern(pattern),
    fromStart: true,
    signal: never,
  });
  assert.is(how, "matched", `${pattern}: ${how}`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

test("a command's output, exit code and streams are told apart", async () => {
  const command = await run("echo out; echo err >&2; exit 3");
  assert.equal([textOf(command), textOf(command, "stderr")], ["out\n", "err\n"]);
  const { status, exitCode, signal, timedOut } = command.state();
  assert.equal([status, exitCode, signal, timedOut], ["exited", 3, null, false]);
});

test("standard input is at its end, holds what was given, or stays open", async () => {
  assert.is(textOf(await run("cat; echo done")), "done\n");
  assert.is(textOf(await run("cat", { stdin: "given" })), "given");
  // Ends without reading; what it was given must not harm the daemon.
  assert.is((await run("true", { stdin: "x".repeat(1 << 20) })).state().exitCode, 0);
  const { command } = await commands.start(request("cat", { keepStdinOpen: true }));
  command.write("one\n");
  await shows(command, "one");
  command.write("two\n");
  command.closeStdin();
  await command.ended;
  assert.is(textOf(command), "one\ntwo\n");
  assert.is(await codeOf(() => command.write("late")), "COMMAND_CLOSED");
});

test("a command without open input refuses more of it", async () => {
  const { command } = await commands.start(request("sleep 60"));
  assert.is(await codeOf(() => command.write("x")), "COMMAND_CLOSED");
  command.stop("KILL");
  await command.ended;
});

test("a command that does not read does not fill our memory", async () => {
  const { command } = await commands.start(request("sleep 60", { keepStdinOpen: true }));
  command.write("x".repeat(1 << 21));
  assert.is(await codeOf(() => command.write("x")), "SERVER_BUSY");
  command.stop("KILL");
  await command.ended;
});

test("the time budget ends a command, by force when it does not listen", async () => {
  const polite = await run("sleep 60", { timeoutMs: 50 });
  assert.equal(
    [polite.state().status, polite.state().signal, polite.state().exitCode],
    ["timeout", "SIGTERM", -15],
  );
  const clock = createTestClock();
  const timed = createCommands({ sandbox, clock });
  const { command } = await timed.start(
    request("trap '' TERM; echo ready; while :; do sleep 0.05; done", { timeoutMs: 1000 }),
  );
  await readyOf(command);
  clock.advance(1000);
  assert.is(command.state().status, "running");
  clock.advance(1000);
  await command.ended;
  assert.equal(
    [command.state().status, command.state().signal, command.state().timedOut],
    ["timeout", "SIGKILL", true],
  );
});

/** The first output has come; for commands whose clock stands still. */
async function readyOf(command: Command): Promise<void> {
  const how = await command.wait({ ms: 1, pattern: compilePattern("ready"), signal: never });
  assert.is(how, "matched");
}

test("a wait ends with the command, a match, a pause, or its time", async () => {
  const wait = { ms: 30_000, signal: never };
  const { command } = await commands.start(request("echo one; read x; echo two", { keepStdinOpen: true }));
  assert.is(await command.wait({ ...wait, pattern: compilePattern("^one$") }), "matched");
  assert.is(await command.wait({ ...wait, settleMs: 10 }), "settled");
  assert.is(await command.wait({ ...wait, ms: 0 }), "time");
  assert.is(await command.wait({ ...wait, signal: AbortSignal.abort() }), "aborted");
  command.cursors.stdout = command.streams.stdout.total;
  // Seen output is not looked at again.
  assert.is(await command.wait({ ...wait, ms: 20, pattern: compilePattern("one") }), "time");
  const end = command.wait(wait);
  command.write("x\n");
  assert.is(await end, "ended");
});

test("a cancelled foreground command is gone with all it started", async () => {
  const cancel = new AbortController();
  const { command } = await commands.start(request("sleep 600 & echo $!; echo $$; wait"));
  await shows(command, "\\d+\\n\\d+\\n");
  const pids = textOf(command).trim().split("\n").map(Number);
  assert.equal(pids.map(isAlive), [true, true]);
  const attended = commands.attend(command, { ms: 60_000, signal: cancel.signal }, () => false);
  cancel.abort();
  assert.is(await attended, "aborted");
  await command.ended;
  // No event tells of the end of somebody else's child.
  while (pids.some(isAlive)) await new Promise(setImmediate);
});

test("a command that was yielded, is shared, or is kept lives on when a wait is cancelled", async () => {
  const sleeper = async () => (await commands.start(request("sleep 600"))).command;
  const abortedWait = { ms: 60_000, signal: AbortSignal.abort() };
  const yielded = await sleeper();
  await commands.attend(yielded, { ms: 0, signal: never }, () => false);
  await commands.attend(yielded, abortedWait, () => false);
  const shared = await sleeper();
  const other = commands.attend(shared, { ms: 60_000, signal: never }, () => false);
  await commands.attend(shared, abortedWait, () => false);
  const kept = await sleeper();
  await commands.attend(kept, abortedWait, () => true);
  // The control: neither yielded, shared nor kept.
  const alone = await sleeper();
  await commands.attend(alone, abortedWait, () => false);
  await alone.ended;
  assert.equal(
    [yielded, shared, kept, alone].map((command) => command.state().status),
    ["running", "running", "running", "terminated"],
  );
  for (const command of [yielded, shared, kept]) command.stop("KILL");
  assert.is(await other, "ended");
});

test("a repeated request finds its command, another one with its id is refused", async () => {
  const file = join(base, "runs");
  const again = request(`echo run >> ${file}; sleep 0.1`, { requestId: "r1", env: { A: "1", B: "2" } });
  const both = await Promise.all([
    commands.start(again),
    commands.start({ ...again, env: { B: "2", A: "1" } }),
  ]);
  assert.is(both[0].command, both[1].command);
  assert.equal(
    both.map(({ attached }) => attached),
    [false, true],
  );
  await both[0].command.ended;
  assert.is((await commands.start(again)).command, both[0].command);
  assert.is(fs.readFileSync(file, "utf8"), "run\n");
  for (const change of [{ cmd: "true" }, { env: {} }, { stdin: "x" }, { timeoutMs: 1 }, { cwd: ".." }]) {
    assert.is(await codeOf(commands.start({ ...again, ...change })), "REQUEST_CONFLICT");
  }
  // Another workspace has ids of its own.
  assert.is((await commands.start({ ...again, workspaceId: "other" })).attached, false);
});

test("a repeated request is not admitted again, a refused one is", async () => {
  let asked = 0;
  const admit = () => {
    if (++asked === 1) throw new Fault("PERMISSION_REQUIRED", "not yet");
    return openPolicy(base);
  };
  const again = request("true", { requestId: "admitted", admit });
  assert.is(await codeOf(commands.start(again)), "PERMISSION_REQUIRED");
  for (const attached of [false, true]) assert.is((await commands.start(again)).attached, attached);
  assert.is(asked, 2);
});

test("a request that failed to start can be repeated", async () => {
  let refusals = 1;
  const flaky = createCommands({
    clock: systemClock,
    sandbox: {
      async start(policy, start) {
        if (refusals-- > 0) throw new Fault("SANDBOX_UNAVAILABLE", "no sandbox");
        return sandbox.start(policy, start);
      },
    },
  });
  const again = request("true", { requestId: "r" });
  assert.is(await codeOf(flaky.start(again)), "SANDBOX_UNAVAILABLE");
  assert.is((await flaky.start(again)).attached, false);
  await flaky.close();
});

function limited(limits: Partial<CommandLimits>, clock = createTestClock()) {
  return createCommands({ sandbox, clock, limits: { ...commandLimits, ...limits } });
}

test("too many running commands are refused, counting those that start", async () => {
  const two = limited({ active: 2 });
  const starts = [1, 2, 3].map(() => codeOf(two.start(request("sleep 600"))));
  assert.equal(await Promise.all(starts), ["none", "none", "COMMAND_LIMIT_REACHED"]);
  // A limit of its own for each workspace.
  assert.is(await codeOf(two.start(request("true", { workspaceId: "other" }))), "none");
  await two.close();
});

test("of finished commands the last ones are kept, those not yet read longest", async () => {
  const few = limited({ finished: 2 });
  const finish = async (cmd: string): Promise<Command> => {
    const { command } = await few.start(request(cmd, { requestId: cmd }));
    await command.ended;
    return command;
  };
  const unread = await finish("echo nightly");
  for (const cmd of ["true", "true 2", "true 3"]) await finish(cmd);
  assert.equal(
    few.list("app").map(({ cmd }) => cmd),
    ["true 3", "echo nightly"],
  );
  assert.is(few.find("app", unread.id), unread);
  // It is not run again for a late retry.
  assert.is(await codeOf(few.start(request("true", { requestId: "true" }))), "COMMAND_NOT_FOUND");
});

test("finished commands go when their time is up, their output when there is too much of it", async () => {
  const clock = createTestClock();
  const small = limited({ finishedMs: 1000, outputBytes: 17_000 }, clock);
  const flood = request("head -c 9000 /dev/zero");
  const started = [await small.start(flood), await small.start(flood)];
  const [first, second] = started.map(({ command }) => command) as [Command, Command];
  await Promise.all([first.ended, second.ended]);
  const held = [first, second].map(({ streams }) => streams.stdout.held);
  assert.equal([held.filter((bytes) => bytes === 0).length, first.streams.stdout.total], [1, 9000]);
  clock.advance(1000);
  assert.equal(small.list("app"), []);
});

test("a command is out of reach of other workspaces, and gone with its own", async () => {
  const { command } = await commands.start(request("sleep 600", { workspaceId: "leaving" }));
  assert.is(await codeOf(() => commands.find("app", command.id)), "COMMAND_NOT_FOUND");
  assert.is(commands.find("leaving", command.id), command);
  commands.retire("leaving");
  await command.ended;
  assert.is(await codeOf(() => commands.find("leaving", command.id)), "COMMAND_NOT_FOUND");
});

test("a command that starts while its workspace leaves does not stay", async () => {
  let go = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  const slow = createCommands({
    clock: systemClock,
    sandbox: {
      async start(policy, start) {
        await gate;
        return sandbox.start(policy, start);
      },
    },
  });
  const starting = slow.start(request("sleep 600"));
  slow.retire("app");
  go();
  const { command } = await starting;
  await command.ended;
  assert.is(command.state().signal, "SIGKILL");
});

test.run();
