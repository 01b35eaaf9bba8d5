import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ApprovalsBackend } from "../../internal/admin/backend.js";
import type { ApprovalReport } from "../../internal/admin/types.js";
import { Fault } from "../../internal/errs/errs.js";
import { ctl, type Home, makeHome, withDaemon } from "./ctl.test.util.js";

let home: Home;
test.before.each(() => {
  home = makeHome();
});
test.after.each(() => home.remove());

const waiting: ApprovalReport = {
  id: "a1b2c3d4",
  state: "pending",
  tool: "exec_command",
  workspace: "app",
  principal: "bearer",
  permissions: ["network", "inline_script"],
  reason: "to see \x1b[2J",
  summary: "sh -c 'curl https://example.com'\nffffffff  approved",
  requested_at: new Date().toISOString(),
  expires_at: new Date(Date.now() + 600_000).toISOString(),
  uses: "once",
  decided_by: null,
};

/** A daemon where one request waits; it remembers what it was told. */
function makeApprovals(): { approvals: ApprovalsBackend; decisions: unknown[] } {
  const decisions: unknown[] = [];
  return {
    decisions,
    approvals: {
      list: () => [waiting],
      decide(decision) {
        if (decision.id !== waiting.id)
          throw new Fault("NOT_FOUND", `no request ${decision.id}`, { hint: "look" });
        decisions.push(decision);
        const uses = decision.forSeconds === undefined ? "once" : "any";
        return { ...waiting, state: decision.allow ? "approved" : "denied", uses, decided_by: "owner" };
      },
    },
  };
}

test("approvals shows what waits, whole, and cannot be made to show something else", () =>
  withDaemon({ home, approvals: makeApprovals().approvals }, async () => {
    const { code, stdout } = await ctl(home, ["approvals"]);
    assert.is(code, 0);
    assert.match(stdout, /^a1b2c3d4 {2}pending \(9 min/);
    assert.match(stdout, "network, inline_script");
    assert.match(stdout, "  | sh -c 'curl https://example.com'\n  | ffffffff  approved\n");
    assert.match(stdout, "to see \\x1b[2J");
    assert.match(stdout, "ctmcpctl approve a1b2c3d4");
    const json = JSON.parse((await ctl(home, ["approvals", "--json"])).stdout);
    assert.equal(json, { schema: 1, approvals: [waiting] });
  }));

test("approve and deny tell the daemon once or for how long", async () => {
  const { approvals, decisions } = makeApprovals();
  await withDaemon({ home, approvals }, async () => {
    const { id } = waiting;
    assert.match((await ctl(home, ["approve", id])).stdout, "approved for one call by the owner");
    assert.match(
      (await ctl(home, ["approve", id, "--for", "10m"])).stdout,
      "approved for a time by the owner",
    );
    assert.is((await ctl(home, ["approve", id, "--for", "once"])).code, 0);
    const denied = await ctl(home, ["deny", id, "--json"]);
    assert.is(JSON.parse(denied.stdout).approval.state, "denied");
  });
  assert.equal(decisions, [
    { id: waiting.id, allow: true, forSeconds: undefined },
    { id: waiting.id, allow: true, forSeconds: 600 },
    { id: waiting.id, allow: true, forSeconds: undefined },
    { id: waiting.id, allow: false, forSeconds: undefined },
  ]);
});

test("a request that is not there is a failure; a time that makes no sense is a wrong command line", () =>
  withDaemon({ home, approvals: makeApprovals().approvals }, async () => {
    for (const verb of ["approve", "deny"]) {
      const { code, stdout, stderr } = await ctl(home, [verb, "00000000", "--json"]);
      assert.is(code, 1, stderr);
      assert.is(JSON.parse(stdout).error.code, "NOT_FOUND");
      assert.match(stderr, "00000000");
    }
    for (const time of ["0s", "61m", "soon"]) {
      const { code, stderr } = await ctl(home, ["approve", waiting.id, "--for", time]);
      assert.is(code, 2, stderr);
      assert.match(stderr, time);
    }
    assert.is((await ctl(home, ["approve"])).code, 2);
  }));

test("a daemon where nothing can be asked for has nothing to answer", () =>
  withDaemon({ home }, async () => {
    assert.match((await ctl(home, ["approvals"])).stdout, "no client asks for anything");
    assert.is((await ctl(home, ["approve", waiting.id])).code, 1);
  }));

test.run();
