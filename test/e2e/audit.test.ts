import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { auditDir, segmentsIn } from "../../internal/audit/files.js";
import { readAudit } from "../../internal/audit/read.js";
import type { AuditRecord } from "../../internal/audit/record.js";
import { verifyAudit } from "../../internal/audit/verify.js";
import { type DaemonProcess, startDaemonProcess, withDaemonProcess } from "../support/daemon-process.js";
import { modern } from "../support/mcp-harness.js";
import { makePlace } from "../support/place.js";
import { mainOf, startProgram } from "../support/program.js";
import { type Endpoint, post } from "../support/rpc.js";
import { withSignIn } from "../support/sign-in.js";
import { startSdk1 } from "../support/sign-in-libraries.js";

const full = {
  workspaces: [{ id: "app", path: "app", profile: "full" }],
  exec: { permission_mode: "trusted" },
};

async function recordsOf(dir: string): Promise<AuditRecord[]> {
  const all: AuditRecord[] = [];
  for await (const record of readAudit(auditDir(join(dir, "state")))) all.push(record);
  return all;
}

/** Waits for a record; the file's time limit ends what never comes. */
async function recorded(dir: string, wanted: (record: AuditRecord) => boolean): Promise<AuditRecord> {
  for (;;) {
    const found = (await recordsOf(dir)).find(wanted);
    if (found !== undefined) return found;
    await setTimeout(20);
  }
}

async function ctl(daemon: { configPath: string; dir: string }, ...args: string[]) {
  const program = startProgram(mainOf("ctmcpctl"), {
    args: ["--config", daemon.configPath, ...args],
    env: { HOME: daemon.dir },
  });
  const { code } = await program.exit;
  return { code, stdout: program.stdout(), stderr: program.stderr() };
}

interface Structured {
  readonly ok: boolean;
  readonly error?: { readonly code: string };
}

async function callTool(to: Endpoint, name: string, args: object): Promise<Structured> {
  const message = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args } };
  const { body } = await post(to, message);
  return (body.result as { structuredContent?: Structured } | undefined)?.structuredContent ?? { ok: false };
}

/** A field of a field of a record. */
function inner(record: AuditRecord | undefined, field: string, name: string): unknown {
  return (record?.[field] as Record<string, unknown> | undefined)?.[name];
}

const sha = (text: string): string => createHash("sha256").update(text).digest("hex");

test("what a client does is recorded: before it runs, how it ended, and which files it changed", () =>
  withDaemonProcess(full, async (daemon) => {
    const call = (name: string, args: object) => callTool(daemon.endpoint, name, args);
    await call("read_file", { path: "hello.txt" });
    await call("edit_file", { path: "hello.txt", old_text: "hello", new_text: "goodbye" });
    await call("exec_command", { cmd: "echo out; exit 3", env: { GREETING: "canary-in-env" } });
    await call("exec_command", { cmd: "sudo id" });
    await call("read_file", { path: "no-such-file" });
    await call("read_file", { path: "../state/bearer-token" });
    await call("edit_file", { path: "/etc/hosts", old_text: "a", new_text: "b" });
    await daemon.admin.undo(undefined);
    const ended = await recorded(daemon.dir, ({ event }) => event === "command_ended");
    const undone = await recorded(daemon.dir, ({ event, act }) => event === "owner" && act === "undo");
    const all = await recordsOf(daemon.dir);

    assert.is(all[0]?.event, "daemon_started");
    const ofTool = (tool: string): AuditRecord[] => all.filter((record) => record.tool === tool);
    assert.equal(
      ofTool("read_file").map((one) => [one.event, one.outcome, one.code, inner(one, "args", "path")]),
      [
        ["call", "ok", undefined, "hello.txt"],
        ["call", "failed", "NOT_FOUND", "no-such-file"],
        ["call", "refused", "PATH_OUTSIDE_WORKSPACE", "../state/bearer-token"],
      ],
    );
    const [begun, edited, , denied] = ofTool("edit_file");
    assert.equal([denied?.code, denied?.outcome], ["ABSOLUTE_PATH_DENIED", "refused"]);
    assert.is(begun?.event, "call_started");
    assert.is(inner(begun, "args", "old_text"), "(5 characters)");
    assert.equal(edited?.files, [
      { path: "hello.txt", before: sha("hello from app\n"), after: sha("goodbye from app\n") },
    ]);
    assert.equal(undone.files, [
      { path: "hello.txt", before: sha("goodbye from app\n"), after: sha("hello from app\n") },
    ]);
    const [started, answered, , refused] = ofTool("exec_command");
    assert.is(started?.event, "call_started");
    assert.equal(inner(started, "args", "env"), ["GREETING"]);
    assert.is(inner(answered, "command", "exit"), 3);
    assert.is(refused?.outcome, "refused");
    assert.is(refused?.code, "PERMISSION_REQUIRED");
    assert.equal([inner(ended, "command", "exit"), ended.bytes], [3, 4]);
    assert.is(verifyAudit(auditDir(join(daemon.dir, "state"))).flaw, null);
    assert.not.match(JSON.stringify(all), "canary-in-env");

    const shown = await ctl(daemon, "audit", "--tool", "edit_file");
    assert.match(shown.stdout, /call\s+bearer token\s+app\s+edit_file\s+ok/);
    assert.match(shown.stdout, new RegExp(`hello.txt\\s+${sha("hello from app\n").slice(0, 12)} -> `));
    assert.is((await ctl(daemon, "audit", "verify")).code, 0);
    const since = await ctl(daemon, "audit", "--since", "2099-01-01", "--json");
    assert.is(since.stdout, "");
    assert.is(
      (await ctl(daemon, "audit", "--client", "bearer", "-n", "1", "--json")).stdout.split("\n").length,
      2,
    );
  }));

test("a call that is turned away is recorded, whatever its arguments are", () =>
  withDaemonProcess(full, async (daemon) => {
    const patch = { toString: 1 };
    assert.throws(() => String(patch), TypeError, "control: what would be a fault of ours");
    const message = modern("tools/call", { name: "apply_patch", arguments: { patch } });
    const { body } = await post(daemon.endpoint, message);
    assert.is(body.error.code, -32602, JSON.stringify(body));
    const { code, outcome, args } = await recorded(daemon.dir, ({ tool }) => tool === "apply_patch");
    assert.equal([code, outcome, args], ["INVALID_ARGUMENT", "refused", { patch: "(14 characters)" }]);
    assert.not.match(daemon.program.stderr(), /TypeError/);
  }));

test("what the configuration gives commands as a secret is not recorded, also after a reload, nor cut in two", async () => {
  const place = makePlace();
  const secrets = { FIRST: "canary-first-0123456789", SECOND: "canary-second-0123456789" };
  const giving = (name: keyof typeof secrets) => ({
    ...full,
    workspaces: [
      {
        id: "app",
        path: "app",
        profile: "full",
        exec: { env: { SETTING: `\${env:${name}}`, MODE: "production" } },
      },
    ],
  });
  place.configure(giving("FIRST"));
  const daemon = await startDaemonProcess(place, secrets);
  try {
    const say = (text: string) => callTool(daemon.endpoint, "exec_command", { cmd: `echo ${text}` });
    await say(`${secrets.SECOND} production`);
    await recorded(place.dir, ({ args }) => JSON.stringify(args ?? "").includes("canary-second"));
    await say(`${secrets.FIRST} marked-1`);
    place.configure(giving("SECOND"));
    await place.admin.reload({ dryRun: false });
    const across = "x".repeat(400 - "echo ".length - 10);
    await say(`${across}${secrets.SECOND} marked-2`);
    await say("marked-3");
    const all = await recordsOf(place.dir);
    const last = all.findLast(
      ({ event, args }) => event === "call_started" && JSON.stringify(args).includes("marked-1"),
    );
    assert.is(inner(last, "args", "cmd"), "echo *** marked-1");
    const later = JSON.stringify(all.slice(all.findIndex(({ event }) => event === "config_applied")));
    assert.match(later, "marked-3");
    assert.not.match(later, "canary");
    assert.match(JSON.stringify(all), "production", "what is no secret stays");
  } finally {
    await daemon.program.kill();
    place.remove();
  }
});

test("who answers a request for a permission is recorded, the client as well as the owner", () =>
  withDaemonProcess({ ...full, exec: { permission_mode: "safe", approvals: "client" } }, async (daemon) => {
    const { url, token } = daemon.endpoint;
    const client = new Client({ name: "e2e", version: "1" }, { capabilities: { elicitation: { form: {} } } });
    const answers = [{ action: "accept", content: { allow: "minutes" } }, { action: "decline" }] as const;
    let asked = 0;
    client.setRequestHandler(ElicitRequestSchema, async () => answers[asked++] ?? { action: "cancel" });
    const headers = { authorization: `Bearer ${token}` };
    await client.connect(
      new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }) as Transport,
    );
    const ask = (cmd: string) =>
      client.callTool({
        name: "request_permissions",
        arguments: { tool_name: "exec_command", permission: "network", reason: "why", arguments: { cmd } },
      });
    await ask("curl https://a.example.com");
    await ask("curl https://b.example.com");
    const { approvals } = await daemon.admin.approvals();
    const denied = approvals.find(({ state }) => state === "denied");
    await daemon.admin.decideApproval({ id: denied?.id ?? "", allow: true });
    // Used twice, and decided once.
    for (let use = 0; use < 2; use++)
      await callTool(daemon.endpoint, "exec_command", { cmd: "curl https://a.example.com" });
    await client.close();
    await recorded(daemon.dir, ({ event }) => event === "owner");
    const decisions = (await recordsOf(daemon.dir)).filter(({ act }) => act === "approve" || act === "deny");
    assert.equal(
      decisions.map(({ event, act, uses, tool, permissions }) => [event, act, uses, tool, permissions]),
      [
        ["client_decision", "approve", "any", "exec_command", ["network"]],
        ["client_decision", "deny", "once", "exec_command", ["network"]],
        ["owner", "approve", "once", "exec_command", ["network"]],
      ],
    );
  }));

test("no tool and no command reaches the record", () =>
  withDaemonProcess(full, async (daemon) => {
    const dir = auditDir(join(daemon.dir, "state"));
    await callTool(daemon.endpoint, "read_file", { path: "hello.txt" });
    await recorded(daemon.dir, ({ tool }) => tool === "read_file");
    const [name = ""] = readdirSync(dir).filter((file) => file.endsWith(".jsonl"));
    const path = join(dir, name);
    assert.match(readFileSync(path, "utf8"), "daemon_started", "control: outside the sandbox it is there");
    const ran = await callTool(daemon.endpoint, "exec_command", {
      cmd: `cat ${path} || ls -la ${dir}; echo forged >> ${path}; rm -rf ${dir}; echo done`,
    });
    assert.match(JSON.stringify(ran), /done/);
    assert.not.match(JSON.stringify(ran), "daemon_started");
    assert.is(verifyAudit(dir).flaw, null);
    const read = await callTool(daemon.endpoint, "read_file", { path: `../state/audit/${name}` });
    assert.is(read.ok, false);
  }));

test("with a full disk nothing is changed or run, reading goes on, and it comes back", async () => {
  const place = makePlace();
  const state = join(place.dir, "state");
  mkdirSync(state, { mode: 0o700 });
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", state]);
  let daemon: DaemonProcess | undefined;
  try {
    place.configure(full);
    daemon = await startDaemonProcess(place);
    const { endpoint, admin, app } = daemon;
    await callTool(endpoint, "exec_command", { cmd: "true" });
    const filler = join(state, "filler");
    for (const size of [65_536, 4_096, 1]) {
      try {
        for (;;) appendFileSync(filler, Buffer.alloc(size));
      } catch {
        // Full, up to this size.
      }
    }
    // The present page may have room for a record or two.
    const marks = Array.from({ length: 40 }, (_, n) => `mark-${n}`);
    const outcomes: string[] = [];
    for (const mark of marks) {
      const answer = await callTool(endpoint, "exec_command", { cmd: `touch ${mark}` });
      outcomes.push(answer.ok ? "ran" : String(answer.error?.code));
    }
    assert.ok(outcomes.includes("AUDIT_UNAVAILABLE"), outcomes.join());
    const isRecorded = (mark: string, all: readonly AuditRecord[]): boolean =>
      all.some(
        ({ event, args }) => event === "call_started" && (args as { cmd: string }).cmd === `touch ${mark}`,
      );
    const all = await recordsOf(place.dir);
    for (const [n, mark] of marks.entries()) {
      const ran = existsSync(join(app, mark));
      assert.is(ran, outcomes[n] === "ran", mark);
      if (ran) assert.ok(isRecorded(mark, all), `${mark} ran without a record`);
    }
    const edit = await callTool(endpoint, "edit_file", {
      path: "hello.txt",
      old_text: "hello",
      new_text: "bye",
    });
    assert.is(edit.error?.code, "AUDIT_UNAVAILABLE");
    assert.match(readFileSync(join(app, "hello.txt"), "utf8"), /^hello/);
    const read = await callTool(endpoint, "read_file", { path: "hello.txt" });
    assert.ok(read.ok);
    assert.ok((await admin.status()).warnings.some(({ code }) => code === "AUDIT_UNAVAILABLE"));

    rmSync(filler);
    const again = await callTool(endpoint, "exec_command", { cmd: "touch again" });
    assert.ok(again.ok, JSON.stringify(again));
    assert.ok(existsSync(join(app, "again")));
    await recorded(place.dir, ({ event, code }) => event === "call" && code === "AUDIT_UNAVAILABLE");
    assert.not.ok((await admin.status()).warnings.some(({ code }) => code === "AUDIT_UNAVAILABLE"));
    assert.is(verifyAudit(auditDir(state)).flaw, null);
  } finally {
    await daemon?.program.kill();
    execFileSync("umount", ["-l", state]);
    place.remove();
  }
});

test("killed in the middle of calls, it starts again and the record is whole", async () => {
  const place = makePlace();
  place.configure(full);
  try {
    for (let round = 0; round < 3; round++) {
      const daemon = await startDaemonProcess(place);
      const calls = Array.from({ length: 20 }, (_, n) =>
        callTool(daemon.endpoint, "exec_command", { cmd: `echo ${n} > made-${round}-${n}` }).catch(
          () => undefined,
        ),
      );
      await Promise.race(calls);
      await daemon.program.kill();
      await Promise.all(calls);
      assert.is(verifyAudit(auditDir(join(place.dir, "state"))).flaw, null);
      const all = await recordsOf(place.dir);
      for (const name of readdirSync(place.app).filter((file) => file.startsWith(`made-${round}-`))) {
        const begun = all.some(
          (one) => one.event === "call_started" && String(inner(one, "args", "cmd")).endsWith(` ${name}`),
        );
        assert.ok(begun, `${name} was made without a record`);
      }
    }
  } finally {
    place.remove();
  }
});

test("a client that calls too often cannot push the others out of the record", () =>
  withDaemonProcess({ ...full, limits: { calls_per_second: 1, burst: 1 } }, async (daemon) => {
    for (let i = 0; i < 100; i++) await callTool(daemon.endpoint, "list_dir", {});
    const refused = (await recordsOf(daemon.dir)).filter(({ code }) => code === "RATE_LIMITED");
    assert.ok(refused.length >= 20 && refused.length <= 60, `${refused.length} of 100`);
  }));

test("a sign-in is recorded step by step, and as a refusal only what was refused", () =>
  withSignIn({}, async (daemon) => {
    const client = await startSdk1(daemon, daemon.url);
    await client.tools();
    await client.close();
    await recorded(daemon.dir, ({ step }) => step === "token_issued");
    const records = await recordsOf(daemon.dir);
    const steps = records.filter(({ event }) => event === "sign_in").map(({ step }) => step);
    assert.equal(steps, ["client_registered", "consent_given", "token_issued"]);
    const refused = records.filter(({ event }) => event === "refused");
    // What makes it sign in at all.
    assert.equal(
      refused.map(({ step, status }) => [step, status]),
      [["mcp", 401]],
    );
  }));

test("the log tells where the journal ends, so that it convicts a journal that was removed whole", async () => {
  const place = makePlace();
  place.configure(full);
  try {
    const daemon = await startDaemonProcess(place);
    await callTool(daemon.endpoint, "exec_command", { cmd: "true" });
    await daemon.stop();
    const anchors = [
      ...daemon.program.stderr().matchAll(/"the audit journal ends here","record":(\d+),"hash":"(\w+)"/g),
    ].map(([, record, hash]) => [Number(record), hash]);
    const hashes = (): (readonly [number, string])[] =>
      segmentsIn(auditDir(join(place.dir, "state")))
        .flatMap((path) => readFileSync(path, "utf8").trimEnd().split("\n"))
        .map((line) => [JSON.parse(line).seq, sha(line)]);
    const written = hashes();
    assert.equal(anchors, [written[0], written.at(-1)]);

    rmSync(auditDir(join(place.dir, "state")), { recursive: true });
    await (await startDaemonProcess(place)).stop();
    assert.is((await ctl(place, "audit", "verify")).code, 0, "control: the journal alone does not show it");
    const left = new Map(hashes());
    for (const [record, hash] of anchors) assert.is.not(left.get(Number(record)), hash);
  } finally {
    place.remove();
  }
});

test("what was removed is found by the command, with the place", async () => {
  const place = makePlace();
  place.configure(full);
  const daemon = await startDaemonProcess(place);
  try {
    for (const name of ["a", "b", "c"]) await callTool(daemon.endpoint, "list_dir", { path: name });
    await callTool(daemon.endpoint, "exec_command", { cmd: "true" });
  } finally {
    await daemon.stop();
  }
  const dir = auditDir(join(place.dir, "state"));
  const [name = ""] = readdirSync(dir).filter((file) => file.endsWith(".jsonl"));
  const lines = readFileSync(join(dir, name), "utf8").split("\n");
  writeFileSync(join(dir, name), lines.toSpliced(2, 1).join("\n"));
  const { code, stdout } = await ctl(place, "audit", "verify");
  assert.is(code, 1);
  assert.match(stdout, new RegExp(`${name}, line 3`));
  place.remove();
});

test.run();
