import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createTestClock, type TestClock } from "../../test/support/clock.js";
import { boundArguments } from "../audit/arguments.js";
import { auditDir } from "../audit/files.js";
import { readAudit } from "../audit/read.js";
import type { AuditRecord } from "../audit/record.js";
import { toolErrors } from "../errs/errs.js";
import { createHealth } from "../health/health.js";
import { createLog } from "../log/log.js";
import { createRedactor } from "../log/redact.js";
import { type Audit, createAudit, outcomeOf } from "./audit.js";

const principal = { id: "p", label: "client", workspaces: undefined, profile: "full" } as const;
const stream = { write: () => true, on: () => {} };

test("a fault in what describes a call leaves it in the record, and says so in the log", async () => {
  const clock = createTestClock();
  const redactor = createRedactor();
  const log = createLog({ level: "info", stream, env: {}, redactor, clock });
  const stateDir = mkdtempSync(join(tmpdir(), "audit-"));
  const config = () => ({ maxBytes: 1e6, keep: 2 });
  const audit = createAudit({ clock, log, redactor, stateDir, config, health: createHealth(clock) });
  const args = Object.defineProperty({}, "cmd", {
    enumerable: true,
    get() {
      throw new Error("injected");
    },
  });
  try {
    assert.throws(
      () => boundArguments(args, redactor.text),
      "injected",
      "control: nothing would be recorded",
    );
    const call = { principal, tool: "exec_command", workspace: "app", args };
    audit.call({
      ...call,
      ok: false,
      errorCode: "INVALID_ARGUMENT",
      durationMs: 0,
      bytes: undefined,
      truncated: false,
      result: undefined,
    });
    audit.begin(call);
    audit.close();
    const records: AuditRecord[] = [];
    for await (const record of readAudit(auditDir(stateDir))) records.push(record);
    assert.equal(
      records.map(({ event, tool, args: shown }) => [event, tool, shown]),
      [
        ["call", "exec_command", { unrecorded: true }],
        ["call_started", "exec_command", { unrecorded: true }],
      ],
    );
    assert.is(log.recent().filter(({ level }) => level === "error").length, 2);
  } finally {
    rmSync(stateDir, { recursive: true });
  }
});

/** What the audit of `act` recorded. */
async function recordsOf(act: (audit: Audit, clock: TestClock) => void): Promise<readonly AuditRecord[]> {
  const clock = createTestClock();
  const redactor = createRedactor();
  const log = createLog({ level: "info", stream, env: {}, redactor, clock });
  const stateDir = mkdtempSync(join(tmpdir(), "audit-"));
  const config = () => ({ maxBytes: 1e7, keep: 2 });
  const audit = createAudit({ clock, log, redactor, stateDir, config, health: createHealth(clock) });
  try {
    act(audit, clock);
    audit.close();
    const records: AuditRecord[] = [];
    for await (const record of readAudit(auditDir(stateDir))) records.push(record);
    return records;
  } finally {
    rmSync(stateDir, { recursive: true });
  }
}

const who = { clientId: "c", grantId: "g" };

test("a flood at the door hides nothing that takes more than the URL", async () => {
  const records = await recordsOf((audit) => {
    for (let n = 0; n < 200; n++) audit.refused({ userAgent: "x", step: "mcp", status: 401 });
    audit.signIn({ event: "registration_refused" });
    for (const event of [
      "password_wrong",
      "consent_denied",
      "consent_given",
      "token_issued",
      "token_refreshed",
    ] as const)
      audit.signIn({ event, ...who });
    audit.signIn({ event: "token_refreshed", detail: "repeated", ...who });
  });
  assert.is(records.filter(({ event }) => event === "refused").length, 60);
  assert.equal(
    records.filter(({ event }) => event === "sign_in").map(({ step }) => step),
    // The control is what is not here: registration_refused, which anybody can cause.
    [
      "password_wrong",
      "consent_denied",
      "consent_given",
      "token_issued",
      "token_refreshed",
      "token_refreshed",
    ],
  );
});

test("what can be caused at will is bounded each by itself, and the rest is counted", async () => {
  const floods = [
    { event: "consent_denied" },
    { event: "password_wrong" },
    { event: "token_refreshed", detail: "repeated" },
  ] as const;
  const records = await recordsOf((audit, clock) => {
    for (const flood of floods) for (let n = 0; n < 100; n++) audit.signIn({ ...flood, ...who });
    clock.advance(60_000);
  });
  for (const { event } of floods) assert.is(records.filter(({ step }) => step === event).length, 20, event);
  assert.equal(
    records.filter(({ event }) => event === "skipped").map(({ kind, count }) => [kind, count]),
    [
      ["consent denied", 80],
      ["password guessed", 80],
      ["refresh repeated", 80],
    ],
  );
});

test("a call that was turned away over rights was refused, whatever its code", () => {
  const outcome = (errorCode: string | undefined): string =>
    outcomeOf({ ok: errorCode === undefined, errorCode });
  for (const [code, { category }] of Object.entries(toolErrors)) {
    if (category === "security" || category === "permission") assert.is(outcome(code), "refused", code);
  }
  for (const code of ["UNKNOWN_TOOL", "RATE_LIMITED", "INVALID_ARGUMENT"])
    assert.is(outcome(code), "refused", code);
  for (const code of ["NOT_FOUND", "GIT_ERROR", "PATCH_CONFLICT", "toString"])
    assert.is(outcome(code), "failed", code);
  assert.equal([outcome("CANCELLED"), outcome(undefined)], ["cancelled", "ok"]);
});

test.run();
