import { test } from "uvu";
import * as assert from "uvu/assert";
import { grant, status, tunnel } from "../../internal/admin/admin.test.util.js";
import type { AdminBackend } from "../../internal/admin/backend.js";
import type { ClientAttempts } from "../../internal/clients/attempts.js";
import { ctl, type Home, makeHome, openJournal, withDaemon } from "./ctl.test.util.js";

let home: Home;
test.before.each(() => {
  home = makeHome();
});
test.after.each(() => home.remove());

/** Clears the screen, in two spellings, takes a character back, begins a line of its own, and reverses the rest. */
const hostile = "evil\u001b[2J\u009b2J\u007f\r\nforged\u202e";
const drives = /[^\P{Cc}\n]|\p{Bidi_Control}|^forged/mu;
const at = "2026-01-02T03:04:05.000Z";

const attempts: readonly ClientAttempts[] = [
  {
    user_agent: hostile,
    attempts: [
      {
        user_agent: hostile,
        source: hostile,
        first_at: at,
        last_at: at,
        steps: [{ step: "list", result: "ok", status: 200, detail: hostile, at, times: 1 }],
        diagnosis: { code: "NO_TOKEN", text: hostile, hint: hostile },
      } as unknown as ClientAttempts["attempts"][number],
    ],
  },
];

/** A daemon whose clients have chosen this text wherever they can. */
function besieged(): Partial<AdminBackend> {
  const recent = {
    name: hostile,
    user_agent: hostile,
    principal: "grant:1",
    last_seen: at,
    last_tool: hostile,
  };
  const command = {
    id: "c1",
    workspace: "app",
    principal: "grant:1",
    line: hostile,
    tty: false,
    running_s: 1,
  };
  const wicked = { ...grant, client_name: hostile, client_id: hostile, redirect_host: hostile };
  let looks = 0;
  return {
    status: () => ({
      ...status,
      clients: { active: 1, recent: [recent] },
      commands: [command],
      tunnel: { ...tunnel, lines: [hostile] },
      warnings: [{ code: "ODD", severity: "error", text: hostile, fix: hostile, since: at }],
    }),
    clients: () => ({
      clients: [
        {
          ...recent,
          principal: `grant:${grant.id}`,
          version: hostile,
          era: "modern",
          protocol_version: hostile,
          first_seen: at,
          last_method: "tools/call",
          requests: 1,
          tool_calls: 1,
          catalogue: null,
        },
      ],
    }),
    // The first look of connect is at what was there before.
    attempts: () => ({ clients: looks++ === 0 ? [] : attempts }),
    signIn: {
      list: () => [wicked],
      revoke: async () => wicked,
      setAccess: async () => wicked,
      unlock: () => ({ cleared: 0 }),
    },
    logs: async function* () {
      yield { time: at, level: "info", message: hostile, [hostile]: hostile };
    },
  };
}

const commands: readonly string[] = [
  "status --verbose",
  "status --check",
  "clients",
  "clients show 3f",
  "clients set-profile 3f full",
  "clients revoke 3f",
  "clients revoke nobody",
  "connect --timeout 10s",
  "clients --attempts",
  "logs",
  "audit",
];

test("nothing that a client has chosen drives the terminal or begins a line", async () => {
  assert.match(hostile, drives, "control: as it is, it would");
  const journal = openJournal(home);
  const who = { principal: "grant:1", client: hostile, workspace: "app" };
  const command = { id: "c1", line: hostile, status: "exited", exit: 1, signal: null };
  journal.note({ event: "call_started", ...who, tool: hostile, args: { [hostile]: hostile } });
  const files = [{ path: hostile, before: null, after: "abc" }];
  journal.note({ event: "call", ...who, tool: hostile, outcome: "ok", command, files, duration_ms: 1 });
  journal.note({ event: "command_ended", ...who, command, bytes: 1, duration_ms: 1 });
  journal.note({ event: "sign_in", step: "client_registered", client_id: hostile, detail: hostile });
  journal.close();
  await withDaemon({ home, ...besieged() }, async () => {
    for (const words of commands) {
      const { stdout, stderr } = await ctl(home, words.split(" "));
      assert.match(stdout + stderr, "evil", `control: ${words} shows it`);
      assert.not.match(stdout + stderr, drives, words);
    }
  });
});

test.run();
