import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkRedirectUri, describeRedirect, matchesRedirect } from "./redirects.js";

const accepted = [
  "https://claude.ai/api/mcp/auth_callback",
  "https://claude.com/api/mcp/auth_callback",
  "https://chatgpt.com/connector_platform_oauth_redirect",
  "https://chatgpt.com/connector/oauth/OUbdUMlL15Ct",
  "https://www.cursor.com/agents/mcp/oauth/callback",
  "https://insiders.vscode.dev/redirect",
  "https://host.example",
  "https://host.example:8443/cb?tenant=a%20b",
  "https://xn--bcher-kva.example/cb",
  "http://127.0.0.1/",
  "http://127.0.0.1:33418",
  "http://[::1]:4000/callback",
  "http://localhost/callback",
  "http://localhost:3334/oauth/callback",
  "cursor://anysphere.cursor-mcp/oauth/callback",
];

const refused = [
  "",
  "/callback",
  "//host.example/cb",
  "host.example/cb",
  "javascript:alert(1)",
  "JavaScript:alert(1)",
  "javascript://host.example/%0aalert(1)",
  "data:text/html,hello",
  "vbscript:x",
  "file:///etc/passwd",
  "blob:https://host.example/1",
  "about:blank",
  "view-source:https://host.example/",
  "ftp://host.example/cb",
  "ws://host.example/cb",
  "mailto:owner@host.example",
  "myapp://callback",
  "com.example.app:/callback",
  "cursor://anysphere.cursor-mcp/oauth/callback/",
  "cursor://anysphere.cursor-mcp/oauth/callback?x=1",
  "cursor://anysphere.cursor-mcp.evil.example/oauth/callback",
  "CURSOR://anysphere.cursor-mcp/oauth/callback",
  "http://host.example/cb",
  "http://127.0.0.2/cb",
  "http://0.0.0.0/cb",
  "http://localhost.evil.example/cb",
  "http://127.0.0.1.evil.example/cb",
  "http://localhost./cb",
  "http://localhost@evil.example/cb",
  "http://2130706433/cb",
  "http://0x7f.1/cb",
  "http://[::ffff:127.0.0.1]/cb",
  "https://claude.ai@evil.example/cb",
  "https://user:word@host.example/cb",
  "https://@evil.example/cb",
  "https://host.example/cb#part",
  "https://host.example/cb#",
  "https:evil.example",
  "https:/evil.example",
  "https:///evil.example",
  "https:\\\\evil.example",
  "https://claude.ai\\@evil.example/cb",
  "https://evil.example\\.claude.ai/cb",
  "https://host.example/a/../cb",
  "https://host.example/%2e%2e/cb",
  "https://h%6fst.example/cb",
  "https://HOST.example/cb",
  "HTTPS://host.example/cb",
  "https://host.example:443/cb",
  "https://host.example/c b",
  " https://host.example/cb",
  "https://host.example/cb\n",
  "https://host.example/\tcb",
  "https://host.example/\u0000cb",
  "https://bücher.example/cb",
  "https://host。example/cb",
  "https://host.example/cb\u202e",
  'https://host.example/"cb',
  "https://host.example/cb?a={b}",
  "https://host.example/cb?a|b",
  "https://host.example/cb?`a`",
  "https://host.example/cb?a^b",
  "https://host.example/<cb>",
  `https://host.example/${"a".repeat(2_048)}`,
];

for (const uri of accepted) {
  test(`may be registered: ${uri}`, () => assert.is(checkRedirectUri(uri, []), undefined));
}

for (const uri of refused) {
  test(`may not be registered: ${JSON.stringify(uri.slice(0, 60))}`, () => {
    assert.type(checkRedirectUri(uri, []), "string");
  });
}

test("the owner's list adds other schemes to the letter, but nothing that runs and no http", () => {
  const extra = ["myapp://callback", "javascript:alert(1)", "http://host.example/cb"];
  assert.is(checkRedirectUri("myapp://callback", extra), undefined);
  for (const uri of ["myapp://callback/", "javascript:alert(1)", "http://host.example/cb"]) {
    assert.type(checkRedirectUri(uri, extra), "string", uri);
  }
});

const matching: readonly (readonly [string, string])[] = [
  ["http://localhost/callback", "http://localhost:52163/callback"],
  ["http://127.0.0.1/", "http://127.0.0.1:50000/"],
  ["http://127.0.0.1/", "http://127.0.0.1:50000"],
  ["http://127.0.0.1:33418", "http://127.0.0.1:33418/"],
  ["http://[::1]:1/cb", "http://[::1]:2/cb"],
  ["https://claude.ai/api/mcp/auth_callback", "https://claude.ai/api/mcp/auth_callback"],
  ["weird value of the owner", "weird value of the owner"],
];

const different: readonly (readonly [string, string])[] = [
  ["http://localhost/callback", "http://127.0.0.1:1/callback"],
  ["http://127.0.0.1/callback", "http://[::1]:1/callback"],
  ["http://localhost/callback", "http://localhost:1/callback/"],
  ["http://localhost/callback", "http://localhost:1/callback?next=1"],
  ["http://localhost/callback", "http://localhost:1/other"],
  ["http://localhost/callback", "https://localhost:1/callback"],
  ["http://localhost/callback", "http://localhost:1/callback#x"],
  ["http://localhost/callback", "http://localhost:1@evil.example/callback"],
  ["http://localhost/callback", "http://localhost:1\\@evil.example/callback"],
  ["http://localhost/callback", "http://localhost:99999/callback"],
  ["http://localhost/callback", "http://LOCALHOST:1/callback"],
  ["https://host.example/cb", "https://host.example:8443/cb"],
  ["https://host.example/cb", "https://host.example/cb/"],
  ["https://host.example", "https://host.example/"],
  ["https://host.example/cb", "https://host.example/cb?x=1"],
  ["https://host.example/cb", "https://host.example/CB"],
];

for (const [registered, requested] of matching) {
  test(`${registered} lets ${requested} in`, () => assert.ok(matchesRedirect([registered], requested)));
}

for (const [registered, requested] of different) {
  test(`${registered} keeps ${requested} out`, () => assert.not.ok(matchesRedirect([registered], requested)));
}

/** Pieces that parsers disagree on, between ordinary ones. */
const trickyUri = fc
  .array(
    fc.constantFrom(
      ...[
        "https:",
        "http:",
        "cursor:",
        "javascript:",
        "/",
        "//",
        "\\",
        "@",
        ":",
        "#",
        "?",
        "%2e",
        "%00",
        "..",
        " ",
      ],
      ...[
        "claude.ai",
        "evil.example",
        "localhost",
        "127.0.0.1",
        "[::1]",
        "0x7f.1",
        "callback",
        "8080",
        "443",
        "\t",
      ],
      ...["\n", "。", "Ａ", "[", "]", "&code=1", "%", "+", "."],
    ),
    { maxLength: 9 },
  )
  .map((pieces) => pieces.join(""));
const anyUri = fc.oneof(
  trickyUri,
  trickyUri.map((rest) => `https://${rest}`),
  fc.webUrl({ withQueryParameters: true }),
);

/** What RFC 3986 appendix B takes for the authority: what a parser that is not a browser's may believe. */
function authorityOf(uri: string): string {
  return /^[^:/?#]+:\/\/([^/?#]*)/.exec(uri)?.[1] ?? "";
}

/** What is wrong with accepting `uri`, found in other ways than the check's. */
function harmOf(uri: string): string | undefined {
  const { protocol, hostname } = new URL(uri);
  const authority = authorityOf(uri);
  if (protocol !== "https:" && protocol !== "http:") return "runs or opens something";
  if (hostname !== authority.replace(/^.*@/, "").replace(/:\d*$/, "")) return "two parsers see two hosts";
  if (protocol === "http:" && !/^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(authority))
    return "http to others";
  return /[@\s\\]/.test(authority) ? "hides its host" : undefined;
}

test("property: what may be registered means one place to every parser", () => {
  fc.assert(
    fc.property(anyUri, (uri) => {
      if (checkRedirectUri(uri, []) === undefined && !uri.startsWith("cursor:"))
        assert.is(harmOf(uri), undefined);
    }),
    { numRuns: 5_000 },
  );
});

test("control: a check that only parses lets such uris through", () => {
  const parses = (uri: string): boolean => URL.canParse(uri) && uri.startsWith("https:");
  const found = fc.check(
    fc.property(anyUri, (uri) => !parses(uri) || harmOf(uri) === undefined),
    { numRuns: 5_000 },
  );
  assert.ok(found.failed);
});

test("property: a match is the same text, or the same loopback uri with another port", () => {
  const withoutPort = (uri: string): string =>
    uri.replace(/^(http:\/\/[^/?]*?)(?::\d+)?\/?$/, "$1/").replace(/:\d+\//, "/");
  const loopback = fc
    .tuple(
      fc.constantFrom("localhost", "127.0.0.1", "[::1]"),
      fc.constantFrom("", ":1", ":65535"),
      fc.constantFrom("", "/", "/cb", "/cb?x"),
    )
    .map((parts) => `http://${parts.join("")}`);
  const uri = fc.oneof(loopback, anyUri, fc.constantFrom(...accepted));
  fc.assert(
    fc.property(fc.array(uri, { maxLength: 3 }), uri, (registered, requested) => {
      if (!matchesRedirect(registered, requested) || registered.includes(requested)) return;
      assert.is(checkRedirectUri(requested, []), undefined);
      assert.ok(
        registered.some((known) => withoutPort(known) === withoutPort(requested)),
        requested,
      );
    }),
    { numRuns: 5_000 },
  );
});

test("people are told where a code goes", () => {
  const of = (uri: string): string => Object.values(describeRedirect(uri)).join(" ");
  assert.is(of("https://claude.ai/api/mcp/auth_callback"), "web claude.ai Claude");
  assert.is(of("https://claude.com/api/mcp/auth_callback"), "web claude.com Claude");
  assert.is(of("https://chatgpt.com/connector/oauth/x"), "web chatgpt.com ChatGPT");
  assert.is(of("https://insiders.vscode.dev/redirect"), "web insiders.vscode.dev VS Code");
  assert.is(of("https://www.cursor.com/agents/mcp/oauth/callback"), "web www.cursor.com Cursor");
  assert.is(of("https://claude.ai.evil.example/cb"), "web claude.ai.evil.example ");
  assert.is(of("https://claude.ai:8443/cb"), "web claude.ai:8443 ");
  assert.is(of("http://localhost:3118/callback"), "device localhost ");
  assert.is(of("http://[::1]:1/callback"), "device [::1] ");
  assert.is(of("http://nas.example/callback"), "web nas.example ", "configured by the owner");
  assert.is(of("cursor://anysphere.cursor-mcp/oauth/callback"), "app cursor ");
});

test.run();
