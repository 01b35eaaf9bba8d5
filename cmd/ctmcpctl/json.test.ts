import { once } from "node:events";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { status } from "../../internal/admin/admin.test.util.js";
import type { LogLine } from "../../internal/log/line.js";
import { createContext } from "./context.js";
import { ctl, ended, type Home, makeHome, openJournal, startCtl, withDaemon } from "./ctl.test.util.js";
import { createReport } from "./doctor/report.js";
import { fail } from "./doctor/row.js";

let home: Home;
test.before.each(() => {
  home = makeHome();
});
test.after.each(() => home.remove());

/** What a client may call itself: a control sequence in one character, and one that reverses the rest of the line. */
const hostile = "evil\u009b2J\u007f\u202e";
const drives = /[^\P{Cc}\n]|\p{Bidi_Control}/u;

/** The document is safe to look at and holds the very name. */
function assertShown(text: string, nameIn: (value: Record<string, unknown>) => unknown): void {
  assert.not.match(text, drives);
  assert.is(nameIn(JSON.parse(text)), hostile, text);
}

const warning = { code: "ODD", severity: "warning" as const, text: hostile, fix: "", since: "t" };
const ofWarning = ({ warnings }: Record<string, unknown>): unknown =>
  (warnings as { text: string }[])[0]?.text;

test("control: as JSON.stringify has it, a name drives the terminal", () => {
  assert.match(JSON.stringify({ name: hostile }), drives);
});

test("answers of the daemon, once and again and again", () =>
  withDaemon({ home, status: () => ({ ...status, warnings: [warning] }) }, async () => {
    assertShown((await ctl(home, ["status", "--json"])).stdout, ofWarning);
    const watching = startCtl(home, ["status", "--watch", "--json"]);
    const over = ended(watching);
    await once(watching.stdout ?? watching, "data");
    watching.kill();
    assertShown((await over).stdout, ofWarning);
  }));

test("log lines", () => {
  const line: LogLine = { time: "2026-01-02T03:04:05.000Z", level: "info", message: hostile };
  return withDaemon(
    {
      home,
      logs: async function* () {
        yield line;
      },
    },
    async () => {
      assertShown((await ctl(home, ["logs", "--json"])).stdout, ({ message }) => message);
      assert.not.match((await ctl(home, ["logs"])).stdout, drives);
    },
  );
});

test("the record", async () => {
  const journal = openJournal(home);
  journal.note({ event: "call", client: hostile });
  journal.close();
  assertShown((await ctl(home, ["audit", "--json"])).stdout, ({ client }) => client);
});

test("a refusal that repeats what was typed", async () => {
  const { stdout } = await ctl(home, ["logs", "--json", "-n", hostile]);
  assert.not.match(stdout, drives);
  assert.match(JSON.parse(stdout).error.message, hostile);
});

test("the doctor's rows", () => {
  const lines: string[] = [];
  const { stdout, stdin, stderr } = process;
  const around = { stdout, stdin, stderr, env: {}, home: home.dir, cwd: "/", uid: 0 };
  const report = createReport({
    ...createContext(around, { json: true }, []),
    print: (line) => lines.push(line),
  });
  report.add([fail("a", hostile, "")]);
  report.end();
  assertShown(lines.join("\n"), ({ rows }) => (rows as { text: string }[])[0]?.text);
});

test.run();
