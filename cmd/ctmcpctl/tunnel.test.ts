import { test } from "uvu";
import * as assert from "uvu/assert";
import { status, tunnel } from "../../internal/admin/admin.test.util.js";
import type { TunnelBackend } from "../../internal/admin/backend.js";
import { createAttempts } from "../../internal/clients/attempts.js";
import type { TunnelReport } from "../../internal/tunnel/types.js";
import { version } from "../../internal/version/version.js";
import { ctl, ended, type Home, makeHome, startCtl, withDaemon } from "./ctl.test.util.js";

let home: Home;
test.before.each(() => {
  home = makeHome();
});
test.after.each(() => home.remove());

const fault = {
  code: "NGROK_TOKEN",
  class: "blocked",
  text: "the token\u001b[2J is wrong",
  hint: "write another",
} as const;
const blocked: TunnelReport = { ...tunnel, state: "blocked", fault, pid: null, lines: ["bad\u001b[2J"] };
const waiting: TunnelReport = {
  ...tunnel,
  state: "backoff",
  pid: null,
  next_start_at: "2026-01-02T05:00:00.000Z",
};

/** A daemon whose tunnel is as `report` says. */
function withTunnel(report: () => TunnelReport, run: () => Promise<void>): Promise<void> {
  const verified_at = (): string => new Date().toISOString();
  const test = async (): Promise<TunnelReport> => ({ ...report(), verified_at: verified_at() });
  const backend: TunnelBackend = { report, restart: async () => report(), test };
  return withDaemon({ home, version, tunnel: backend, status: () => ({ ...status, tunnel: report() }) }, run);
}

test("status, restart and test show the tunnel; as JSON it is the daemon's report", () =>
  withTunnel(
    () => tunnel,
    async () => {
      for (const verb of ["status", "restart", "test"]) {
        const text = await ctl(home, ["tunnel", verb]);
        assert.equal([text.code, text.stderr], [0, ""], verb);
        assert.match(
          text.stdout,
          /^tunnel +verified for \d+ d .* \(ngrok\)\n +https:\/\/mcp\.example\.com\/mcp$/m,
        );
        assert.match(text.stdout, /^program +pid 4711\nrestarts +2\n {2}\| started tunnel$/m);
        const json = await ctl(home, ["tunnel", verb, "--json"]);
        const told = JSON.parse(json.stdout);
        const { verified_at } = verb === "test" ? told.tunnel : tunnel;
        assert.equal(told, { schema: 1, tunnel: { ...tunnel, verified_at } });
      }
    },
  ));

test("a fault is shown with what to do, and nothing in it drives the terminal", () =>
  withTunnel(
    () => blocked,
    async () => {
      for (const args of [["tunnel", "status"], ["status"]]) {
        const { code, stdout } = await ctl(home, args);
        assert.is(code, 0);
        assert.match(
          stdout,
          /blocked for .* \(ngrok\)\n(?:.*https:.*\n)?.*last verified .*\n.*NGROK_TOKEN: the token\\x1b.*\n.*fix: write/,
        );
        assert.not.match(stdout, "\u001b");
      }
    },
  ));

test("when it is started again is shown; a test that fails ends with 4", () =>
  withTunnel(
    () => waiting,
    async () => {
      assert.match((await ctl(home, ["tunnel", "status"])).stdout, /starts again at 2026-01-02T05:00/);
      const { code, stdout } = await ctl(home, ["tunnel", "test"]);
      assert.is(code, 4);
      assert.match(stdout, /backoff for .* \(ngrok\)$/m);
    },
  ));

test("a test whose own request did not arrive fails, though one failure leaves the state as it is", async () => {
  const backend = { report: () => tunnel, restart: async () => tunnel, test: async () => tunnel };
  await withDaemon({ home, version, tunnel: backend }, async () => {
    const { code, stderr } = await ctl(home, ["tunnel", "test"]);
    assert.is(code, 4);
    assert.match(
      stderr,
      /^the tunnel \(ngrok\) was verified .* ago, and the request sent just now did not arrive;/,
    );
  });
  // Without a public URL nothing is sent.
  const quiet = { ...tunnel, provider: "openai", url: null };
  await withDaemon({ home, version, tunnel: { ...backend, test: async () => quiet } }, async () => {
    assert.is((await ctl(home, ["tunnel", "test"])).code, 0);
  });
});

test("of a tunnel that somebody else runs there is no program to show", () =>
  withTunnel(
    () => ({ ...tunnel, provider: "none", pid: null, restarts: 0, lines: [] }),
    async () => {
      const { stdout } = await ctl(home, ["tunnel", "status"]);
      assert.match(stdout, /^tunnel +verified for .* \(run by somebody else\)\n +https:\S+\n$/);
    },
  ));

test("without a tunnel it is said how to get one", () =>
  withDaemon({ home, version }, async () => {
    assert.match((await ctl(home, ["status"])).stdout, /^ {2}tunnel +none$/m);
    const shown = await ctl(home, ["tunnel", "status"]);
    assert.is(shown.code, 0);
    assert.match(shown.stdout, "ctmcpctl tunnel setup");
    for (const verb of ["restart", "test"]) {
      const refused = await ctl(home, ["tunnel", verb]);
      assert.is(refused.code, 5);
      assert.match(refused.stderr, /hint: .*ctmcpctl tunnel setup/);
    }
    const waited = await ctl(home, ["wait", "--for", "tunnel"]);
    assert.is(waited.code, 4);
    assert.match(waited.stderr, /hint: .*ctmcpctl tunnel setup/);
  }));

test("wait --for tunnel ends once it is verified", async () => {
  const done = ended(startCtl(home, ["wait", "--for", "tunnel", "--timeout", "30s"]));
  let asked = 0;
  const report = () => (++asked > 1 ? tunnel : waiting);
  await withTunnel(report, async () => {
    const { code, stdout } = await done;
    assert.equal([code, stdout], [0, "verified: https://mcp.example.com/mcp\n"]);
    assert.ok(asked > 1);
  });
});

test("wait --for tunnel ends at once when a person has to do something, else when the time is up", async () => {
  await withTunnel(
    () => blocked,
    async () => {
      const told = await ctl(home, ["wait", "--for", "tunnel", "--timeout", "3600s"]);
      assert.is(told.code, 4);
      assert.match(told.stderr, /hint: write another\n$/);
    },
  );
  await withTunnel(
    () => waiting,
    async () => {
      assert.is((await ctl(home, ["wait", "--for", "ready", "--timeout", "1ms"])).code, 0);
      assert.is((await ctl(home, ["wait", "--for", "tunnel", "--timeout", "1ms"])).code, 4);
    },
  );
  assert.is((await ctl(home, ["wait", "--for", "nothing"])).code, 2);
});

test("clients --attempts tells how far each client came, and what to do", () => {
  let now = Date.now() - 3_600_000;
  const attempts = createAttempts({ now: () => now, monotonic: () => now, after: () => () => {} });
  const note = { userAgent: "Claude-User", source: "id-1" };
  attempts.note({ ...note, step: "register", result: "ok", status: 201 });
  attempts.note({ ...note, step: "token", result: "ok", status: 200 });
  attempts.note({
    userAgent: "odd\u202e",
    step: "token",
    result: "refused",
    status: 401,
    detail: "invalid_client",
  });
  now = Date.now();
  const clients = attempts.list();
  return withDaemon({ home, version, attempts: () => ({ clients }) }, async () => {
    const { code, stdout } = await ctl(home, ["clients", "--attempts"]);
    assert.is(code, 0);
    assert.match(
      stdout,
      /^Claude-User\n {2}1 h 0 min ago: register, token\n.*\n {4}fix: allow 160\.79\.104\.0\/21/m,
    );
    assert.match(stdout, /^odd\\x202e\n {2}.* ago: token \(refused 401 invalid_client\)$/m);
    const json = await ctl(home, ["clients", "--attempts", "--json"]);
    assert.equal(JSON.parse(json.stdout), { schema: 1, clients });
  });
});

test("where nothing arrived, the way to find out why is named", () =>
  withDaemon({ home, version }, async () => {
    assert.match((await ctl(home, ["clients", "--attempts"])).stdout, "ctmcpctl doctor");
  }));

test.run();
