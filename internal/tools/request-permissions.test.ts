import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createTestClock, type TestClock } from "../../test/support/clock.js";
import type { PermissionMode } from "../config/config.js";
import { Fault } from "../errs/errs.js";
import { type Approval, type Approvals, createApprovals } from "../policy/approvals.js";
import { createPolicy } from "../policy/policy.js";
import { openRoot, type Root } from "../workspace/root.js";
import type { Ask, Question, Reply } from "./ask.js";
import { requestPermissionsTool } from "./request-permissions.js";
import type { ToolResult } from "./types.js";

let root: Root;
test.before(() => {
  root = openRoot(realpathSync(mkdtempSync(`${tmpdir()}/permissions-`)));
});
test.after(() => {
  root.close();
  rmSync(root.path, { recursive: true });
});

interface CallOptions {
  readonly tool?: string;
  readonly permission?: string;
  readonly args?: Record<string, unknown>;
  readonly ask?: Ask;
  readonly caller?: string;
  readonly signal?: AbortSignal;
}

interface Setup {
  readonly clock: TestClock;
  readonly approvals: Approvals;
  readonly changes: Approval[];
  call(cmd: string, options?: CallOptions): Promise<ToolResult>;
}

function setup(mode: PermissionMode = "safe", { askClient = true, networkAllowed = false } = {}): Setup {
  const clock = createTestClock();
  const changes: Approval[] = [];
  const approvals = createApprovals({ clock, onChange: (approval) => changes.push(approval) });
  const policy = createPolicy();
  const tool = requestPermissionsTool({
    approvals,
    mode,
    networkAllowed,
    askClient,
    refusals: ({ workspace }, args) =>
      policy.refusals(String(args.cmd), {
        mode,
        root: workspace.path,
        cwd: ".",
        home: undefined,
        allowedPaths: [],
        searchPath: "/usr/bin:/bin",
        env: (args.env ?? {}) as Record<string, string>,
        stdin: false,
        allowNetwork: networkAllowed,
      }),
  });
  return {
    clock,
    approvals,
    changes,
    async call(
      cmd,
      { tool: name = "exec_command", permission = "network", args = { cmd }, ...options } = {},
    ) {
      const workspace = { id: "app", path: root.path, profile: "full", root } as const;
      const call = {
        args: {
          tool_name: name,
          permission,
          reason: "because",
          arguments: args,
          scope: "once",
          ttl_seconds: 300,
        },
        workspace,
        reachable: [{ workspace, profile: "full" as const }],
        toolNames: [],
        signal: options.signal ?? new AbortController().signal,
        progress: () => undefined,
        caller: options.caller ?? "ann",
        ask: options.ask,
      };
      return tool.run(call);
    },
  };
}

/** Settles what the call waits for: lets the tool get there, then time pass. */
async function pass(clock: TestClock, ms: number): Promise<void> {
  while (clock.pending() === 0) await new Promise(setImmediate);
  clock.advance(ms);
}

const subject = { tool: "exec_command", args: { cmd: "curl https://a.b" }, workspace: "app", caller: "ann" };

test("a request waits for the owner, and granting it is what lets the call through", async () => {
  const { approvals, call, clock } = setup();
  const first = call("curl https://a.b");
  await pass(clock, 20_000);
  const { structured, content } = await first;
  assert.is(structured.ok, false);
  assert.is(structured.status, "pending");
  assert.is(structured.grant_id, null);
  assert.is((structured.error as { code: string }).code, "PERMISSION_REQUIRED");
  assert.match(JSON.stringify(content), `ctmcpctl approve ${structured.request_id}`);
  assert.is(approvals.take(subject, ["network"]), undefined);

  approvals.decide(String(structured.request_id), { allow: true }, "owner");
  const granted = (await call("curl https://a.b")).structured;
  assert.is(granted.ok, true);
  assert.is(granted.status, "granted");
  assert.is(granted.grant_id, structured.request_id);
  assert.equal(granted.next_action, { tool: "exec_command", arguments: { cmd: "curl https://a.b" } });
  assert.equal(approvals.take(subject, ["network"]), ["network"]);
});

test("an owner who answers while the call waits ends the wait", async () => {
  const { approvals, call, clock, changes } = setup();
  const result = call("curl https://a.b");
  while (clock.pending() === 0) await new Promise(setImmediate);
  approvals.decide(changes[0]?.id ?? "", { allow: false }, "owner");
  const { structured } = await result;
  assert.is(structured.status, "denied");
  assert.is((structured.error as { retryable: boolean }).retryable, false);
});

test("the request names all that the call needs, not only what was asked for", async () => {
  const { call, clock, changes } = setup();
  const result = call("sh -c 'curl https://a.b'", { permission: "network" });
  await pass(clock, 20_000);
  await result;
  assert.equal([...(changes[0]?.permissions ?? [])].sort(), ["inline_script", "network"]);
  assert.is(changes[0]?.summary, "sh -c 'curl https://a.b'");
});

test("what the mode allows needs no permission, and leaves no request behind", async () => {
  const { call, changes } = setup("trusted", { networkAllowed: true });
  assert.is(
    (await call("echo $(date)", { permission: "shell_expansion" })).structured.status,
    "not_required",
  );
  assert.is((await call("curl https://a.b")).structured.status, "not_required");
  const patch = { tool: "apply_patch", permission: "write_generated_or_ignored", args: { patch: "x" } };
  assert.is((await call("", patch)).structured.status, "not_required");
  assert.equal(changes, []);
});

test("the network is asked for where only the sandbox would hold it", async () => {
  const { call, clock, changes } = setup("trusted");
  const result = call("npm install");
  await pass(clock, 20_000);
  assert.is((await result).structured.status, "pending");
  assert.equal(changes[0]?.permissions, ["network"]);
});

test("a path outside is for the config to open, not for a grant", async () => {
  const { call, changes } = setup();
  const { structured } = await call("curl https://a.b -o /etc/x");
  assert.is(structured.status, "denied");
  assert.match((structured.error as { message: string }).message, "sandbox.read");
  assert.equal(changes, []);
});

test("mode dangerous grants without asking, and says so", async () => {
  const { call, changes } = setup("dangerous");
  const { structured } = await call("sudo reboot", { permission: "destructive_command" });
  assert.is(structured.ok, true);
  assert.is(structured.status, "granted");
  assert.is(structured.grant_id, "dangerously-skip-all-permissions");
  assert.is((structured.constraints as { mode: string }).mode, "dangerous");
  assert.equal(changes, []);
});

test("the person at the client is asked, shown everything, and decides", async () => {
  const replies: [Reply, string][] = [
    [{ action: "accept", content: { allow: "once" } }, "granted"],
    [{ action: "accept", content: { allow: "minutes" } }, "granted"],
    [{ action: "decline" }, "denied"],
  ];
  for (const [reply, status] of replies) {
    const { call, approvals } = setup();
    const questions: Question[] = [];
    const ask: Ask = async (question) => {
      questions.push(question);
      return reply;
    };
    const { structured } = await call("curl https://a.b", { ask });
    assert.is(structured.status, status);
    for (const shown of ["curl https://a.b", "network", "because", "workspace app"]) {
      assert.match(questions[0]?.message ?? "", shown);
    }
    assert.is(approvals.list()[0]?.decidedBy, "client");
  }
});

test("a closed form or a strange answer leaves it to the owner", async () => {
  const replies: Reply[] = [
    { action: "cancel" },
    { action: "accept", content: {} },
    { action: "accept", content: { allow: true } },
    { action: "accept", content: { allow: "for ever" } },
  ];
  for (const reply of replies) {
    const { call, approvals } = setup();
    const { structured } = await call("curl https://a.b", { ask: async () => reply });
    assert.is(structured.status, "pending", JSON.stringify(reply));
    assert.is(approvals.take(subject, []), undefined);
  }
});

test("a late answer counts for the next call", async () => {
  const { call, clock } = setup();
  let reply: (reply: Reply) => void = () => {};
  const ask: Ask = () =>
    new Promise((resolve) => {
      reply = resolve;
    });
  const result = call("curl https://a.b", { ask });
  await pass(clock, 90_000);
  assert.is((await result).structured.status, "pending");
  reply({ action: "accept", content: { allow: "once" } });
  await new Promise(setImmediate);
  assert.is((await call("curl https://a.b")).structured.status, "granted");
});

test("a question that ends the call passes through, and the request is there when it comes again", async () => {
  const { call, changes } = setup();
  const ended = new Error("input required");
  const thrown = await call("curl https://a.b", { ask: () => Promise.reject(ended) }).catch((error) => error);
  assert.is(thrown, ended);
  const ask: Ask = async () => ({ action: "accept", content: { allow: "once" } });
  assert.is((await call("curl https://a.b", { ask })).structured.status, "granted");
  assert.is(new Set(changes.map(({ id }) => id)).size, 1);
});

test("a server that lets only the owner answer asks no client", async () => {
  const { call, clock } = setup("safe", { askClient: false });
  const ask: Ask = () => Promise.reject(new Error("was asked"));
  const result = call("curl https://a.b", { ask });
  await pass(clock, 20_000);
  assert.is((await result).structured.status, "pending");
});

test("a call too long to be shown whole is left to the owner", async () => {
  const { call, clock } = setup();
  const ask: Ask = () => Promise.reject(new Error("was asked"));
  const result = call(`curl https://a.b ${"x".repeat(2_000)}`, { ask });
  await pass(clock, 20_000);
  assert.is((await result).structured.status, "pending");
});

test("a cancelled call stops waiting, its request stays", async () => {
  const { call, clock, approvals } = setup();
  const stop = new AbortController();
  const result = call("curl https://a.b", { signal: stop.signal }).catch((error: Error) => error.message);
  while (clock.pending() === 0) await new Promise(setImmediate);
  stop.abort(new Error("stopped"));
  assert.is(await result, "stopped");
  assert.is(approvals.list()[0]?.state, "pending");
});

test("too many requests of one client are refused", async () => {
  const { call } = setup();
  const ask: Ask = async () => ({ action: "cancel" });
  for (let n = 0; n < 16; n += 1) await call(`curl https://a.b/${n}`, { ask });
  const fault = await call("curl https://a.b/16", { ask }).catch((error: unknown) => error);
  assert.is((fault as Fault).code, "RATE_LIMITED");
  assert.instance(fault, Fault);
});

test.run();
