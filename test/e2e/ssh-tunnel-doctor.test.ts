import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Row } from "../../cmd/ctmcpctl/doctor/row.js";
import { ownAgent } from "../../internal/tunnel/exchange.js";
import { publicUrl, withTunnel } from "../support/far-side.js";

/** What doctor says of a daemon that clients reach: everything that a client does, as one outside. */
const journey = [
  "tunnel",
  "outside.card",
  "clock",
  "outside.resource-metadata",
  "outside.server-metadata",
  "outside.register",
  "outside.authorize",
  "outside.token",
  "mcp.challenge",
  "mcp.initialize",
  "mcp.tools",
  "mcp.ping",
  "mcp.first-byte",
  "catalogue",
  "attempts",
];

function idsOf(rows: readonly Row[]): string[] {
  return rows.map(({ id }) => id);
}

function failuresOf(rows: readonly Row[]): string[] {
  return idsOf(rows.filter(({ status }) => status === "fail"));
}

test("doctor and verify go the whole way by the public URL, and the journal has a client's", () =>
  withTunnel(async (daemon) => {
    const { far, ctl, look, start, configureTunnel, admin } = daemon;
    configureTunnel();
    await far.ask("forward", 8765);
    await start();
    await ctl("wait", "--for", "tunnel");
    const password = (await ctl("rotate-secret", "password")).trim();
    await far.ask("signIn", publicUrl, { password, workspaces: ["app"], profile: "full" });
    await far.ask("count");
    await far.ask("answered");
    const { signIns } = await far.ask("rest");
    assert.is(signIns, 1);

    const { clients } = await admin.attempts();
    const [attempt, ...others] = clients.find(({ user_agent: agent }) => agent !== ownAgent)?.attempts ?? [];
    assert.equal(others, []);
    const steps = attempt?.steps ?? [];
    const inTime = [...steps].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
    assert.equal(
      inTime.map(({ step, result }) => `${step} ${result}`),
      ["metadata", "register", "authorize", "token", "initialize", "list", "call"].map((it) => `${it} ok`),
    );

    const well = await look("doctor");
    const amiss = well.rows.filter(({ status }) => status !== "ok");
    assert.equal([well.code, amiss], [0, []], JSON.stringify(amiss, null, 1));
    const ids = idsOf(well.rows);
    assert.equal(ids.slice(ids.indexOf("tunnel")), journey);
    assert.match(well.rows.find(({ id }) => id === "tunnel")?.text ?? "", publicUrl);
    const verified = await look("verify");
    assert.equal([verified.code, failuresOf(verified.rows)], [0, []]);
    for (const id of ["tunnel", "outside.card", "mcp.initialize", "mcp.tools", "mcp.ping"])
      assert.ok(idsOf(verified.rows).includes(id), id);

    // Control: the reverse proxy leads elsewhere, and the daemon itself is well.
    await far.ask("forward", 9);
    for (const verb of ["doctor", "verify"] as const) {
      const { code, rows } = await look(verb);
      assert.is(code, 4, verb);
      assert.is.not(rows.find(({ id }) => id === "tunnel")?.status, "ok", verb);
      assert.ok(failuresOf(rows).includes("outside.card"), verb);
      if (verb === "doctor") assert.is(rows.find(({ id }) => id === "loopback")?.status, "ok");
    }
  }));

test.run();
