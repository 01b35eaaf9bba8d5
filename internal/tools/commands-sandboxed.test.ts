import * as fs from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Answer, toolCaller } from "../../test/support/call-tool.js";
import { openPolicy } from "../../test/support/direct-sandbox.js";
import { systemClock } from "../clock/clock.js";
import { createCommands } from "../commands/commands.js";
import { createSandbox } from "../sandbox/sandbox.js";
import { openRoot } from "../workspace/root.js";
import { execCommandTool } from "./exec-command.js";
import { killCommandTool } from "./kill-command.js";
import { writeStdinTool } from "./write-stdin.js";

// The same tools over the sandbox that the daemon uses.
const base = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "sandboxed-")));
const place = (name: string): string => {
  fs.mkdirSync(join(base, name));
  return join(base, name);
};
const root = openRoot(place("app"));
const workspace = { id: "app", path: root.path, profile: "full", root } as const;
const policy = { ...openPolicy(root.path), home: place("home"), tmp: place("tmp"), cache: place("cache") };
const sandbox = createSandbox({
  minimum: () => "namespaces",
  runtimeDir: place("run"),
  homeDirectory: homedir(),
  clock: systemClock,
  uid: process.getuid?.() ?? 0,
});
const commands = createCommands({ sandbox, clock: systemClock });
const deps = { commands, clock: systemClock, home: homedir(), confined: () => true, admit: () => policy };
const exec = execCommandTool(deps);
const write = writeStdinTool(deps);
const kill = killCommandTool(deps);
const call = toolCaller(workspace);

test.before(async () => {
  await sandbox.selfTest();
});
test.after(async () => {
  await commands.close();
  await sandbox.close();
  root.close();
  fs.rmSync(base, { recursive: true, force: true });
});

function codesOf({ diagnostics = [] }: Answer): string[] {
  return (diagnostics as { code: string }[]).map(({ code }) => code);
}

test("output, exit code and input are those of the command", async () => {
  const answer = await call(exec, { cmd: "cat; echo err >&2; exit 4", stdin: "in" });
  assert.equal([answer.stdout, answer.stderr, answer.exit_code], ["in", "err\n", 4]);
  assert.is((await call(exec, { cmd: "cat; echo end" })).stdout, "end\n");
});

test("input that was left open reaches the command, and its end too", async () => {
  const { command_id } = await call(exec, { cmd: "cat", keep_stdin_open: true, yield_time_ms: 0 });
  assert.is((await call(write, { command_id, chars: "hello\n" })).stdout, "hello\n");
  assert.is((await call(write, { command_id, close_stdin: true })).exit_code, 0);
});

test("on a terminal a call returns with what the program says first", async () => {
  const { command_id, status, stdout } = await call(exec, {
    cmd: "printf 'name? '; read name",
    tty: true,
    yield_time_ms: 30_000,
  });
  assert.equal([status, stdout], ["running", "name? "]);
  assert.match((await call(write, { command_id, chars: "ann\r", wait_for: "ann" })).stdout, /ann/);
});

test("a terminal has its size, runs an interactive shell, and ^C stops what runs in it", async () => {
  const { command_id, status } = await call(exec, {
    cmd: "PS1='ready> ' bash --norc --noprofile -i",
    tty: true,
    cols: 90,
    rows: 20,
    wait_for: "ready> $",
  });
  assert.is(status, "running");
  const type = (chars: string, wait_for: string, more = {}) =>
    call(write, { command_id, chars, wait_for, ...more });
  assert.match((await type("stty size\r", "\\d+ \\d+")).stdout, /20 90/);
  assert.match((await type("stty size\r", "\\d+ \\d+", { cols: 100, rows: 30 })).stdout, /30 100/);
  // Said by what has the terminal by then: a ^C before that would be the shell's own, and leave a job behind.
  await type("sh -c 'echo in the fore''ground; exec sleep 600'\r", "in the foreground\r");
  assert.match((await type("\x03", "ready> $")).stdout, /\^C/);
  const end = await call(write, { command_id, close_stdin: true, yield_time_ms: 30_000 });
  assert.is(end.status, "exited");
});

test("a kill and a cancelled call leave no process behind", async () => {
  const beat = join(root.path, "beat");
  const cmd = "setsid sh -c 'while :; do date +%N > beat; sleep 0.02; done' & echo ready; sleep 600";
  const beats = (): Promise<void> =>
    new Promise((done) => {
      const watcher = fs.watch(root.path, (_, name) => {
        if (name !== "beat") return;
        watcher.close();
        done();
      });
    });
  const alive = beats();
  const { command_id } = await call(exec, { cmd, wait_for: "ready" });
  await alive;
  assert.is((await call(kill, { command_id })).killed, true);
  await gone(beat);

  const cancel = new AbortController();
  const again = beats();
  const cancelled = call(exec, { cmd }, { signal: cancel.signal });
  await again;
  cancel.abort();
  await commands.find("app", (await cancelled).command_id).ended;
  await gone(beat);
});

/** Nothing writes the file any more. */
async function gone(file: string): Promise<void> {
  fs.rmSync(file, { force: true });
  await call(exec, { cmd: "sleep 0.2" });
  assert.not(fs.existsSync(file));
}

test("what the sandbox blocked is told, with the key that opens it", async () => {
  const hidden = join(homedir(), "not-in-here");
  const cases: readonly (readonly [string, string])[] = [
    ["exec 3<>/dev/tcp/192.0.2.1/80", "NETWORK_PERMISSION_REQUIRED"],
    [`cat ${hidden}`, "LANDLOCK_READ_ROOT_BLOCKED"],
    ["touch /usr/bin/x", "SANDBOX_WRITE_BLOCKED"],
    ["no-such-program", "EXECUTABLE_NOT_FOUND"],
  ];
  for (const [cmd, code] of cases) {
    const answer = await call(exec, { cmd });
    assert.equal(codesOf(answer), [code], `${cmd}: ${answer.text}`);
  }
  assert.equal(codesOf(await call(exec, { cmd: "cat missing; true" })), []);
});

test.run();
