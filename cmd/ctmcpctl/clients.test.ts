import { test } from "uvu";
import * as assert from "uvu/assert";
import { grant as claude } from "../../internal/admin/admin.test.util.js";
import type { SignInBackend } from "../../internal/admin/backend.js";
import type { GrantReport } from "../../internal/admin/types.js";
import type { ClientRecord } from "../../internal/clients/clients.js";
import { Fault } from "../../internal/errs/errs.js";
import { version } from "../../internal/version/version.js";
import { ctl, type Home, makeHome, withDaemon } from "./ctl.test.util.js";

let home: Home;
test.before.each(() => {
  home = makeHome();
});
test.after.each(() => home.remove());

/** Its id begins like that of `claude`. */
const cursor: GrantReport = {
  ...claude,
  id: "3f9a7c21d0ffffff",
  client_id: "reg-2",
  client_name: "Cursor\u202e\x1b[2J",
  redirect_host: "cursor",
  workspaces: ["app", "gone"],
  profile: "full",
};
const unnamed: GrantReport = { ...claude, id: "b1", client_name: null, redirect_host: "localhost" };

const record: ClientRecord = {
  principal: `grant:${claude.id}`,
  user_agent: "agent/1",
  name: "claude-ai",
  version: "2.1",
  era: "modern",
  protocol_version: "2026-07-28",
  first_seen: "2026-01-02T03:04:05.000Z",
  last_seen: new Date().toISOString(),
  last_method: "tools/call",
  last_tool: "read_file",
  requests: 3,
  tool_calls: 2,
  catalogue: null,
};

/** A daemon that these clients signed in to, and that does what the owner says. */
function signedIn(...grants: readonly GrantReport[]) {
  const kept = new Map(grants.map((grant) => [grant.id, grant]));
  const find = (id: string): GrantReport => {
    const grant = kept.get(id);
    if (grant === undefined) throw new Fault("NOT_FOUND", `no client has the id ${id}`);
    return grant;
  };
  const signIn: SignInBackend = {
    list: () => [...kept.values()],
    async revoke(id) {
      const grant = find(id);
      kept.delete(id);
      return grant;
    },
    async setAccess(id, { profile, workspaces }) {
      const before = find(id);
      const changed = {
        ...before,
        profile: profile ?? before.profile,
        workspaces: workspaces === undefined ? before.workspaces : workspaces,
      };
      kept.set(id, changed);
      return changed;
    },
    unlock: () => ({ cleared: 2 }),
  };
  return { kept, daemon: { home, version, signIn, clients: () => ({ clients: [record] }) } };
}

test("clients lists who connected with the sign-in behind it, then who else is signed in", () => {
  const left = { ...record, principal: "grant:0000", user_agent: "agent/2" };
  const token = { ...record, principal: "bearer", name: null };
  const { daemon } = signedIn(claude, cursor, unnamed);
  const clients = () => ({ clients: [record, token, left] });
  return withDaemon({ ...daemon, clients }, async () => {
    const { stdout } = await ctl(home, ["clients"]);
    const rows = stdout.trimEnd().split("\n");
    assert.is(rows.length, 6);
    // As short as they can be and still differ.
    assert.match(rows[1] ?? "", /^3f9a7c21d0e {2}claude-ai 2\.1 +claude\.ai "Claude" .* read_file +2$/);
    assert.match(rows[2] ?? "", /^- +agent\/1 +bearer /);
    assert.match(rows[3] ?? "", /^- +claude-ai 2\.1 +signed out /);
    assert.match(rows[4] ?? "", /^3f9a7c21d0f {2}- +cursor "Cursor\\x202e\\u001b\[2J" +- +\d+ d/);
    assert.match(rows[5] ?? "", /^b1 +- +localhost +- /);
    const json = JSON.parse((await ctl(home, ["clients", "--json"])).stdout);
    assert.equal(json, { schema: 1, clients: [record, token, left], grants: [claude, cursor, unnamed] });
  });
});

test("show tells everything, down to what each workspace allows", () => {
  const { daemon } = signedIn(claude, cursor, unnamed);
  return withDaemon(daemon, async () => {
    const all = (await ctl(home, ["clients", "show", claude.id])).stdout;
    assert.match(all, /^id +3f9a7c21d0e4b586$/m);
    assert.match(all, /^name +"Claude", not verified$/m);
    assert.match(all, /^workspaces +all, also ones added later\n +app: read-only\n +documents: read-only$/m);
    assert.match(all, /^seen as +claude-ai 2\.1, \d+ s ago, last call read_file$/m);
    const some = (await ctl(home, ["clients", "show", cursor.id])).stdout;
    assert.match(some, /^workspaces +app: full\n +gone: not served now$/m);
    assert.not.match(some, "documents");
    assert.not.match(some, "\x1b");
    const json = await ctl(home, ["clients", "show", "b", "--json"]);
    assert.equal(JSON.parse(json.stdout), { schema: 1, grant: unnamed, connections: [] });
  });
});

test("an id may be cut short as long as it means one client; otherwise the choices are named", () => {
  const { kept, daemon } = signedIn(claude, cursor, { ...unnamed, id: "3f" });
  return withDaemon(daemon, async () => {
    // A whole id is meant even where others go on from it.
    assert.match((await ctl(home, ["clients", "show", "3f"])).stdout, "localhost");
    assert.match((await ctl(home, ["clients", "show", "3f9a7c21d0e"])).stdout, "claude.ai");
    const several = await ctl(home, ["clients", "revoke", "3f9"]);
    assert.equal([several.code, several.stdout], [2, ""]);
    assert.match(several.stderr, /hint: .*3f9a7c21d0e \(claude\.ai "Claude"\), 3f9a7c21d0f/);
    for (const id of ["x", ""]) {
      const none = await ctl(home, ["clients", "revoke", id]);
      assert.equal([none.code, none.stdout], [1, ""], id);
      assert.match(none.stderr, /hint: .*claude\.ai "Claude"/);
    }
    assert.is(kept.size, 3);
  });
});

test("an empty id means nobody, even where there is only one client", () => {
  const { kept, daemon } = signedIn(claude);
  return withDaemon(daemon, async () => {
    assert.is((await ctl(home, ["clients", "revoke", ""])).code, 1);
    assert.is(kept.size, 1);
  });
});

test("revoke signs one client out", () => {
  const { kept, daemon } = signedIn(claude, unnamed);
  return withDaemon(daemon, async () => {
    assert.is((await ctl(home, ["clients", "revoke", "3"])).stdout, 'signed out: claude.ai "Claude"\n');
    assert.equal([...kept.keys()], [unnamed.id]);
    const json = await ctl(home, ["clients", "revoke", "b", "--json"]);
    assert.equal(JSON.parse(json.stdout), { schema: 1, grant: unnamed });
    const none = await ctl(home, ["clients", "revoke", "b"]);
    assert.match(none.stderr, /hint: no client is signed in\n$/);
  });
});

test("a profile is set, with a remark where a workspace allows less", () => {
  const { kept, daemon } = signedIn(claude, { ...unnamed, workspaces: ["app"] });
  return withDaemon(daemon, async () => {
    const wide = await ctl(home, ["clients", "set-profile", "3f9", "full"]);
    assert.is(wide.stdout, 'claude.ai "Claude": full in all workspaces, also ones added later\n');
    assert.match(wide.stderr, /^note: still read-only in documents:/);
    assert.is(kept.get(claude.id)?.profile, "full");
    assert.is(kept.get(claude.id)?.workspaces, null);
    assert.is((await ctl(home, ["clients", "set-profile", "b1", "full"])).stderr, "");
    assert.is((await ctl(home, ["clients", "set-profile", "3f9", "read-only"])).stderr, "");
    assert.is((await ctl(home, ["clients", "set-profile", "3f9", "admin"])).code, 2);
  });
});

test("workspaces are set to some or to all", () => {
  const { kept, daemon } = signedIn(claude);
  const set = (list: string) => ctl(home, ["clients", "set-workspaces", claude.id, list, "--json"]);
  return withDaemon(daemon, async () => {
    assert.is(JSON.parse((await set("app,documents,app")).stdout).grant.profile, "read-only");
    assert.equal(kept.get(claude.id)?.workspaces, ["app", "documents"]);
    for (const list of ["", "app,", ",", " "]) {
      assert.is((await set(list)).code, 2, list);
      assert.equal(kept.get(claude.id)?.workspaces, ["app", "documents"]);
    }
    await set("all");
    assert.is(kept.get(claude.id)?.workspaces, null);
  });
});

test("a workspace that is not served, as the daemon says", () => {
  const { daemon } = signedIn(claude);
  const setAccess = async () => {
    throw new Fault("NOT_FOUND", "there is no workspace ap", { hint: "there are app, documents" });
  };
  return withDaemon({ ...daemon, signIn: { ...daemon.signIn, setAccess } }, async () => {
    const { code, stdout, stderr } = await ctl(home, ["clients", "set-workspaces", "3f9", "ap"]);
    assert.equal([code, stdout], [1, ""]);
    assert.match(stderr, /workspace ap\nhint: there are app, documents\n$/);
  });
});

test("auth unlock ends the waiting; where nobody signs in it is refused", async () => {
  const { daemon } = signedIn();
  await withDaemon(daemon, async () => {
    assert.match((await ctl(home, ["auth", "unlock"])).stdout, /^done: /);
    const json = await ctl(home, ["auth", "unlock", "--json"]);
    assert.equal(JSON.parse(json.stdout), { schema: 1, cleared: 2 });
  });
  const signIn = { ...daemon.signIn, unlock: () => ({ cleared: 0 }) };
  await withDaemon({ ...daemon, signIn }, async () => {
    assert.not.match((await ctl(home, ["auth", "unlock"])).stdout, "done");
  });
  await withDaemon({ home, version }, async () => {
    assert.is((await ctl(home, ["auth", "unlock"])).code, 5);
    assert.is((await ctl(home, ["clients", "show", "a"])).code, 1);
    assert.match((await ctl(home, ["clients"])).stdout, "no client has connected");
  });
});

test.run();
