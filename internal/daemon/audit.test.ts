import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createTestClock } from "../../test/support/clock.js";
import { boundArguments } from "../audit/arguments.js";
import { auditDir } from "../audit/files.js";
import { readAudit } from "../audit/read.js";
import type { AuditRecord } from "../audit/record.js";
import { createHealth } from "../health/health.js";
import { createLog } from "../log/log.js";
import { createRedactor } from "../log/redact.js";
import { createAudit } from "./audit.js";

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

test.run();
