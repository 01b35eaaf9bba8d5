import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Answer, toolCaller } from "../../test/support/call-tool.js";
import { createDirectSandbox, openPolicy } from "../../test/support/direct-sandbox.js";
import { systemClock } from "../clock/clock.js";
import { createCommands } from "../commands/commands.js";
import { Fault } from "../errs/errs.js";
import { openRoot } from "../workspace/root.js";
import { clientGone, execCommandTool } from "./exec-command.js";
import { killCommandTool } from "./kill-command.js";
import { listCommandsTool } from "./list-commands.js";
import { readOutputTool } from "./read-output.js";
import type { ToolCall } from "./types.js";
import { writeStdinTool } from "./write-stdin.js";

const base = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "exec-")));
const root = openRoot(base);
const workspace = { id: "app", path: root.path, profile: "full", root } as const;
const elsewhere = { ...workspace, id: "docs" };
const commands = createCommands({ sandbox: createDirectSandbox(), clock: systemClock });
let admitted = 0;
const deps = {
  commands,
  clock: systemClock,
  home: "/home/me",
  confined: () => true,
  admit({ args }: ToolCall) {
    admitted++;
    if (!String(args.cmd).startsWith("curl")) return openPolicy(base);
    throw new Fault("PERMISSION_REQUIRED", "curl uses the network", { details: { permission: "network" } });
  },
};
const exec = execCommandTool(deps);
const write = writeStdinTool(deps);
const kill = killCommandTool(deps);
const read = readOutputTool(deps);
const list = listCommandsTool(deps);

test.after(async () => {
  await commands.close();
  root.close();
  fs.rmSync(base, { recursive: true, force: true });
});

const call = toolCaller(workspace);

function pick(answer: Answer, ...names: string[]): unknown[] {
  return names.map((name) => answer[name]);
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
  return "none";
}

test("a finished command is its status line, then its output", async () => {
  const answer = await call(exec, { cmd: "echo out; echo err >&2; exit 2" });
  assert.match(answer.text, /^status: exited \| exit code: 2 \| elapsed: \d+ ms\nout\nstderr:\nerr$/);
  const { text, command_id, elapsed_ms, ...fields } = answer;
  assert.equal(fields, {
    ok: true,
    status: "exited",
    exit_code: 2,
    signal: null,
    timed_out: false,
    stdout: "out\n",
    stdout_truncated: false,
    stdout_truncated_by: null,
    stdout_output_lines: 1,
    stdout_output_bytes: 4,
    stdout_dropped_bytes: 0,
    stdout_omitted_bytes: 0,
    stderr: "err\n",
    stderr_truncated: false,
    stderr_truncated_by: null,
    stderr_output_lines: 1,
    stderr_output_bytes: 4,
    stderr_dropped_bytes: 0,
    stderr_omitted_bytes: 0,
    truncated: false,
    warnings: [],
  });
  assert.type(command_id, "string");
  assert.type(elapsed_ms, "number");
});

test("a command that runs on names the call that waits for it, which returns only what is new", async () => {
  const first = await call(exec, {
    cmd: "echo one; read x; echo two",
    keep_stdin_open: true,
    wait_for: "one",
  });
  assert.equal(pick(first, "status", "exit_code", "stdout"), ["running", null, "one\n"]);
  assert.is(first.next_action.tool, "write_stdin");
  assert.ok(first.text.includes(`[next: write_stdin ${JSON.stringify(first.next_action.arguments)}]`));
  const last = await call(write, { command_id: first.command_id, chars: "x\n", wait_for: "two" });
  assert.is(last.stdout, "two\n");
  const again = await call(write, first.next_action.arguments);
  assert.equal(pick(again, "status", "stdout", "next_action"), ["exited", "", undefined]);
  assert.is(await codeOf(call(write, { command_id: first.command_id, chars: "late" })), "COMMAND_CLOSED");
});

test("what was written is answered when the output pauses; closed input ends it", async () => {
  const { command_id } = await call(exec, { cmd: "cat", keep_stdin_open: true, yield_time_ms: 0 });
  const echo = await call(write, { command_id, chars: "hello\n", yield_time_ms: 30_000 });
  assert.equal(pick(echo, "status", "stdout"), ["running", "hello\n"]);
  const end = await call(write, { command_id, close_stdin: true });
  assert.equal(pick(end, "status", "exit_code"), ["exited", 0]);
});

test("output beyond the limit keeps both ends, and the calls it names read the rest", async () => {
  const answer = await call(exec, { cmd: "seq 20000; seq 3000 >&2", max_output_bytes: 2000 });
  assert.equal(pick(answer, "truncated", "stdout_truncated_by", "output_stream"), [true, "bytes", "stdout"]);
  assert.equal(answer.truncated_output_streams, ["stdout", "stderr"]);
  assert.match(answer.stdout, /^1\n2\n[\s\S]*bytes not shown[\s\S]*20000\n$/);
  assert.ok(Buffer.byteLength(`${answer.stdout}${answer.stderr}`) < 2200);
  assert.is((answer.next_actions as unknown[]).length, 2);
  const wanted = Array.from({ length: 20_000 }, (_, index) => `${index + 1}\n`).join("");
  let text = "";
  let next: Answer["next_action"] | null = {
    tool: "read_output",
    arguments: { output_ref: answer.output_ref },
  };
  while (next !== null) {
    const page: Answer = await call(read, { ...next.arguments, limit: 30_000 });
    text += page.content;
    next = page.next_action;
  }
  assert.ok(text === wanted);
  const rest = await call(read, answer.next_action.arguments);
  assert.ok(wanted.includes(rest.content as string));
  assert.is(rest.offset, 250);
});

test("what is no longer kept is counted and skipped", async () => {
  const { command_id, ...answer } = await call(exec, { cmd: "head -c 2000000 /dev/zero | tr '\\0' x" });
  assert.equal(pick(answer as Answer, "stdout_truncated_by", "stdout_dropped_bytes"), [
    "bytes",
    2_000_000 - 524_288,
  ]);
  const page = await call(read, { output_ref: `command:${command_id}:stdout`, offset: 100_000, limit: 10 });
  const gapEnd = 2_000_000 - 458_752;
  assert.equal(pick(page, "offset", "requested_offset", "next_offset", "content"), [
    gapEnd,
    100_000,
    gapEnd + 10,
    "x".repeat(10),
  ]);
  assert.equal(
    pick(page, "head_retained_bytes", "evicted_gap_bytes", "retained_start_offset", "total_stream_bytes"),
    [65_536, 2_000_000 - 524_288, gapEnd, 2_000_000],
  );
});

test("verbosity gives the size, a preview, or everything", async () => {
  const summary = await call(exec, { cmd: "seq 1000", verbosity: "summary" });
  assert.equal(pick(summary, "stdout", "truncated"), [undefined, false]);
  assert.match(summary.summary as string, /exited.*stdout: 3893 bytes \| stderr: 0 bytes/);
  assert.ok(summary.output_refs);
  const preview = await call(exec, { cmd: "seq 1000", verbosity: "preview", preview_bytes: 100 });
  assert.is(preview.stdout_output_bytes, 100);
  assert.is((await call(exec, { cmd: "seq 1000", verbosity: "full" })).stdout_output_bytes, 3893);
});

test("kill says how it ended, and that it need not", async () => {
  const start = async (cmd: string) => (await call(exec, { cmd, wait_for: "ready$" })).command_id;
  const results: unknown[][] = [];
  for (const [cmd, args] of [
    ["echo ready; sleep 600", {}],
    ["trap '' TERM; echo ready; while :; do sleep 0.05; done", { wait_ms: 50 }],
    ["echo ready; sleep 600", { signal: "KILL" }],
    ["trap '' INT; echo ready; sleep 600", { signal: "INT", wait_ms: 50 }],
    ["true", {}],
  ] as const) {
    const answer = await call(kill, { command_id: await start(cmd), ...args });
    results.push(pick(answer, "ok", "status", "killed", "signal_sent", "exit_code"));
  }
  assert.equal(results, [
    [true, "terminated", true, "TERM", -15],
    [true, "killed", true, "KILL", -9],
    [true, "killed", true, "KILL", -9],
    [true, "terminating", false, "INT", null],
    [true, "exited", false, null, 0],
  ]);
  const missing = await call(kill, { command_id: "none" });
  assert.equal(pick(missing, "ok", "status", "killed"), [true, "not_found", false]);
});

test("a refused command says which permission it needs", async () => {
  const answer = await call(exec, { cmd: "curl http://example.com" });
  assert.equal(pick(answer, "ok", "status"), [false, "failed"]);
  assert.equal(answer.permission_request, {
    tool_name: "exec_command",
    permission: "network",
    status: "required",
    retryable: true,
  });
  assert.is((answer.diagnostics as { code: string }[])[0]?.code, "NETWORK_PERMISSION_REQUIRED");
  assert.match(answer.text, /^PERMISSION_REQUIRED: /);
});

test("bad arguments are refused before anything runs", async () => {
  fs.mkdirSync(join(base, "sub"), { recursive: true });
  fs.writeFileSync(join(base, "file"), "");
  const before = admitted;
  const codes = [];
  for (const args of [
    { workdir: "sub", cwd: "." },
    { workdir: "file" },
    { workdir: "missing" },
    { workdir: ".." },
    { wait_for: "(" },
    { cmd: "a\0b" },
  ]) {
    const { error } = await call(exec, { cmd: "true", ...args });
    codes.push((error as { code: string }).code);
  }
  assert.equal(codes, [
    "INVALID_ARGUMENT",
    "NOT_A_DIRECTORY",
    "NOT_FOUND",
    "PATH_OUTSIDE_WORKSPACE",
    "INVALID_ARGUMENT",
    "INVALID_ARGUMENT",
  ]);
  assert.is(admitted, before);
  assert.is((await call(exec, { cmd: "basename $PWD", cwd: "sub" })).stdout, "sub\n");
});

test("a cancelled call stops its command; one whose client is gone can be repeated", async () => {
  const abortWhenStarted = async (args: Record<string, unknown>, reason?: string) => {
    const cancel = new AbortController();
    const running = call(exec, { cmd: "sleep 0.3; echo ran", ...args }, { signal: cancel.signal });
    while (commands.list("app")[0]?.endedAt() !== undefined) await new Promise(setImmediate);
    cancel.abort(reason);
    return commands.find("app", (await running).command_id);
  };
  const cancelled = await abortWhenStarted({});
  await cancelled.ended;
  assert.is(cancelled.state().status, "terminated");
  const request = { cmd: "sleep 0.3; echo ran", request_id: "again" };
  await abortWhenStarted(request, clientGone);
  const repeated = await call(exec, request);
  assert.equal(pick(repeated, "status", "exit_code", "stdout"), ["exited", 0, "ran\n"]);
  assert.is((repeated.warnings as string[]).length, 1);
});

test("commands are listed for their workspace only", async () => {
  const { command_id } = await call(exec, { cmd: "true" });
  const here = (await call(list)).commands as { command_id: string; status: string }[];
  assert.equal([here[0]?.command_id, here[0]?.status], [command_id, "exited"]);
  assert.equal((await call(list, {}, { workspace: elsewhere })).commands, []);
  for (const tool of [write, read]) {
    const args = { command_id, output_ref: `command:${command_id}:stdout` };
    assert.is(await codeOf(call(tool, args, { workspace: elsewhere })), "COMMAND_NOT_FOUND");
  }
});

test("with several workspaces the next call names its own", async () => {
  const reachable = [workspace, elsewhere].map((entry) => ({ workspace: entry, profile: "full" as const }));
  const answer = await call(exec, { cmd: "sleep 600", yield_time_ms: 0 }, { reachable });
  assert.is(answer.next_action.arguments.workspace, "app");
  await call(kill, { command_id: answer.command_id, signal: "KILL" });
});

test.run();
