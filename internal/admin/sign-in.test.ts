import { test } from "uvu";
import * as assert from "uvu/assert";
import { Fault } from "../errs/errs.js";
import { codeOf, grant, post, withServer } from "./admin.test.util.js";
import type { AdminBackend, SignInBackend } from "./backend.js";

test("a new secret: of a known kind or the usual one, and signing everybody out only when asked", async () => {
  const seen: unknown[] = [];
  const report = {
    kind: "all" as const,
    secrets: { password: "p" },
    revoked: 2,
    old_key_ends_at: "t",
  };
  const rotateSecret: AdminBackend["rotateSecret"] = async (request) => {
    seen.push(request);
    return report;
  };
  await withServer({ rotateSecret }, async ({ send }) => {
    for (const body of [{ kind: "token" }, { kind: null }, { kind: ["all"] }, { revoke: "yes" }]) {
      assert.is((await send("/v1/rotate-secret", post(body))).status, 400, JSON.stringify(body));
    }
    assert.equal(seen, []);
    const { text } = await send("/v1/rotate-secret", post({ kind: "all", revoke: true }));
    assert.equal(JSON.parse(text), { schema: 1, ...report });
    for (const kind of ["password", "bearer", "signing-key", undefined]) {
      assert.is((await send("/v1/rotate-secret", post({ kind }))).status, 200);
    }
  });
  assert.equal(seen, [
    { kind: "all", revoke: true },
    { kind: "password", revoke: false },
    { kind: "bearer", revoke: false },
    { kind: "signing-key", revoke: false },
    { kind: undefined, revoke: false },
  ]);
});

test("grants: what is asked reaches the backend, what makes no sense does not", async () => {
  const seen: unknown[] = [];
  const signIn: SignInBackend = {
    list: () => [grant],
    async revoke(id) {
      if (id !== grant.id) throw new Fault("NOT_FOUND", `no client ${id}`);
      return grant;
    },
    async setAccess(id, access) {
      seen.push([id, access]);
      return grant;
    },
    unlock: () => ({ cleared: 3 }),
  };
  const { id } = grant;
  await withServer({ signIn }, async ({ send }) => {
    assert.equal(JSON.parse((await send("/v1/grants")).text), { schema: 1, grants: [grant] });
    assert.equal(JSON.parse((await send("/v1/grants/revoke", post({ id }))).text), { schema: 1, grant });
    assert.is((await send("/v1/grants/revoke", post({ id: "other" }))).status, 404);
    assert.is((await send("/v1/grants/revoke", post({ id: 7 }))).status, 400);
    const wrong = [
      { profile: "full" },
      { id },
      { id, profile: "admin" },
      { id, profile: null },
      { id, workspaces: "app" },
      { id, workspaces: [] },
      { id, workspaces: [1] },
    ];
    for (const body of wrong) {
      assert.is((await send("/v1/grants/access", post(body))).status, 400, JSON.stringify(body));
    }
    assert.equal(seen, []);
    await send("/v1/grants/access", post({ id, profile: "full", workspaces: ["app"] }));
    await send("/v1/grants/access", post({ id, workspaces: null }));
    assert.equal(seen, [
      [id, { profile: "full", workspaces: ["app"] }],
      [id, { profile: undefined, workspaces: null }],
    ]);
    assert.equal(JSON.parse((await send("/v1/auth/unlock", post(""))).text), { schema: 1, cleared: 3 });
  });
});

test("where no client signs in there are no grants, and asking to change one is refused", () =>
  withServer({ signIn: undefined }, async ({ send }) => {
    assert.equal(JSON.parse((await send("/v1/grants")).text), { schema: 1, grants: [] });
    const { id } = grant;
    for (const [path, body] of [
      ["/v1/grants/revoke", { id }],
      ["/v1/grants/access", { id, profile: "full" }],
      ["/v1/auth/unlock", {}],
    ] as const) {
      const answer = await send(path, post(body));
      assert.equal([answer.status, codeOf(answer)], [409, "REFUSED"], path);
    }
  }));

test.run();
