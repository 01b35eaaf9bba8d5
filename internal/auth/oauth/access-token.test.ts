import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeJwt, decodeProtectedHeader, SignJWT, UnsecuredJWT } from "jose";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Fault } from "../../errs/errs.js";
import { type AccessTokens, createAccessTokens } from "./access-token.js";
import { client, type HandClock, handClock, site } from "./grants.test.util.js";
import { type Keys, openKeys } from "./keys.js";
import type { Grant } from "./types.js";

const grant: Grant = {
  id: "grant-1",
  clientId: client.id,
  clientName: null,
  redirectHost: "app.example",
  workspaces: null,
  profile: "full",
  createdAt: 0,
  usedAt: 0,
  expiresAt: 0,
  generation: 1,
  replaced: [],
};

let folder = "";
let clock: HandClock;
let keys: Keys;
let tokens: AccessTokens;
/** Signatures that were really looked at. */
let checks = 0;

test.before.each(async () => {
  folder = mkdtempSync(join(tmpdir(), "ctmcp-tokens-"));
  clock = handClock();
  keys = await openKeys({
    stateDir: folder,
    uid: process.getuid?.() ?? 0,
    clock,
    onDamaged: (_kept, reason) => {
      throw new Error(reason);
    },
  });
  checks = 0;
  const counted: Pick<Keys, "sign" | "verify"> = {
    sign: (claims) => keys.sign(claims),
    verify(token, expected) {
      checks += 1;
      return keys.verify(token, expected);
    },
  };
  tokens = createAccessTokens({ keys: counted, clock, random: randomBytes });
});
test.after.each(() => rmSync(folder, { recursive: true }));

test("a token is an at+jwt for one audience that points to its grant (RFC 9068)", async () => {
  const token = await tokens.mint(grant, site);
  const { jti, ...claims } = decodeJwt(token);
  const now = clock.now() / 1_000;
  assert.equal(claims, {
    iss: site.origin,
    aud: `${site.origin}/mcp`,
    sub: "owner",
    client_id: client.id,
    gid: "grant-1",
    scope: "mcp",
    iat: now,
    exp: now + site.accessTtlS,
  });
  assert.match(String(jti), /^[\w-]{22}$/);
  assert.is(decodeProtectedHeader(token).typ, "at+jwt");
  assert.is(await tokens.verify(token, site), "grant-1");
  assert.is.not(await tokens.mint(grant, site), token);
});

test("a token seen before is known at once, until it expires", async () => {
  const token = await tokens.mint(grant, { ...site, accessTtlS: 60 });
  assert.instance(tokens.verify(token, site), Promise);
  await tokens.verify(token, site);
  const before = checks;
  clock.advance(59_999);
  assert.is(tokens.verify(token, site), "grant-1");
  assert.is(checks, before);
  clock.advance(1);
  assert.is(await tokens.verify(token, site), undefined);
});

test("a remembered answer holds for one site only", async () => {
  const token = await tokens.mint(grant, site);
  assert.is(await tokens.verify(token, site), "grant-1");
  assert.is(await tokens.verify(token, { ...site, origin: "https://other.example" }), undefined);
  assert.is(tokens.verify(token, site), "grant-1");
});

const bad: readonly (readonly [string, () => Promise<string> | string])[] = [
  ["no token", () => "x"],
  ["a very long text", () => "x".repeat(100_000)],
  ["a token of another issuer", () => tokens.mint(grant, { ...site, origin: "https://other.example" })],
  ["a token for another audience", () => keys.sign({ ...good(), aud: site.origin })],
  ["an expired token", () => keys.sign({ ...good(), exp: clock.now() / 1_000 })],
  ["a token without end", () => keys.sign({ iss: good().iss, aud: good().aud, gid: "grant-1" })],
  ["a token without a grant", () => keys.sign({ iss: good().iss, aud: good().aud, exp: good().exp })],
  ["an unsigned token", () => new UnsecuredJWT(good()).encode()],
  [
    "a token of another key",
    () => new SignJWT(good()).setProtectedHeader({ alg: "HS256", typ: "at+jwt" }).sign(randomBytes(32)),
  ],
  [
    "a token with another character in its signature",
    async () => (await keys.sign(good())).replace(/.(.)$/, (_, last) => `~${last}`),
  ],
];
for (const [name, make] of bad) {
  test(`${name} is not accepted, twice`, async () => {
    const token = await make();
    assert.is(await tokens.verify(token, site), undefined);
    assert.is(await tokens.verify(token, site), undefined);
  });
}

test("control: what those tokens were made from is accepted", async () => {
  assert.is(await tokens.verify(await keys.sign(good()), site), "grant-1");
});

test("after a cut of the signing key and forget no old token counts", async () => {
  const token = await tokens.mint(grant, site);
  assert.is(await tokens.verify(token, site), "grant-1");
  await keys.rotate({ overlapS: 0 });
  assert.is(tokens.verify(token, site), "grant-1", "control: it is remembered");
  tokens.forget();
  assert.is(await tokens.verify(token, site), undefined);
  assert.is(await tokens.verify(await tokens.mint(grant, site), site), "grant-1");
});

test("a check that was under way at the cut is not remembered", async () => {
  const token = await tokens.mint(grant, site);
  const underWay = tokens.verify(token, site);
  tokens.forget();
  await underWay;
  const before = checks;
  await tokens.verify(token, site);
  assert.is(checks, before + 1);
});

test("a retired key's tokens end soon after the overlap, though they were seen before", async () => {
  const token = await tokens.mint(grant, site);
  await keys.rotate({ overlapS: 600 });
  clock.advance(599_000);
  assert.is(await tokens.verify(token, site), "grant-1");
  clock.advance(300_000);
  assert.is(await tokens.verify(token, site), undefined);
});

test("the oldest answers go when there are more than a thousand", async () => {
  const first = await tokens.mint(grant, site);
  await tokens.verify(first, site);
  const rest = await Promise.all(Array.from({ length: 1_000 }, () => tokens.mint(grant, site)));
  for (const token of rest) await tokens.verify(token, site);
  assert.is(tokens.verify(String(rest[0]), site), "grant-1");
  assert.instance(tokens.verify(first, site), Promise);
});

for (const fault of [new Error("no jose"), new Fault("FAILED", "no key")]) {
  test(`"${fault.message}" is not taken for a bad token`, async () => {
    const broken = createAccessTokens({
      keys: { sign: keys.sign, verify: () => Promise.reject(fault) },
      clock,
      random: randomBytes,
    });
    const outcome = await Promise.resolve(broken.verify("x", site)).catch((error: unknown) => error);
    assert.is(outcome, fault);
  });
}

function good(): { iss: string; aud: string; gid: string; exp: number } {
  return { iss: site.origin, aud: `${site.origin}/mcp`, gid: "grant-1", exp: clock.now() / 1_000 + 60 };
}

test.run();
