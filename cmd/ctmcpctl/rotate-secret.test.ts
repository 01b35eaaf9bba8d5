import { test } from "uvu";
import * as assert from "uvu/assert";
import type { RotateReport, RotateRequest } from "../../internal/admin/types.js";
import { Fault } from "../../internal/errs/errs.js";
import { version } from "../../internal/version/version.js";
import { ctl, type Home, makeHome, withDaemon } from "./ctl.test.util.js";

let home: Home;
test.before.each(() => {
  home = makeHome();
});
test.after.each(() => home.remove());

const password = "pqrst-uvwxy-23456-789ab";
const keyEndsAt = "2026-01-03T03:04:05.000Z";

/** Runs `rotate-secret` against a daemon that answers `report`; returns what was asked of that too. */
async function rotate(args: readonly string[], report: Partial<Omit<RotateReport, "schema">>) {
  const asked: RotateRequest[] = [];
  const rotateSecret = async (request: RotateRequest) => {
    asked.push(request);
    return { kind: "all" as const, secrets: {}, revoked: 0, old_key_ends_at: null, ...report };
  };
  let ended = { code: null as number | null, stdout: "", stderr: "" };
  await withDaemon({ home, version, rotateSecret }, async () => {
    ended = await ctl(home, ["rotate-secret", ...args]);
  });
  assert.is(ended.code, 0, ended.stderr);
  return { ...ended, asked };
}

test("a single secret stands alone on stdout; the daemon decides which it is when none is named", async () => {
  const named = await rotate(["password"], { kind: "password", secrets: { password } });
  assert.is(named.stdout, `${password}\n`);
  assert.match(named.stderr, /password signs clients in.*\n.*go on working\n$/);
  assert.equal(named.asked, [{ kind: "password", revoke: false }]);

  const usual = await rotate([], { kind: "bearer", secrets: { bearer: "s3cret" } });
  assert.is(usual.stdout, "s3cret\n");
  assert.match(usual.stderr, /^the old bearer token no longer works/);
  assert.equal(usual.asked, [{ kind: undefined, revoke: false }]);
});

test("several secrets are labelled, and no remark repeats one", async () => {
  const secrets = { password, bearer: "s3cret" };
  const { stdout, stderr, asked } = await rotate(["all"], { secrets, old_key_ends_at: keyEndsAt });
  assert.is(stdout, `password: ${password}\nbearer: s3cret\n`);
  assert.match(stderr, keyEndsAt);
  assert.not.match(stderr, password);
  assert.not.match(stderr, "s3cret");
  assert.equal(asked, [{ kind: "all", revoke: false }]);
});

test("a new signing key has no secret to show: what is said is until when the old one counts", async () => {
  const { stdout, stderr } = await rotate(["signing-key"], {
    kind: "signing-key",
    old_key_ends_at: keyEndsAt,
  });
  assert.is(stdout, "a new signing key is in use\n");
  assert.match(stderr, /2026-01-03T03:04:05\.000Z\n.*go on working\n$/);
});

test("--revoke says how many clients were signed out, and never that they go on working", async () => {
  const { stderr, asked } = await rotate(["--revoke", "signing-key"], { kind: "signing-key", revoked: 3 });
  assert.match(stderr, /^clients signed out: 3;/);
  assert.not.match(stderr, "go on working");
  assert.equal(asked, [{ kind: "signing-key", revoke: true }]);
  const nobody = await rotate(["password", "--revoke"], { kind: "password", secrets: { password } });
  assert.match(nobody.stderr, /no client was signed in\n$/);
});

test("--json is the daemon's report", async () => {
  const report = {
    kind: "all" as const,
    secrets: { password, bearer: "x" },
    revoked: 1,
    old_key_ends_at: null,
  };
  const { stdout } = await rotate(["all", "--revoke", "--json"], report);
  assert.equal(JSON.parse(stdout), { schema: 1, ...report });
});

test("a refusal prints no secret and exits 5; a kind that there is not is a wrong command line", async () => {
  const rotateSecret = async () => {
    throw new Fault("REFUSED", "there are several secrets", { hint: "name one" });
  };
  await withDaemon({ home, version, rotateSecret }, async () => {
    const refused = await ctl(home, ["rotate-secret"]);
    assert.equal([refused.code, refused.stdout], [5, ""]);
    assert.match(refused.stderr, /hint: name one\n$/);
    const wrong = await ctl(home, ["rotate-secret", "baerer"]);
    assert.is(wrong.code, 2);
    assert.match(wrong.stderr, /did you mean bearer\?/);
  });
});

test.run();
