/** How commands end, and what is left of them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Fault } from "../errs/errs.js";
import { textOf } from "./output.js";
import { firstLine, makePlace, processesWith, until } from "./sandbox.test.util.js";
import type { RunningProcess, SandboxPolicy, StartRequest } from "./types.js";

const place = makePlace();
const { sandbox, policy, run } = place;
test.after(place.close);

function start(
  cmd: string,
  changes: Partial<StartRequest> & { policy?: SandboxPolicy } = {},
): Promise<RunningProcess> {
  const { policy: given = policy(), ...request } = changes;
  return sandbox.start(given, { cmd, cwd: "", env: {}, signal: new AbortController().signal, ...request });
}

let tokens = 0;

/** A number of seconds that no other process on the machine waits for. */
function uniqueToken(): string {
  tokens += 1;
  return `98${process.pid}${tokens}`;
}

test("TERM, INT and KILL end a command by that signal", async () => {
  for (const name of ["TERM", "INT", "KILL"] as const) {
    const command = await start("echo up; sleep 1000");
    await firstLine(command);
    command.kill(name);
    assert.equal(await command.exit, { code: null, signal: `SIG${name}` });
  }
});

test("a signal reaches the whole group, and a trap decides what comes of it", async () => {
  const command = await start(`trap 'echo trapped; exit 7' TERM; sleep 1000 & echo up; wait`);
  await firstLine(command);
  command.kill("TERM");
  assert.equal(await command.exit, { code: 7, signal: null });
});

test("an exit code that looks like a signal is an exit code", async () => {
  const { code, signal } = await run("exit 143");
  assert.equal([code, signal], [143, null]);
});

test("after the exit nothing is signalled", async () => {
  const command = await start("true");
  await command.exit;
  command.kill("KILL");
  assert.equal(await command.exit, { code: 0, signal: null });
});

test("what a command leaves in the background ends with it", async () => {
  const token = uniqueToken();
  await run(`setsid nohup sleep ${token} >/dev/null 2>&1 & sleep ${token} & exit 0`);
  await until(() => processesWith(token).length === 0);
});

test("retire ends every process of its policy and of no other", async () => {
  const token = uniqueToken();
  const kept = uniqueToken();
  const doomed = await start(`echo up; exec sleep ${token}`, { policy: policy({ id: "doomed" }) });
  const other = await start(`echo up; exec sleep ${kept}`);
  await Promise.all([firstLine(doomed), firstLine(other)]);
  sandbox.retire("doomed");
  assert.is((await doomed.exit).signal, "SIGKILL");
  await until(() => processesWith(token).length === 0);
  assert.is.not(processesWith(kept).length, 0);
  other.kill("KILL");
  // And the policy can be used again.
  assert.is((await run("echo again", { policy: policy({ id: "doomed" }) })).out, "again\n");
});

test("a retired policy's commands end even if it was changed meanwhile", async () => {
  const before = await start("echo up; sleep 1000", { policy: policy({ id: "changed" }) });
  await firstLine(before);
  await run("true", { policy: policy({ id: "changed", env: { A: "1" } }) });
  sandbox.retire("changed");
  assert.is((await before.exit).signal, "SIGKILL");
});

test("no process survives a daemon that is killed", async () => {
  const program = `
    import { makePlace } from ${JSON.stringify(new URL("./sandbox.test.util.js", import.meta.url).href)};
    const { sandbox, policy } = makePlace();
    const start = (cmd, tty) => sandbox.start(policy(), { cmd, cwd: "", env: {}, signal: new AbortController().signal, ...tty });
    const commands = [await start("echo up; setsid sleep " + process.argv[1]), await start("echo up; sleep " + process.argv[1], { tty: { cols: 80, rows: 24 } })];
    await Promise.all(commands.map((command) => new Promise((resolve) => command.stdout.read(resolve))));
    // In the middle of starting more.
    for (let i = 0; i < 5; i++) void start("sleep " + process.argv[1]);
    console.log("up");
    setInterval(() => {}, 1000);
  `;
  for (let round = 0; round < 3; round++) {
    const token = uniqueToken();
    const daemon = spawn(process.execPath, ["--input-type=module", "-e", program, token], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(daemon.stdout, "data");
    const before = processesWith(token).length;
    daemon.kill("SIGKILL");
    await once(daemon, "exit");
    assert.ok(before > 1, "the commands ran");
    await until(() => processesWith(token).length === 0);
  }
});

test("closing ends all processes and leaves no file", async () => {
  const own = makePlace();
  const token = uniqueToken();
  const command = await own.sandbox.start(own.policy(), {
    cmd: `echo up; exec sleep ${token}`,
    cwd: "",
    env: {},
    signal: new AbortController().signal,
  });
  await firstLine(command);
  await own.sandbox.close();
  assert.is((await command.exit).signal, "SIGKILL");
  await until(() => processesWith(token).length === 0 && processesWith(own.at("run")).length === 0);
  assert.equal(readdirSync(own.at("run")), []);
  await own.close();
});

test("a terminal has its size, can be resized, and has job control", async () => {
  const command = await start("bash --norc -i", { tty: { cols: 91, rows: 17 } });
  let seen = "";
  let wanted = "";
  let found = (): void => undefined;
  void command.stdout.read((bytes) => {
    seen += bytes.toString();
    if (wanted !== "" && seen.includes(wanted)) found();
  });
  async function expect(words: string): Promise<void> {
    await new Promise<void>((resolve) => {
      wanted = words;
      found = resolve;
      if (seen.includes(words)) resolve();
    });
    seen = seen.slice(seen.indexOf(words) + words.length);
  }
  command.stdin.write("stty size; [ -t 0 ] && echo is'-a-'tty\n");
  await expect("17 91");
  await expect("is-a-tty");
  command.resize(100, 30);
  command.stdin.write("stty size\n");
  await expect("30 100");
  command.stdin.write(`sh -c "echo re''ady; exec sleep 1000"\n`);
  await expect("ready");
  command.stdin.write("\x03");
  command.stdin.write("echo code=$?; sleep 1000 & jobs; kill %1\n");
  await expect("code=130");
  await expect("Running");
  assert.not.match(seen, "no job control");
  command.stdin.write("exit 5\n");
  assert.equal(await command.exit, { code: 5, signal: null });
  assert.is(await textOf(command.stderr), "");
});

test("on a terminal, TERM reaches the command and KILL ends it", async () => {
  const tty = { cols: 80, rows: 24 };
  const trapping = await start("trap 'exit 9' TERM; echo up; while :; do sleep 0.1; done", { tty });
  await firstLine(trapping);
  trapping.kill("TERM");
  assert.equal(await trapping.exit, { code: 9, signal: null });
  const token = uniqueToken();
  const stubborn = await start(`trap '' TERM; echo up; sleep ${token}`, { tty });
  await firstLine(stubborn);
  stubborn.kill("KILL");
  assert.is((await stubborn.exit).signal, "SIGKILL");
  await until(() => processesWith(token).length === 0);
});

test("without its native part a terminal is a typed error", async () => {
  const own = makePlace({ loadPty: () => Promise.reject(new Error("no native binary")) });
  await own.run("true", { tty: { cols: 80, rows: 24 } }).then(
    () => assert.unreachable(),
    (error: Fault) => assert.is(error.code, "TTY_UNSUPPORTED"),
  );
  assert.is((await own.run("echo fine")).out, "fine\n");
  await own.close();
});

test.run();
