import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CodeExchange } from "./grant-rules.js";
import { client, consent, openStage, outcomeOf, type Stage, site, verifier } from "./grants.test.util.js";
import { refreshToken } from "./refresh-token.js";
import type { Grant } from "./types.js";

let stage: Stage;
test.before.each(async () => {
  stage = await openStage();
});
test.after.each(() => stage.close());

const graceMs = site.refreshGraceS * 1_000;
const clientId = client.id;

function exchange(code: string, other: Partial<CodeExchange> = {}): Promise<Grant> {
  const request = { code, clientId, redirectUri: consent.redirectUri, verifier, ...other };
  return stage.grants.exchangeCode(request, site);
}

async function signIn(): Promise<{ grant: Grant; token: string }> {
  const grant = await exchange(await stage.grants.issueCode(consent));
  return { grant, token: stage.grants.refreshTokenOf(grant) };
}

async function refresh(token: string, id = clientId): Promise<string> {
  return (await stage.grants.refresh({ token, clientId: id }, site)).refreshToken;
}

const eventNames = (): string[] => stage.events.map(({ event }) => event);

test("a code becomes the grant that the owner consented to, and both survive a restart", async () => {
  const code = await stage.grants.issueCode(consent);
  await stage.restart();
  const { id } = await exchange(code);
  await stage.restart();
  const now = stage.clock.now();
  assert.equal(stage.grants.get(id), {
    id,
    clientId,
    clientName: "An app",
    redirectHost: "app.example",
    workspaces: ["app"],
    profile: "full",
    createdAt: now,
    usedAt: now,
    expiresAt: now + site.refreshTtlS * 1_000,
    generation: 1,
    replaced: [],
  });
  assert.equal(stage.events, [{ event: "token_issued", clientId, grantId: id }]);
  assert.equal(stage.changed, [id]);
});

test("a private-use redirect shows its scheme; all workspaces stay all", async () => {
  const code = await stage.grants.issueCode({
    ...consent,
    redirectUri: "cursor://anysphere.cursor-mcp/oauth/callback",
    workspaces: null,
  });
  const grant = await exchange(code, { redirectUri: undefined });
  assert.is(grant.redirectHost, "cursor");
  assert.is(grant.workspaces, null);
});

const wrong: readonly (readonly [string, Partial<CodeExchange>])[] = [
  ["another code", { code: "x".repeat(43) }],
  ["the name of a built-in as a code", { code: "__proto__" }],
  ["another client", { clientId: "client-2" }],
  ["another redirect uri", { redirectUri: `${consent.redirectUri}/` }],
  ["another verifier", { verifier: `${verifier}x` }],
  ["the challenge as verifier", { verifier: consent.codeChallenge }],
];
for (const [name, other] of wrong) {
  test(`${name} is refused, before and after the code was used, and harms nobody`, async () => {
    const code = await stage.grants.issueCode(consent);
    assert.is(await outcomeOf(exchange(code, other)), "invalid_grant");
    const grant = await exchange(code);
    assert.is(await outcomeOf(exchange(code, other)), "invalid_grant");
    assert.is(stage.grants.get(grant.id)?.id, grant.id);
    assert.equal(eventNames(), ["token_issued"]);
  });
}

for (const length of [42, 129]) {
  test(`a verifier of ${length} characters is refused though it matches (RFC 7636 section 4.1)`, async () => {
    const unfit = "v".repeat(length);
    const codeChallenge = createHash("sha256").update(unfit).digest("base64url");
    const code = await stage.grants.issueCode({ ...consent, codeChallenge });
    assert.is(await outcomeOf(exchange(code, { verifier: unfit })), "invalid_grant");
  });
}

test("a code ends after 60 s, to the millisecond", async () => {
  const [early, late] = [await stage.grants.issueCode(consent), await stage.grants.issueCode(consent)];
  stage.clock.advance(59_999);
  assert.is(await outcomeOf(exchange(early)), "none");
  stage.clock.advance(1);
  assert.is(await outcomeOf(exchange(late)), "invalid_grant");
});

test("a code used twice by who can prove it revokes what it made", async () => {
  const code = await stage.grants.issueCode(consent);
  const { id } = await exchange(code);
  const token = refreshToken(Buffer.alloc(32, 7), { grantId: id, generation: 1 });
  assert.is(await outcomeOf(exchange(code)), "invalid_grant");
  assert.is(stage.grants.get(id), undefined);
  assert.is(await outcomeOf(refresh(token)), "invalid_grant");
  assert.equal(eventNames(), ["token_issued", "code_replayed"]);
  assert.equal(stage.changed, [id, id]);
});

test("of two exchanges at once one wins, and the other one ends it", async () => {
  const code = await stage.grants.issueCode(consent);
  const outcomes = await Promise.all([outcomeOf(exchange(code)), outcomeOf(exchange(code))]);
  assert.equal(outcomes, ["none", "invalid_grant"]);
  assert.equal(stage.grants.list(), []);
});

test("a refresh replaces the token, prolongs the grant and keeps it", async () => {
  const { grant, token } = await signIn();
  stage.clock.advance(1_000);
  const second = await refresh(token);
  assert.is.not(second, token);
  const now = stage.clock.now();
  const renewed = stage.grants.get(grant.id);
  assert.is(renewed?.usedAt, now);
  assert.is(renewed?.expiresAt, now + site.refreshTtlS * 1_000);
  assert.is(renewed?.createdAt, grant.createdAt);
  await stage.restart();
  assert.type(await refresh(second), "string");
});

test("many refreshes at once with one token get one and the same next token", async () => {
  const { grant, token } = await signIn();
  const tokens = await Promise.all(Array.from({ length: 5 }, () => refresh(token)));
  assert.is(new Set(tokens).size, 1);
  assert.is(stage.grants.get(grant.id)?.generation, 2);
  assert.equal(
    stage.events.slice(1).map(({ detail }) => detail),
    [undefined, ...Array.from({ length: 4 }, () => "repeated")],
  );
});

test("inside the grace window any replaced token leads to the one in force", async () => {
  const { token } = await signIn();
  const second = await refresh(token);
  stage.clock.advance(1_000);
  const third = await refresh(second);
  stage.clock.advance(graceMs - 1_001);
  assert.is(await refresh(token), third);
  stage.clock.advance(1);
  assert.is(await refresh(second), third);
  assert.is(await outcomeOf(refresh(token)), "invalid_grant");
});

test("after the grace window a replaced token ends everything, across a restart too", async () => {
  const { grant, token } = await signIn();
  const second = await refresh(token);
  stage.clock.advance(graceMs);
  await stage.restart();
  assert.is(await outcomeOf(refresh(token)), "invalid_grant");
  assert.equal(stage.events.at(-1), { event: "refresh_replayed", clientId, grantId: grant.id });
  assert.equal(stage.changed, [grant.id, grant.id]);
  assert.is(await outcomeOf(refresh(second)), "invalid_grant");
  assert.is(stage.grants.get(grant.id), undefined);
});

test("another client can neither use a refresh token nor end its grant", async () => {
  const { grant, token } = await signIn();
  await refresh(token);
  stage.clock.advance(graceMs * 2);
  assert.is(await outcomeOf(refresh(token, "client-2")), "invalid_grant");
  assert.is(stage.grants.get(grant.id)?.id, grant.id);
});

test("a token from before a restored backup counts, and the older ones end the grant", async () => {
  const { grant, token } = await signIn();
  const key = Buffer.alloc(32, 7);
  const eighth = await refresh(refreshToken(key, { grantId: grant.id, generation: 7 }));
  assert.is(eighth, refreshToken(key, { grantId: grant.id, generation: 8 }));
  assert.is(await outcomeOf(refresh(token)), "invalid_grant");
  assert.is(stage.grants.get(grant.id), undefined);
});

test("a clock that was set back costs nobody the sign-in", async () => {
  const { token } = await signIn();
  const second = await refresh(token);
  stage.clock.advance(-86_400_000);
  assert.is(await refresh(token), second);
  assert.type(await refresh(second), "string");
});

test("a client that refreshes without end keeps a bounded record", async () => {
  const { grant, token } = await signIn();
  let newest = token;
  for (let turn = 0; turn < 110; turn++) newest = await refresh(newest);
  assert.is(stage.state.current().grants[grant.id]?.replaced.length, 100);
  assert.type(await refresh(newest), "string");
});

test("a failed write uses nothing up: the same code and token work afterwards", async () => {
  const code = await stage.grants.issueCode(consent);
  stage.fault = "full";
  assert.is(await outcomeOf(exchange(code)), "FAILED");
  assert.is(await outcomeOf(stage.grants.issueCode(consent)), "FAILED");
  stage.fault = "none";
  const { id } = await exchange(code);
  const token = stage.grants.refreshTokenOf(stage.grants.get(id) as Grant);
  stage.fault = "full";
  assert.is(await outcomeOf(refresh(token)), "FAILED");
  assert.is(await outcomeOf(stage.grants.revoke(id)), "FAILED");
  assert.is(await outcomeOf(stage.grants.setAccess(id, { profile: "read-only" })), "FAILED");
  assert.is(stage.grants.get(id)?.profile, "full");
  stage.fault = "none";
  assert.type(await refresh(token), "string");
  assert.equal(eventNames(), ["token_issued", "token_refreshed"]);
});

test("the owner narrows, widens and revokes, at once and for good", async () => {
  const { grant } = await signIn();
  const { id } = grant;
  assert.is(await stage.grants.setAccess(id, { profile: "read-only" }), true);
  assert.equal([stage.grants.get(id)?.profile, stage.grants.get(id)?.workspaces], ["read-only", ["app"]]);
  assert.is(await stage.grants.setAccess(id, { workspaces: null }), true);
  await stage.restart();
  assert.equal([stage.grants.get(id)?.profile, stage.grants.get(id)?.workspaces], ["read-only", null]);
  assert.is(await stage.grants.revoke(id), true);
  assert.is(await stage.grants.revoke(id), false);
  assert.is(await stage.grants.setAccess(id, { profile: "full" }), false);
  assert.is(await stage.grants.setAccess("__proto__", { profile: "full" }), false);
  await stage.restart();
  assert.is(stage.grants.get(id), undefined);
  assert.equal(eventNames(), ["token_issued", "grant_changed", "grant_changed", "grant_revoked"]);
  assert.equal(stage.changed, [id, id, id, id]);
});

test("all grants can be ended together", async () => {
  const { token } = await signIn();
  await signIn();
  assert.is(await stage.grants.revokeAll(), 2);
  assert.is(await outcomeOf(refresh(token)), "invalid_grant");
  assert.is(await stage.grants.revokeAll(), 0);
  assert.is(eventNames().filter((name) => name === "grant_revoked").length, 2);
});

test("a grant ends with its refresh token, or with its access token when that is set to live longer", async () => {
  const { grant, token } = await signIn();
  const long = { ...site, refreshTtlS: 60, accessTtlS: 3_600 };
  const code = await stage.grants.issueCode(consent);
  const other = await stage.grants.exchangeCode({ code, clientId, redirectUri: undefined, verifier }, long);
  stage.clock.advance(3_599_999);
  assert.is(stage.grants.list().length, 2);
  stage.clock.advance(1);
  assert.is(stage.grants.get(other.id), undefined);
  stage.clock.advance(site.refreshTtlS * 1_000);
  assert.is(await outcomeOf(refresh(token)), "invalid_grant");
  assert.equal(stage.grants.list(), []);
  // What has ended leaves the file with the next change.
  assert.ok(stage.state.current().grants[grant.id]);
  await stage.grants.issueCode(consent);
  assert.equal(Object.keys(stage.state.current().grants), []);
  assert.is(Object.keys(stage.state.current().codes).length, 1);
});

test("a request is noted in memory and shows in the list, not in the file", async () => {
  const { grant } = await signIn();
  stage.clock.advance(5_000);
  stage.grants.touch(grant.id);
  assert.is(stage.grants.list()[0]?.usedAt, grant.usedAt + 5_000);
  assert.is(stage.state.current().grants[grant.id]?.usedAt, grant.usedAt);
});

test("at the limits new ones are refused and nobody's sign-in is dropped", async () => {
  const { grant } = await signIn();
  const code = await stage.grants.issueCode(consent);
  await stage.state.update((draft) => {
    for (let n = 1; n < 500; n++) draft.grants[`filler-${n}`] = { ...grant, id: `filler-${n}` };
  });
  assert.is(await outcomeOf(exchange(code)), "temporarily_unavailable");
  await stage.grants.revoke("filler-1");
  assert.is(await outcomeOf(exchange(code)), "none");
  assert.is(stage.grants.list().length, 500);
  await stage.state.update((draft) => {
    const [pending] = Object.values(draft.codes);
    if (pending === undefined) return;
    for (let n = 2; n < 200; n++) draft.codes[`filler-${n}`] = { ...pending };
  });
  assert.is(await outcomeOf(stage.grants.issueCode(consent)), "temporarily_unavailable");
  stage.clock.advance(60_000);
  assert.is(await outcomeOf(stage.grants.issueCode(consent)), "none");
});

test("neither code, verifier nor token is in the file or in an event", async () => {
  const code = await stage.grants.issueCode(consent);
  const { id } = await exchange(code);
  const first = refreshToken(Buffer.alloc(32, 7), { grantId: id, generation: 1 });
  const second = await refresh(first);
  const kept = readFileSync(stage.path, "utf8") + JSON.stringify(stage.events);
  assert.ok(kept.includes(id));
  for (const secret of [code, verifier, first, second]) {
    assert.not.ok(kept.includes(secret));
    assert.not.ok(kept.includes(secret.slice(-20)));
  }
});

test("only a whole refresh token of this server is one", async () => {
  const { grant, token } = await signIn();
  const otherSpelling = token.slice(0, -1) + String.fromCharCode(token.charCodeAt(token.length - 1) + 1);
  const forged = refreshToken(randomBytes(32), { grantId: grant.id, generation: 1 });
  const seal = token.slice(token.lastIndexOf("."));
  for (const text of [
    "",
    "ctr",
    token.slice(0, -1),
    `${token}x`,
    ` ${token}`,
    `${token}\n`,
    otherSpelling,
    forged,
    `ctr.${grant.id}.2${seal}`,
    `ctr.${grant.id}.01${seal}`,
    `ctr.__proto__.1${seal}`,
    refreshToken(Buffer.alloc(32, 7), { grantId: "__proto__", generation: 1 }),
    refreshToken(Buffer.alloc(32, 7), { grantId: grant.id, generation: 10 ** 20 }),
  ]) {
    assert.is(await outcomeOf(refresh(text)), "invalid_grant", text);
    assert.is(stage.grants.findByRefreshToken(text), undefined, text);
  }
  assert.is(stage.grants.findByRefreshToken(token)?.id, grant.id);
  assert.is(await outcomeOf(refresh(token)), "none");
});

test.run();
