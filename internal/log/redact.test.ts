import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createRedactor } from "./redact.js";

const { text, isSecretName } = createRedactor();

const pem = (label: string): string =>
  `-----BEGIN ${label}-----\nMIIEvQIBADAN\nBgkqhkiG9w0B\n-----END ${label}-----`;
const jwt = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl-_x";

const shapes: readonly (readonly [string, string])[] = [
  ["Authorization: Bearer abc", "Authorization:***"],
  ["got authorization: Basic dXNlcjpw\nnext line", "got authorization:***\nnext line"],
  ['{"Cookie": "a=1; b=2"}', '{"Cookie":***'],
  ["Set-Cookie: sid=1; Path=/", "Set-Cookie:***"],
  ["sent bearer abcdefghijklmnop1234 twice", "sent bearer *** twice"],
  ["GET /cb?code=abc123&state=xyz", "GET /cb?code=***&state=xyz"],
  ["grant_type=x&refresh_token=r1&client_secret=s2", "grant_type=x&refresh_token=***&client_secret=***"],
  ["--auth-token=abc --port=1", "--auth-token=*** --port=1"],
  // Variables, headers, JSON, YAML, flags.
  ["AWS_SECRET_ACCESS_KEY=ab/c+d npm test", "AWS_SECRET_ACCESS_KEY=*** npm test"],
  ["export API_KEY='a b c'; run", "export API_KEY='***'; run"],
  ['DB_PASS="a b" psql', 'DB_PASS="***" psql'],
  ["curl -H 'X-Api-Key: abc' https://example.com/", "curl -H 'X-Api-Key: ***' https://example.com/"],
  ["X-Auth-Token:abc", "X-Auth-Token:***"],
  ['{"access_token":"abc","user":"bob"}', '{"access_token":"***","user":"bob"}'],
  ['{ "client_secret" : "a\\"b", "id": 1 }', '{ "client_secret" : "***", "id": 1 }'],
  [
    String.raw`"{\"api_key\":\"abc\",\"user\":\"bob\"}"`,
    String.raw`"{\"api_key\":\"***\",\"user\":\"bob\"}"`,
  ],
  ["user: bob\npassword: x\nport: 1", "user: bob\npassword: ***\nport: 1"],
  ["passphrase = 'two words'", "passphrase = '***'"],
  ["'password' => 'x', 'port' => 1", "'password' => '***', 'port' => 1"],
  ["{ private_key: x }", "{ private_key: *** }"],
  ["mysql --password x --port 1", "mysql --password *** --port 1"],
  ['tool --api-key "a b" go', 'tool --api-key "***" go'],
  // In a URL.
  ["git clone https://me:s3cr@t@example.com/x.git", "git clone https://me:***@example.com/x.git"],
  ["redis://:s3cret@localhost:6379/0", "redis://:***@localhost:6379/0"],
  // By what they begin with.
  [`push with ghp_${"a1".repeat(18)} now`, "push with *** now"],
  [`gho_${"a1".repeat(18)} github_pat_${"a1_".repeat(20)}`, "*** ***"],
  [`https://ghp_${"a1".repeat(18)}@github.com/me/x.git`, "https://***@github.com/me/x.git"],
  [`sk-${"aB3".repeat(16)}, sk-ant-api03-${"aB3".repeat(30)}-x`, "***, ***"],
  ["xoxb-1234567890-abcdef xoxp-1234567890-abcdef", "*** ***"],
  ["AKIAIOSFODNN7EXAMPLE", "***"],
  [`glpat-${"x".repeat(20)} npm_${"a1".repeat(18)}`, "*** ***"],
  [`token is ${jwt}.`, "token is ***."],
  [`ctr.0123abcd.7.${"x".repeat(43)}`, "***"],
  [
    `before\n${pem("PRIVATE KEY")}\nafter`,
    "before\n-----BEGIN PRIVATE KEY-----***-----END PRIVATE KEY-----\nafter",
  ],
  [pem("OPENSSH PRIVATE KEY").slice(0, 50), "-----BEGIN OPENSSH PRIVATE KEY-----***"],
  [
    JSON.stringify(pem("RSA PRIVATE KEY")),
    '"-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----"',
  ],
];

for (const [input, expected] of shapes) {
  test(`hides the credential in ${JSON.stringify(input)}`, () => {
    assert.is(text(input), expected);
    assert.is(text(expected), expected, "again");
  });
}

for (const harmless of [
  "bearer token missing",
  "the code is right",
  "exit code: 3",
  "token_file is unreadable",
  "a plain sentence",
  "auth.token: must be a text",
  "unknown key 'password': write password_file or password",
  "the secret: it is not one",
  "state/bearer-token: is open to others",
  "max_tokens: 4096, tokens=12",
  "token_type=bearer&scope=mcp",
  "password_file: ~/.config/pw",
  "Unexpected token: }",
  '{"event":"password_wrong","password":""}',
  "author: me, key: value, primary_key: id, keyboard=us, monkey: 1",
  "public_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI",
  "--token-file ~/x --passwordless yes --tokenize a",
  "git clone ssh://git@github.com/me/x.git; git clone git@github.com:me/x.git",
  "http://127.0.0.1:8765/mcp and user@example.com",
  "import sklearn; sk-learn-is-a-long-package-name; task-12345678901234567890",
  "npm_config_cache=/tmp/cache npm_lifecycle_event=test",
  "AKIA and AKIAIOSFODNN7EXAMPLE2 and eyJhbGciOiJIUzI1NiJ9",
  "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  pem("CERTIFICATE"),
  pem("PUBLIC KEY"),
  "2026-01-02T03:04:05.000Z GET /w/app/mcp 200 12 ms",
]) {
  test(`leaves ${JSON.stringify(harmless)} alone`, () => assert.is(text(harmless), harmless));
}

test("field names say when a value is secret", () => {
  for (const name of [
    "authorization",
    "Cookie",
    "token",
    "access_token",
    "clientSecret",
    "client_secret",
    "password",
    "PGPASSWORD",
    "passphrase",
    "api_key",
    "apiKey",
    "X-Api-Key",
    "private_key",
    "AWS_SECRET_ACCESS_KEY",
  ]) {
    assert.ok(isSecretName(name), name);
  }
  for (const name of ["token_file", "code", "path", "key", "public_key", "keys", "tokens", "bypass", "pwd"])
    assert.not.ok(isSecretName(name), name);
});

/** Texts that somebody sends to keep the patterns busy; each is repeated to the length that is wanted. */
const hostile: readonly (readonly [start: string, repeated: string, end: string])[] = [
  ...["a", "-", "_", " ", "\\", "=", ":", "'", '"', "é", "a ", "a-", "a_", "-a"].map(
    (it) => ["", it, ""] as const,
  ),
  ...[
    "://",
    "://a:",
    "a@",
    "sk-",
    "sk-a1",
    "eyJ",
    "eyJ-",
    "eyJaaaaaaaaaa.",
    "ghp_",
    "xoxb-",
    "AIza-",
    "ctr.",
  ].map((it) => ["", it, ""] as const),
  ...[
    "token",
    "token ",
    "token=",
    "token: ",
    "token:'",
    'token:"',
    "token\\",
    "api_",
    "_pass",
    "--token",
    "--token ",
  ].map((it) => ["", it, ""] as const),
  ...["cookie", "cookie ", "authorization ", "bearer ", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----"].map(
    (it) => ["", it, ""] as const,
  ),
  ["://a:", "b", ""],
  ["://", "a", ":"],
  ["sk-", "a", "!"],
  ["sk-", "a-", "1"],
  ["eyJ", "a", ""],
  ["eyJaaaaaaaaaa.", "b-", ""],
  ["cookie", " ", "x"],
  ["bearer", " ", "x"],
  ["token", " ", "x"],
  ["token", "\\", "x"],
  ["token:", " ", "x y"],
  ["token: x", " ", "y"],
  ["token: ", "x", " y"],
  ['token: "', "\\\\", ""],
  ["--", "token", " -"],
  ["--token", " ", "-"],
  ["-----BEGIN PRIVATE KEY-----", "-----EN", ""],
  ["-----BEGIN ", "A ", ""],
];

/**
 * How much longer one long text takes than short ones that are as long together: 1 in proportion, 64 with the square. The
 * shortest of several runs counts, since others may be busy too.
 */
function growth([start, repeated, end]: (typeof hostile)[number], run: (text: string) => unknown): number {
  const time = (length: number): number => {
    const text = start + repeated.repeat(length / repeated.length) + end;
    const times = Array.from({ length: 5 }, () => {
      const began = performance.now();
      for (let done = 0; done < longest; done += length) run(text);
      return performance.now() - began;
    });
    return Math.min(...times);
  };
  return time(longest) / time(longest / 64);
}

const longest = 1 << 14;

test("no text keeps the patterns busy for longer than its length explains", () => {
  for (const it of hostile) assert.ok(growth(it, text) < 16, JSON.stringify(it));
});

test("control: a pattern that begins anywhere in what it repeats does not pass", () => {
  assert.ok(growth(["", "a-", ""], (it) => it.replace(/\b[\w-]*token=/g, "")) > 16);
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

test("a value that counts no more is forgotten, and the others are not", () => {
  const redactor = createRedactor();
  redactor.add("canary-of-always");
  const forget = redactor.add("canary of a start");
  const text = "canary-of-always, canary of a start, canary%20of%20a%20start";
  assert.is(redactor.text(text), "***, ***, ***");
  forget();
  assert.is(redactor.text(text), "***, canary of a start, canary%20of%20a%20start");
});

test.run();
