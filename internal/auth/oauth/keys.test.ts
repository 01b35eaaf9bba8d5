import { createPublicKey } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as jose from "jose";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Clock, systemClock } from "../../clock/clock.js";
import { Fault } from "../../errs/errs.js";
import type { KeyState, SigningKey } from "./key-schema.js";
import { type Keys, type KeysOptions, openKeys } from "./keys.js";

const issuer = "https://mcp.example.com";
const audience = `${issuer}/mcp`;
const secret = new Uint8Array(32).fill(7);

let stateDir = "";
let path = "";
let now = 0;
let damaged: string[] = [];
const clock: Clock = { ...systemClock, now: () => now };
test.before.each(() => {
  stateDir = mkdtempSync(join(tmpdir(), "ctmcp-keys-"));
  path = join(stateDir, "signing-keys.json");
  now = Date.UTC(2026, 10, 22);
  damaged = [];
});
test.after.each(() => rmSync(stateDir, { recursive: true }));

function open(change: Partial<KeysOptions> = {}): Promise<Keys> {
  return openKeys({
    stateDir,
    uid: process.getuid?.() ?? 0,
    clock,
    onDamaged: (_kept, reason) => damaged.push(reason),
    ...change,
  });
}

function kept(): KeyState {
  return JSON.parse(readFileSync(path, "utf8")) as KeyState;
}

function signingKey(): SigningKey {
  const [key] = kept().signing;
  if (key === undefined) throw new Error("no signing key is kept");
  return key;
}

function claims(): jose.JWTPayload {
  const iat = Math.floor(now / 1000);
  return { iss: issuer, aud: audience, sub: "owner", gid: "g", jti: "j", iat, exp: iat + 3600 };
}

function verify(keys: Keys, token: string): Promise<jose.JWTPayload> {
  return keys.verify(token, { issuer, audience, now });
}

async function codeOf(run: Promise<unknown>): Promise<string> {
  try {
    await run;
    return "none";
  } catch (error) {
    return error instanceof Fault ? error.code : String(error);
  }
}

for (const given of [undefined, secret]) {
  const change = given === undefined ? {} : { secret: given };
  const alg = given === undefined ? "EdDSA" : "HS256";

  test(`${alg}: a token is good until it expires, and after a restart`, async () => {
    const token = await (await open(change)).sign(claims());
    const header = jose.decodeProtectedHeader(token);
    assert.equal([header.alg, header.typ, typeof header.kid], [alg, "at+jwt", "string"]);
    const keys = await open(change);
    assert.is((await verify(keys, token)).gid, "g");
    now += 3_599_000;
    assert.is(await codeOf(verify(keys, token)), "none");
    now += 1_000;
    assert.is(await codeOf(verify(keys, token)), "REFUSED");
  });

  test(`${alg}: a clock that was set back does not end tokens`, async () => {
    const keys = await open(change);
    const token = await keys.sign(claims());
    now -= 365 * 86_400_000;
    assert.is(await codeOf(verify(keys, token)), "none");
  });

  test(`${alg}: other claims, other types and changed tokens are refused`, async () => {
    const keys = await open(change);
    const token = await keys.sign(claims());
    const [header, payload, signature] = token.split(".") as [string, string, string];
    const other = Buffer.from(JSON.stringify({ ...claims(), gid: "another" })).toString("base64url");
    const { exp: _, ...endless } = claims();
    const refused: Record<string, string> = {
      "another issuer": await keys.sign({ ...claims(), iss: "https://other.example" }),
      "another audience": await keys.sign({ ...claims(), aud: issuer }),
      "no issuer": await keys.sign({ ...claims(), iss: undefined as never }),
      "no expiry": await keys.sign(endless),
      "other claims": `${header}.${other}.${signature}`,
      "no signature": `${header}.${payload}.`,
      "half a token": token.slice(0, 60),
      empty: "",
      "no token": "not a token",
    };
    for (const [what, text] of Object.entries(refused))
      assert.is(await codeOf(verify(keys, text)), "REFUSED", what);
    assert.is(await codeOf(verify(keys, token)), "none", "control");
  });
}

test("the algorithm is the key's own, whatever the token says", async () => {
  const keys = await open();
  const { kid, x } = signingKey();
  const publicKey = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  const forged = async (alg: string, key: Uint8Array, typ = "at+jwt"): Promise<string> =>
    new jose.SignJWT(claims()).setProtectedHeader({ alg, kid, typ }).sign(key);
  const texts: Record<string, string> = {
    "hmac with the raw public key": await forged("HS256", Buffer.from(x, "base64url")),
    "hmac with the public key in pem": await forged(
      "HS256",
      Buffer.from(publicKey.export({ type: "spki", format: "pem" }).toString()),
    ),
    none: `${Buffer.from(JSON.stringify({ alg: "none", kid, typ: "at+jwt" })).toString("base64url")}.${
      new jose.UnsecuredJWT(claims()).encode().split(".")[1]
    }.`,
  };
  for (const [what, text] of Object.entries(texts))
    assert.is(await codeOf(verify(keys, text)), "REFUSED", what);
  // Control: a verifier that follows the header takes the first for genuine.
  await jose.jwtVerify(texts["hmac with the raw public key"] ?? "", Buffer.from(x, "base64url"), {
    currentDate: new Date(now),
  });
});

test("a key of somebody else is refused, under a known and under another kid", async () => {
  const keys = await open();
  const { privateKey } = await jose.generateKeyPair("EdDSA");
  for (const kid of [kept().signing[0]?.kid, "another", undefined]) {
    const token = await new jose.SignJWT(claims())
      .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", ...(kid !== undefined && { kid }) })
      .sign(privateKey);
    assert.is(await codeOf(verify(keys, token)), "REFUSED", String(kid));
  }
});

test("what the right key signed for another purpose is no access token", async () => {
  const keys = await open();
  const { kid, x, d } = signingKey();
  const key = await jose.importJWK({ kty: "OKP", crv: "Ed25519", x, d }, "EdDSA");
  for (const [typ, code] of [
    ["JWT", "REFUSED"],
    ["at+jwt", "none"],
  ] as const) {
    const token = await new jose.SignJWT(claims()).setProtectedHeader({ alg: "EdDSA", kid, typ }).sign(key);
    assert.is(await codeOf(verify(keys, token)), code);
  }
});

test("keys are made once, private, and the same after a restart", async () => {
  const first = await open();
  const { refreshKey, pageKey } = first;
  assert.equal([refreshKey.length, pageKey.length], [32, 32]);
  assert.not.equal(refreshKey, pageKey);
  assert.is(statSync(path).mode & 0o777, 0o600);
  const bytes = readFileSync(path);
  const second = await open();
  assert.equal(readFileSync(path), bytes);
  assert.equal([second.refreshKey, second.pageKey], [refreshKey, pageKey]);
});

test("with a given secret no signing key is written, the other keys are kept, and nothing rotates", async () => {
  const keys = await open({ secret });
  assert.equal(kept().signing, []);
  assert.equal((await open({ secret })).refreshKey, keys.refreshKey);
  assert.is(await codeOf(keys.rotate({ overlapS: 0 })), "REFUSED");
  const token = await keys.sign(claims());
  assert.is(await codeOf(verify(await open({ secret: new Uint8Array(32).fill(8) }), token)), "REFUSED");
  assert.is(await codeOf(verify(await open(), token)), "REFUSED");
  assert.is(await codeOf(open({ secret: secret.subarray(1) })), "CONFIG_INVALID");
});

test("a rotation with overlap: the old tokens last so long and no longer, over a restart", async () => {
  const keys = await open();
  const { refreshKey } = keys;
  const old = await keys.sign({ ...claims(), exp: now / 1000 + 86_400 });
  await keys.rotate({ overlapS: 600 });
  const fresh = await keys.sign({ ...claims(), exp: now / 1000 + 86_400 });
  assert.is.not(jose.decodeProtectedHeader(old).kid, jose.decodeProtectedHeader(fresh).kid);
  assert.equal(keys.refreshKey, refreshKey);
  for (const one of [keys, await open()]) {
    assert.equal([await codeOf(verify(one, old)), await codeOf(verify(one, fresh))], ["none", "none"]);
  }
  now += 599_999;
  assert.is(await codeOf(verify(keys, old)), "none");
  now += 1;
  assert.is(await codeOf(verify(keys, old)), "REFUSED");
  assert.is(await codeOf(verify(keys, fresh)), "none");
  assert.is(kept().signing.length, 2);
  assert.is(await codeOf(verify(await open(), fresh)), "none");
  assert.is(kept().signing.length, 1, "an ended key is dropped at the next start");
});

test("a rotation without overlap ends the old keys at once, also ones in an overlap and the refresh key", async () => {
  const keys = await open();
  const { refreshKey, pageKey } = keys;
  const oldest = await keys.sign(claims());
  await keys.rotate({ overlapS: 600 });
  const old = await keys.sign(claims());
  assert.is(await codeOf(verify(keys, oldest)), "none");
  await keys.rotate({ overlapS: 0 });
  for (const one of [keys, await open()]) {
    for (const token of [oldest, old]) assert.is(await codeOf(verify(one, token)), "REFUSED");
    assert.not.equal(one.refreshKey, refreshKey);
    assert.not.equal(one.pageKey, pageKey);
    assert.is(await codeOf(verify(one, await keys.sign(claims()))), "none");
  }
  assert.is(kept().signing.length, 1);
});

test("rotations at the same time leave one key that signs and verifies", async () => {
  const keys = await open();
  await Promise.all([0, 600, 0, 600].map((overlapS) => keys.rotate({ overlapS })));
  assert.is(kept().signing.filter(({ until }) => until === null).length, 1);
  assert.is(await codeOf(verify(keys, await keys.sign(claims()))), "none");
});

test("a damaged file is set aside and new keys are made", async () => {
  const token = await (await open()).sign(claims());
  writeFileSync(path, JSON.stringify({ ...kept(), refreshKey: "short" }));
  const keys = await open();
  assert.is(damaged.length, 1);
  assert.is(await codeOf(verify(keys, token)), "REFUSED");
  assert.is(await codeOf(verify(keys, await keys.sign(claims()))), "none");
});

test.run();
