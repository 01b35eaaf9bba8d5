import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createRedactor } from "./redact.js";

const { text, isSecretName } = createRedactor();

const shapes: readonly (readonly [string, string])[] = [
  ["Authorization: Bearer abc", "Authorization:***"],
  ["got authorization: Basic dXNlcjpw\nnext line", "got authorization:***\nnext line"],
  ['{"Cookie": "a=1; b=2"}', '{"Cookie":***'],
  ["Set-Cookie: sid=1; Path=/", "Set-Cookie:***"],
  ["sent bearer abcdefghijklmnop1234 twice", "sent bearer *** twice"],
  ["GET /cb?code=abc123&state=xyz", "GET /cb?code=***&state=xyz"],
  ["grant_type=x&refresh_token=r1&client_secret=s2", "grant_type=x&refresh_token=***&client_secret=***"],
  ["--auth-token=abc --port=1", "--auth-token=*** --port=1"],
];

for (const [input, expected] of shapes) {
  test(`hides the credential in ${JSON.stringify(input)}`, () => assert.is(text(input), expected));
}

for (const harmless of [
  "bearer token missing",
  "the code is right",
  "token_file is unreadable",
  "a plain sentence",
]) {
  test(`leaves ${JSON.stringify(harmless)} alone`, () => assert.is(text(harmless), harmless));
}

test("field names say when a value is secret", () => {
  for (const name of ["authorization", "Cookie", "token", "access_token", "clientSecret", "password"]) {
    assert.ok(isSecretName(name), name);
  }
  for (const name of ["token_file", "code", "path"]) assert.not.ok(isSecretName(name), name);
});

test("a registered secret is hidden, plain and url-encoded; before that it is not", () => {
  const redactor = createRedactor();
  const secret = "p@ss/w0rd+x";
  assert.is(redactor.text(`it is ${secret}.`), `it is ${secret}.`);
  redactor.add(secret);
  assert.is(redactor.text(`it is ${secret}. ${encodeURIComponent(secret)}`), "it is ***. ***");
});

test("a secret that begins like a shorter one leaves no tail", () => {
  const redactor = createRedactor();
  redactor.add("abcdef");
  redactor.add("abcdefghij");
  assert.is(redactor.text("abcdefghij abcdef"), "*** ***");
});

test("property: no registered secret survives, wherever it stands", () => {
  const secret = fc.string({ minLength: 6, maxLength: 40 }).filter((value) => !"***".includes(value));
  fc.assert(
    fc.property(
      fc.array(secret, { minLength: 1, maxLength: 4 }),
      fc.string(),
      fc.string(),
      (secrets, before, after) => {
        const redactor = createRedactor();
        for (const value of secrets) redactor.add(value);
        for (const value of secrets) {
          // Characters around the secret that could make up another copy of it are left out.
          const clean = redactor.text(`${before.replaceAll("*", "")} ${value} ${after.replaceAll("*", "")}`);
          assert.not.ok(clean.includes(value), `${value} in ${clean}`);
        }
      },
    ),
    { numRuns: 1_000 },
  );
});

test.run();
