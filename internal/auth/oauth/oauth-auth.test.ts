import { test } from "uvu";
import * as assert from "uvu/assert";
import { type AuthAnswer, isAuthFailure } from "../authenticator.js";
import type { Principal } from "../principal.js";
import { client, consent, openStage, type Stage, site, verifier } from "./grants.test.util.js";
import { createOAuthAuth } from "./oauth-auth.js";
import type { Consent, Grant } from "./types.js";

let stage: Stage;
test.before.each(async () => {
  stage = await openStage();
});
test.after.each(() => stage.close());

/** Tokens are `token-<grant>` here: what makes a real one good is the access token's own test. */
function authFor(): ReturnType<typeof createOAuthAuth> {
  const verify = (token: string): string | undefined => /^token-(.+)$/.exec(token)?.[1];
  return createOAuthAuth({ grants: stage.grants, tokens: { verify } }, site);
}

async function signIn(other: Partial<Consent> = {}): Promise<Grant> {
  const asked = { ...consent, ...other };
  const code = await stage.grants.issueCode(asked);
  const { id: clientId } = asked.client;
  return stage.grants.exchangeCode({ code, clientId, redirectUri: undefined, verifier }, site);
}

function principalOf(answer: AuthAnswer | Promise<AuthAnswer>): Principal {
  assert.not.instance(answer, Promise);
  assert.not.ok(isAuthFailure(answer as AuthAnswer));
  return answer as Principal;
}

test("a token gives what its grant allows, at once when the token is known", async () => {
  const { id } = await signIn();
  const expected = { id: `grant:${id}`, label: "An app", workspaces: ["app"], profile: "full" };
  assert.equal(principalOf(authFor().authenticate(`Bearer token-${id}`)), expected);
  assert.equal(authFor().current(`grant:${id}`), expected);
});

test("a client without a name is a client; all workspaces is no list", async () => {
  const { id } = await signIn({ client: { ...client, name: undefined }, workspaces: null });
  const { label, workspaces } = principalOf(authFor().authenticate(`bearer token-${id}`));
  assert.equal([label, workspaces], ["a client", undefined]);
});

test("a token that has to be looked at first is answered later", async () => {
  const { id } = await signIn();
  const auth = createOAuthAuth({ grants: stage.grants, tokens: { verify: async () => id } }, site);
  const answer = auth.authenticate("Bearer anything");
  assert.instance(answer, Promise);
  assert.is(principalOf(await answer).id, `grant:${id}`);
});

test("the principal stays the same object until the grant changes", async () => {
  const auth = authFor();
  const grant = await signIn();
  const ask = (): Principal => principalOf(auth.authenticate(`Bearer token-${grant.id}`));
  const first = ask();
  assert.is(ask(), first);
  assert.is(auth.current(first.id), first);
  await signIn();
  await stage.grants.refresh({ token: stage.grants.refreshTokenOf(grant), clientId: client.id }, site);
  assert.is(ask(), first);
  await stage.grants.setAccess(grant.id, { profile: "read-only" });
  const narrowed = ask();
  assert.is(narrowed.profile, "read-only");
  assert.is(ask(), narrowed);
  await stage.grants.setAccess(grant.id, { workspaces: [] });
  assert.equal(ask().workspaces, []);
});

test("a revoked or ended grant is nobody with the next request", async () => {
  const auth = authFor();
  const [one, other] = [await signIn(), await signIn()];
  await stage.grants.revoke(one.id);
  assert.equal(auth.authenticate(`Bearer token-${one.id}`), { failure: "invalid" });
  assert.is(auth.current(`grant:${one.id}`), undefined);
  assert.is(principalOf(auth.authenticate(`Bearer token-${other.id}`)).id, `grant:${other.id}`);
  stage.clock.advance(site.refreshTtlS * 1_000);
  assert.equal(auth.authenticate(`Bearer token-${other.id}`), { failure: "invalid" });
});

test("a bad token is invalid, another scheme or none is missing", async () => {
  const auth = authFor();
  for (const header of ["Bearer x", "Bearer token-__proto__", "Bearer token-nobody"])
    assert.equal(auth.authenticate(header), { failure: "invalid" }, header);
  for (const header of [undefined, "", "Basic eDp5", "Bearer"])
    assert.equal(auth.authenticate(header), { failure: "missing" }, String(header));
  for (const id of ["bearer", "grant:", "grant:nobody", "grant:__proto__"])
    assert.is(auth.current(id), undefined, id);
});

test("a request is noted", async () => {
  const { id } = await signIn();
  stage.clock.advance(1_000);
  authFor().authenticate(`Bearer token-${id}`);
  assert.is(stage.grants.list()[0]?.usedAt, stage.clock.now());
});

test("the challenge says where to find the metadata of the endpoint that was asked (RFC 9728 section 5.1)", () => {
  const auth = authFor();
  const start =
    'Bearer realm="coding-tools-mcp", resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource';
  assert.is(auth.challenge({ failure: "missing" }, "/mcp"), `${start}/mcp", scope="mcp"`);
  assert.is(auth.challenge({ failure: "missing" }, "/w/app/mcp"), `${start}/w/app/mcp", scope="mcp"`);
  const invalid = auth.challenge({ failure: "invalid" }, "/mcp");
  assert.ok(invalid.startsWith(`${start}/mcp", scope="mcp", error="invalid_token", error_description="`));
});

test.run();
