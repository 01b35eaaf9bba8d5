import { test } from "uvu";
import * as assert from "uvu/assert";
import { status, tunnel } from "../../../internal/admin/admin.test.util.js";
import { ownAgent } from "../../../internal/tunnel/exchange.js";
import { ctl, type Home, makeHome, withDaemon } from "../ctl.test.util.js";
import type { Row } from "./row.js";

let home: Home;
test.before.each(() => {
  home = makeHome();
});
test.after.each(() => home.remove());

/** A daemon whose listener is nobody's: what it says is shown all the same. */
const quiet = {
  ...status,
  listen: { ...status.listen, url: "http://127.0.0.1:1/mcp", public_url: null },
};

/** `id:status` of the rows that a daemon with this status leads to, without those of the machine and the outside. */
async function rowsOf(report: typeof status): Promise<string[]> {
  let rows: readonly Row[] = [];
  await withDaemon({ home, status: () => report }, async () => {
    rows = JSON.parse((await ctl(home, ["doctor", "--json"])).stdout).rows;
  });
  return rows
    .filter(({ id }) => /^(?:daemon|sandbox|path|config\.pending|health\.)/.test(id))
    .map((row) => `${row.id}:${row.status}`);
}

const well = ["daemon:ok", "sandbox:ok", "path:ok"];

test("what the daemon says of itself becomes rows, each as bad as it is", async () => {
  const warning = { code: "X", text: "odd", fix: "", since: "t" };
  const { sandbox } = quiet;
  const pending = { message: "1 problem", problems: [], since: "t" };
  const cases = [
    [quiet, well],
    [{ ...quiet, state: "draining" as const }, ["daemon:warn", "sandbox:ok", "path:ok"]],
    [
      { ...quiet, sandbox: { ...sandbox, level: "namespaces" as const } },
      ["daemon:ok", "sandbox:fail", "path:ok"],
    ],
    [
      { ...quiet, sandbox: { ...sandbox, level: "namespaces" as const, minimum: "none" as const } },
      ["daemon:ok", "sandbox:warn", "path:ok"],
    ],
    [{ ...quiet, path: { ...quiet.path, problem: "no shell" } }, ["daemon:ok", "sandbox:ok", "path:warn"]],
    [
      { ...quiet, config: { ...quiet.config, pending_error: pending } },
      ["daemon:ok", "config.pending:fail", "sandbox:ok", "path:ok"],
    ],
    ...(["error", "warning", "info"] as const).map((severity) => [
      { ...quiet, warnings: [{ ...warning, severity }] },
      [...well, `health.X:${{ error: "fail", warning: "warn", info: "ok" }[severity]}`],
    ]),
  ] as [typeof status, string[]][];
  for (const [report, rows] of cases) assert.equal(await rowsOf(report), rows, JSON.stringify(report));
});

test("a daemon that has just started is waited for", async () => {
  let asked = 0;
  const early = { ...quiet, uptime_s: 1, path: null };
  await withDaemon({ home, status: () => (++asked < 3 ? early : { ...quiet, uptime_s: 1 }) }, async () => {
    const { rows } = JSON.parse((await ctl(home, ["doctor", "--json"])).stdout);
    assert.is(rows.find(({ id }: Row) => id === "path")?.status, "ok");
  });
  assert.is(asked, 3);
});

test("the tunnel is tried anew, and as bad as what comes of it", async () => {
  const fault = { code: "PUBLIC_REDIRECT", class: "degraded" as const, text: "it redirects", hint: "do not" };
  const condition = {
    code: fault.code,
    severity: "error" as const,
    text: fault.text,
    fix: "do not",
    since: "t",
  };
  const proven = { ...tunnel, verified_at: new Date(Date.now() + 60_000).toISOString() };
  for (const [found, expected] of [
    [proven, "ok"],
    [tunnel, "warn"],
    [{ ...tunnel, state: "degraded" as const, fault }, "fail"],
    [{ ...tunnel, state: "connecting" as const }, "warn"],
  ] as const) {
    const backend = { report: () => tunnel, restart: async () => tunnel, test: async () => found };
    const report = { ...quiet, tunnel: found, warnings: found.fault ? [condition] : [] };
    await withDaemon({ home, status: () => report, tunnel: backend }, async () => {
      for (const verb of ["doctor", "verify"]) {
        const { rows } = JSON.parse((await ctl(home, [verb, "--json"])).stdout);
        assert.is(rows.find(({ id }: Row) => id === "tunnel")?.status, expected, verb);
        // Not a second time as a condition.
        assert.not(rows.some(({ id }: Row) => id === `health.${fault.code}`));
      }
    });
  }
});

test("a client that is stuck on its way in is told, and our own requests are not", async () => {
  const diagnosis = {
    code: "TOKEN_THEN_NOTHING",
    text: "then nothing arrived",
    hint: "allow 160.79.104.0/21",
  };
  const at = "2026-01-02T03:04:05.000Z";
  const attempt = { client_id: null, started_at: at, last_at: at, reached: null, steps: [], failure: null };
  const came = (agent: string, stuck: boolean) => ({
    user_agent: agent,
    attempts: [{ ...attempt, user_agent: agent, diagnosis: stuck ? diagnosis : null }],
  });
  const own = came(ownAgent, true);
  for (const [clients, expected] of [
    [[own], []],
    [[own, came("fine", false)], ["attempts:ok"]],
    [[came("Claude-User", true), came("fine", false), own], ["attempts.TOKEN_THEN_NOTHING:warn"]],
  ] as const) {
    await withDaemon({ home, status: () => quiet, attempts: () => ({ clients }) }, async () => {
      const rows: Row[] = JSON.parse((await ctl(home, ["doctor", "--json"])).stdout).rows;
      const found = rows.filter(({ id }) => id.startsWith("attempts"));
      assert.equal(
        found.map(({ id, status }) => `${id}:${status}`),
        expected,
      );
    });
  }
});

test("a public name that fails is compared with the daemon itself", async () => {
  const listen = { ...quiet.listen, public_url: "https://ctmcp.invalid/mcp" };
  await withDaemon({ home, status: () => ({ ...quiet, listen }) }, async () => {
    const { code, stdout } = await ctl(home, ["doctor"]);
    assert.is(code, 4);
    assert.match(stdout, /^FAIL {2}server card: .*ctmcp\.invalid.*\n {6}\S/m);
    assert.match(stdout, /^FAIL {2}nor does the daemon answer at http:\/\/127\.0\.0\.1:1\n {6}\S/m);
  });
});

test.run();
