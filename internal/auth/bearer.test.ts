import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { isAuthFailure } from "./authenticator.js";
import { createBearerAuth } from "./bearer.js";
import { createNoAuth } from "./none.js";
import type { Principal } from "./principal.js";
import { generateToken } from "./token.js";

const owner: Principal = { id: "bearer", label: "bearer token", workspaces: undefined, profile: "full" };
const token = "a-token-of-some-length";
const auth = createBearerAuth({ token, principal: owner });

const cases: readonly (readonly [string, string | undefined, "accepted" | "missing" | "invalid"])[] = [
  ["the token", `Bearer ${token}`, "accepted"],
  ["a lower-case scheme", `bearer ${token}`, "accepted"],
  ["an upper-case scheme", `BEARER ${token}`, "accepted"],
  ["several spaces", `Bearer   ${token} `, "accepted"],
  ["no header", undefined, "missing"],
  ["an empty header", "", "missing"],
  ["the scheme alone", "Bearer", "missing"],
  ["the scheme and spaces", "Bearer   ", "missing"],
  ["another scheme", `Basic ${token}`, "missing"],
  ["no scheme", token, "missing"],
  ["a scheme that only begins alike", `Bearers ${token}`, "missing"],
  ["another token", "Bearer wrong", "invalid"],
  ["the token cut short", `Bearer ${token.slice(0, -1)}`, "invalid"],
  ["the token and more", `Bearer ${token}x`, "invalid"],
  ["another case of the token", `Bearer ${token.toUpperCase()}`, "invalid"],
  ["two tokens", `Bearer ${token} ${token}`, "invalid"],
  ["a list", `Bearer ${token}, Bearer ${token}`, "invalid"],
  ["bytes beyond ascii", "Bearer \xff\xfe", "invalid"],
  ["a very long one", `Bearer ${"x".repeat(100_000)}`, "invalid"],
];

for (const [name, header, expected] of cases) {
  test(`bearer: ${name} is ${expected}`, async () => {
    const answer = await auth.authenticate(header);
    assert.is(isAuthFailure(answer) ? answer.failure : "accepted", expected);
  });
}

test("a token beyond ascii is compared by the bytes that node:http shows as latin-1", () => {
  const unusual = createBearerAuth({ token: "schlüssel-ключ", principal: owner });
  const onTheWire = Buffer.from("schlüssel-ключ", "utf8").toString("latin1");
  assert.is(unusual.authenticate(`Bearer ${onTheWire}`), owner);
});

test("the challenge names an error only when a token was presented (RFC 6750 section 3)", () => {
  assert.is(auth.challenge({ failure: "missing" }, "/mcp"), 'Bearer realm="coding-tools-mcp"');
  assert.is(
    auth.challenge({ failure: "invalid" }, "/mcp"),
    'Bearer realm="coding-tools-mcp", error="invalid_token"',
  );
});

test("property: only the exact token is let in", async () => {
  const word = fc.stringMatching(/^[\w.~+/=-]{1,80}$/);
  await fc.assert(
    fc.asyncProperty(word, word, async (right, presented) => {
      const answer = await createBearerAuth({ token: right, principal: owner }).authenticate(
        `Bearer ${presented}`,
      );
      assert.is(isAuthFailure(answer), right !== presented);
      assert.is(createBearerAuth({ token: right, principal: owner }).authenticate(`Bearer ${right}`), owner);
    }),
  );
});

test("without auth everybody is the same principal, whatever the header says", () => {
  const open = createNoAuth(owner);
  assert.is(open.authenticate(undefined), owner);
  assert.is(open.authenticate("Bearer wrong"), owner);
});

test("a generated token has 32 bytes of the given randomness, in url-safe text", () => {
  const fixed = generateToken((size) => Buffer.alloc(size, 0xff));
  assert.equal(Buffer.from(fixed, "base64url"), Buffer.alloc(32, 0xff));
  assert.match(generateToken(), /^[\w-]{43}$/);
  assert.is.not(generateToken(), generateToken());
});

test.run();
