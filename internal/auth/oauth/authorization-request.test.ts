import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { answerUri, type Reading, readAuthorizationRequest, requestText } from "./authorization-request.js";
import { challenge, clientWith, requestOf, site } from "./authorize.test.util.js";
import type { OAuthClient } from "./types.js";

function read(query: URLSearchParams, clients: readonly OAuthClient[] = [clientWith()]): Promise<Reading> {
  const find = async (id: string) => clients.find((client) => client.id === id);
  return readAuthorizationRequest(requestText(query), site, find);
}

/** "good", the error that goes back to the client, or what is wrong for the person at the browser. */
async function outcome(query: URLSearchParams, clients?: readonly OAuthClient[]): Promise<string> {
  const reading = await read(query, clients);
  if (reading.kind === "lost") return `page: ${reading.problem}`;
  return reading.kind === "refused" ? reading.refusal.error : "good";
}

function twice(name: string, value: string): URLSearchParams {
  const query = requestOf();
  query.append(name, value);
  return query;
}

const outcomes: Readonly<Record<string, readonly [URLSearchParams, string]>> = {
  "a request": [requestOf(), "good"],
  "no client": [requestOf({ client_id: undefined }), "page: malformed"],
  "an empty client": [requestOf({ client_id: "" }), "page: malformed"],
  "an unknown client": [requestOf({ client_id: "nobody" }), "page: client"],
  "two clients": [twice("client_id", "client-1"), "page: malformed"],
  "two redirect URIs": [twice("redirect_uri", "https://app.example/callback"), "page: malformed"],
  "another redirect URI": [requestOf({ redirect_uri: "https://evil.example/" }), "page: redirect"],
  "a redirect URI with more in it": [
    requestOf({ redirect_uri: "https://app.example/callback?x=1" }),
    "page: redirect",
  ],
  "no redirect URI": [requestOf({ redirect_uri: undefined }), "good"],
  "no response type": [requestOf({ response_type: undefined }), "invalid_request"],
  "a token as response type": [requestOf({ response_type: "token" }), "unsupported_response_type"],
  "two response types": [twice("response_type", "code"), "invalid_request"],
  "no challenge": [requestOf({ code_challenge: undefined }), "invalid_request"],
  "a short challenge": [requestOf({ code_challenge: challenge.slice(1) }), "invalid_request"],
  "a challenge with padding": [requestOf({ code_challenge: `${challenge}=` }), "invalid_request"],
  "a challenge with a line end": [requestOf({ code_challenge: `${challenge}\n` }), "invalid_request"],
  "the plain method": [requestOf({ code_challenge_method: "plain" }), "invalid_request"],
  "no method, which means plain": [requestOf({ code_challenge_method: undefined }), "invalid_request"],
  "two challenges": [twice("code_challenge", challenge), "invalid_request"],
  "two states": [twice("state", "state-2"), "invalid_request"],
  "no state": [requestOf({ state: undefined }), "good"],
  "a request object": [requestOf({ request: "e30." }), "invalid_request"],
  "a request URI": [requestOf({ request_uri: "https://app.example/r" }), "invalid_request"],
  "response_mode query": [requestOf({ response_mode: "query" }), "good"],
  "response_mode form_post": [requestOf({ response_mode: "form_post" }), "invalid_request"],
  "the resource": [requestOf({ resource: `${site.origin}/mcp` }), "good"],
  "the origin with a slash": [requestOf({ resource: `${site.origin}/` }), "good"],
  "another resource": [requestOf({ resource: "https://other.example/mcp" }), "invalid_target"],
  "two resources of ours": [twice("resource", `${site.origin}/mcp`), "good"],
  "unknown scopes and prompts": [
    requestOf({ scope: "openid email profile", prompt: "consent", audience: "x", access_type: "offline" }),
    "good",
  ],
  "an unknown parameter twice": [twice("utm", "1"), "good"],
};

for (const [what, [query, expected]] of Object.entries(outcomes)) {
  test(`${what}: ${expected}`, async () => assert.is(await outcome(query), expected));
}

test("one resource that is not ours spoils the others", async () => {
  const query = requestOf({ resource: `${site.origin}/mcp` });
  query.append("resource", "https://other.example/mcp");
  assert.is(await outcome(query), "invalid_target");
});

test("the redirect URI may be absent only when there is one", async () => {
  const two = clientWith({ redirectUris: ["https://app.example/a", "https://app.example/b"] });
  assert.is(await outcome(requestOf({ redirect_uri: undefined }), [two]), "page: redirect");
});

test("a loopback client may use any port, and the answer goes to the one it used", async () => {
  const native = clientWith({ redirectUris: ["http://localhost/callback"] });
  const reading = await read(requestOf({ redirect_uri: "http://localhost:50123/callback" }), [native]);
  assert.is(reading.kind === "good" && reading.request.redirectUri, "http://localhost:50123/callback");
});

test("the workspace that the resource names is found", async () => {
  const reading = await read(requestOf({ resource: `${site.origin}/w/docs/mcp` }));
  assert.is(reading.kind === "good" && reading.request.workspace, "docs");
});

test("a refused request keeps its state, but not two", async () => {
  const one = await read(requestOf({ response_type: undefined }));
  assert.is(one.kind === "refused" && one.address.state, "state-1");
  const two = await read(twice("state", "state-2"));
  assert.is(two.kind === "refused" && two.address.state, undefined);
});

const answers: readonly (readonly [string, string])[] = [
  ["https://app.example/callback", "https://app.example/callback?"],
  ["https://app.example/callback?", "https://app.example/callback?"],
  ["https://app.example/callback?a=1", "https://app.example/callback?a=1&"],
  ["https://app.example/callback?a=1&", "https://app.example/callback?a=1&"],
  ["https://app.example", "https://app.example?"],
  ["cursor://anysphere.cursor-mcp/oauth/callback", "cursor://anysphere.cursor-mcp/oauth/callback?"],
];

for (const [redirectUri, start] of answers) {
  test(`an answer is added to ${redirectUri}`, () => {
    const address = { client: clientWith(), redirectUri, state: "s" };
    assert.is(
      answerUri(address, site, { code: "c" }),
      `${start}code=c&state=s&iss=${encodeURIComponent(site.origin)}`,
    );
  });
}

test("property: state comes back as it was, whatever it is, and adds no parameter", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "binary", minLength: 1 }), async (text) => {
      // A URL holds no half of a surrogate pair.
      const state = Buffer.from(text).toString();
      const reading = await read(requestOf({ state }));
      if (reading.kind !== "good") return assert.unreachable();
      const answer = new URL(answerUri(reading.request, site, { code: "c" })).searchParams;
      assert.is(answer.get("state"), state);
      assert.equal([...answer.keys()], ["code", "state", "iss"]);
    }),
  );
});

test.run();
