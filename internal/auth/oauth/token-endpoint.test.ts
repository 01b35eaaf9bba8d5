import { exchangeAuthorization, refreshAuthorization } from "@modelcontextprotocol/sdk/client/auth.js";
import * as oauth from "oauth4webapi";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  configured,
  documentId,
  type EndpointStage,
  exchangeForm,
  type Fields,
  formType,
  openEndpoints,
  secret,
} from "./endpoint.test.util.js";
import { client, consent, outcomeOf, site, verifier } from "./grants.test.util.js";

let stage: EndpointStage;
test.before.each(async () => {
  stage = await openEndpoints();
});
test.after.each(() => stage.close());

const clientOf = (id: string): { client: typeof client } => ({ client: { ...client, id } });

function basic(id: string, password: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${id}:${password}`).toString("base64")}` };
}

async function refreshed(): Promise<string> {
  const { json } = await stage.token(exchangeForm(await stage.code()));
  return String(json.refresh_token);
}

test("a code becomes tokens (RFC 6749 section 5.1), and the refresh token the next ones", async () => {
  const first = await stage.token(exchangeForm(await stage.code()));
  assert.is(first.status, 200);
  assert.is(first.headers["Cache-Control"], "no-store");
  const { access_token: access, refresh_token: refresh, ...rest } = first.json;
  assert.equal(rest, { token_type: "Bearer", expires_in: site.accessTtlS, scope: "mcp" });
  const grantId = await stage.tokens.verify(String(access), site);
  assert.is(stage.grants.list()[0]?.id, grantId);
  const form = { grant_type: "refresh_token", refresh_token: String(refresh), client_id: client.id };
  const second = await stage.token({ ...form, scope: "openid profile", resource: `${site.origin}/` });
  assert.is(second.status, 200);
  assert.is(await stage.tokens.verify(String(second.json.access_token), site), grantId);
  assert.is.not(second.json.refresh_token, refresh);
});

type Change = Readonly<Record<string, string | undefined>>;
const refusals: readonly (readonly [string, Change, number, string])[] = [
  ["no grant type", { grant_type: undefined }, 400, "invalid_request"],
  ["an empty grant type", { grant_type: "" }, 400, "invalid_request"],
  ["a grant type that is not offered", { grant_type: "password" }, 400, "unsupported_grant_type"],
  ["a grant type named like a built-in", { grant_type: "__proto__" }, 400, "unsupported_grant_type"],
  ["no code", { code: undefined }, 400, "invalid_request"],
  ["a wrong code", { code: "wrong" }, 400, "invalid_grant"],
  ["no verifier", { code_verifier: undefined }, 400, "invalid_request"],
  ["a wrong verifier", { code_verifier: "w".repeat(43) }, 400, "invalid_grant"],
  ["another redirect uri", { redirect_uri: "https://app.example/other" }, 400, "invalid_grant"],
  ["another server's resource", { resource: "https://other.example/mcp" }, 400, "invalid_target"],
  ["no client", { client_id: undefined }, 400, "invalid_request"],
  ["an unknown client", { client_id: "nobody" }, 401, "invalid_client"],
  ["a client named like a built-in", { client_id: "__proto__" }, 401, "invalid_client"],
  ["another known client", { client_id: "client-2" }, 400, "invalid_grant"],
  ["another client of the document kind", { client_id: documentId }, 400, "invalid_grant"],
  ["a secret where there is none", { client_secret: "x" }, 401, "invalid_client"],
  ["a missing secret", { client_id: "post" }, 401, "invalid_client"],
  ["a wrong secret", { client_id: "post", client_secret: "x" }, 401, "invalid_client"],
  ["a configured client without its secret", { client_id: configured.id }, 401, "invalid_client"],
];
for (const [name, change, status, error] of refusals) {
  test(`${name}: ${status} ${error}, and the code still works`, async () => {
    const form = exchangeForm(await stage.code());
    const answer = await stage.token({ ...form, ...change });
    assert.equal([answer.status, answer.json.error], [status, error]);
    assert.is(answer.headers["Cache-Control"], "no-store");
    assert.is("WWW-Authenticate" in answer.headers, status === 401);
    assert.is((await stage.token(form)).status, 200);
  });
}

const tolerated: readonly (readonly [string, Change])[] = [
  ["no redirect uri", { redirect_uri: undefined }],
  ["an empty redirect uri", { redirect_uri: "" }],
  ["an empty secret", { client_secret: "" }],
  ["an empty resource", { resource: "" }],
  ["parameters nobody knows", { audience: "x", state: "y" }],
];
for (const [name, change] of tolerated) {
  test(`${name} is fine`, async () => {
    assert.is((await stage.token({ ...exchangeForm(await stage.code()), ...change })).status, 200);
  });
}

test("only forms by POST are read, each parameter once", async () => {
  const form = exchangeForm(await stage.code());
  const text = new URLSearchParams(form).toString();
  const attempts: readonly (readonly [Fields, Record<string, string>, number])[] = [
    [JSON.stringify(form), { "content-type": "application/json" }, 400],
    [text, { "content-type": "" }, 400],
    [text, { "content-type": `${formType}x` }, 400],
    [text, { method: "GET" }, 405],
    ["", {}, 400],
    [`${text}&code=other`, {}, 400],
    [`${text}&client_id=`, {}, 400],
    [`${text}&x=1&x=1`, {}, 400],
    [`${text}&resource=${site.origin}/mcp&resource=https://other.example`, {}, 400],
    [
      `${text}&resource=${site.origin}/mcp&resource=${site.origin}`,
      { "content-type": `${formType.toUpperCase()} ; charset=UTF-8` },
      200,
    ],
  ];
  for (const [body, headers, status] of attempts)
    assert.is((await stage.token(body, headers)).status, status, JSON.stringify([body, headers]));
});

const encoded = encodeURIComponent(secret);
const credentials: readonly (readonly [string, string, Change, Record<string, string>, boolean])[] = [
  ["a secret in the body", "post", { client_secret: secret }, {}, true],
  ["the configured client's", configured.id, { client_secret: secret }, {}, true],
  ["one in the header though registered for the body", "post", {}, basic("post", encoded), true],
  ["one in the header, not encoded", "post", { client_id: undefined }, basic("post", secret), true],
  ["one in the body though registered for the header", "basic: é", { client_secret: secret }, {}, true],
  ["both parts encoded", "basic: é", { client_id: undefined }, basic("basic%3A+%C3%A9", encoded), true],
  [
    "a header without password beside the body's secret",
    "post",
    { client_secret: secret },
    basic("post", ""),
    true,
  ],
  [
    "a public client's header without password",
    client.id,
    { client_id: undefined },
    basic(client.id, ""),
    true,
  ],
  ["another scheme's header", client.id, {}, { authorization: "Bearer old" }, true],
  ["a wrong one in the header", "post", {}, basic("post", "wrong"), false],
  ["a header without password", "post", {}, basic("post", ""), false],
  ["a header without colon", client.id, {}, { authorization: "Basic cG9zdA==" }, false],
  ["a header that names nobody", client.id, {}, basic("", "x"), false],
  ["a header that is no base64", client.id, {}, { authorization: "Basic ~~~" }, false],
  ["two ways at once", "post", { client_secret: secret }, basic("post", encoded), false],
  ["two names", "post", { client_id: client.id }, basic("post", encoded), false],
  ["a public client with a password", client.id, {}, basic(client.id, "x"), false],
];
for (const [name, id, change, headers, accepted] of credentials) {
  test(`client credentials, ${name}: ${accepted ? "accepted" : "refused"}`, async () => {
    const form = { ...exchangeForm(await stage.code(clientOf(id))), client_id: id, ...change };
    assert.is((await stage.token(form, headers)).status === 200, accepted);
  });
}

test("a client whose id is a URL is not looked up: its code and tokens say whose they are", async () => {
  const code = await stage.code(clientOf(documentId));
  const { status, json } = await stage.token({ ...exchangeForm(code), client_id: documentId });
  assert.is(status, 200);
  const form = { grant_type: "refresh_token", refresh_token: String(json.refresh_token) };
  assert.is((await stage.token({ ...form, client_id: "https://other.example/client.json" })).status, 400);
  assert.is((await stage.token({ ...form, client_id: documentId })).status, 200);
  assert.equal(stage.lookups, []);
  assert.is((await stage.token({ ...form, client_id: "https://app.example" })).status, 401);
  assert.is((await stage.token({ ...form, client_id: "http://app.example/client.json" })).status, 401);
});

test("a failed write is the server's fault and uses nothing up", async () => {
  const form = exchangeForm(await stage.code());
  stage.fault = "full";
  assert.is(await outcomeOf(stage.token(form)), "FAILED");
  stage.fault = "none";
  const { json } = await stage.token(form);
  const next = {
    grant_type: "refresh_token",
    refresh_token: String(json.refresh_token),
    client_id: client.id,
  };
  stage.fault = "full";
  assert.is(await outcomeOf(stage.token(next)), "FAILED");
  stage.fault = "none";
  assert.is((await stage.token(next)).status, 200);
});

test("a replayed refresh token is invalid_grant, and so is everything after it", async () => {
  const first = await refreshed();
  const form = { grant_type: "refresh_token", refresh_token: first, client_id: client.id };
  const { json } = await stage.token(form);
  stage.clock.advance(site.refreshGraceS * 1_000);
  assert.equal((await stage.token(form)).json.error, "invalid_grant");
  const newest = { ...form, refresh_token: String(json.refresh_token) };
  assert.equal((await stage.token(newest)).json.error, "invalid_grant");
  const access = String(json.access_token);
  assert.is(stage.grants.get(String(await stage.tokens.verify(access, site))), undefined);
});

test("no answer repeats a secret that was sent", async () => {
  const form = { ...exchangeForm("a-code-that-is-secret"), client_secret: "a-secret" };
  for (const change of [
    {},
    { client_secret: undefined },
    { client_id: "post" },
    { resource: "https://secret.example" },
  ]) {
    const answer = JSON.stringify(await stage.token({ ...form, ...change }));
    assert.not.match(answer, /a-code|a-secret|secret\.example|only-the-client-knows/);
  }
});

const metadata = {
  issuer: site.origin,
  token_endpoint: `${site.origin}/oauth/token`,
  authorization_endpoint: `${site.origin}/oauth/authorize`,
  response_types_supported: ["code"],
};

for (const [name, id, auth] of [
  ["without a secret", client.id, oauth.None()],
  ["with one in the header", "basic: é", oauth.ClientSecretBasic(secret)],
  ["with one in the body", "post", oauth.ClientSecretPost(secret)],
] as const) {
  test(`oauth4webapi ${name} exchanges and refreshes`, async () => {
    const [server, own] = [metadata, { client_id: id }];
    const options = { [oauth.customFetch]: stage.fetch };
    const callback = new URL(`${consent.redirectUri}?code=${await stage.code(clientOf(id))}`);
    const parameters = oauth.validateAuthResponse(server, own, callback, oauth.skipStateCheck);
    const redirect = consent.redirectUri;
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      own,
      auth,
      parameters,
      redirect,
      verifier,
      options,
    );
    const first = await oauth.processAuthorizationCodeResponse(server, own, response);
    const again = await oauth.refreshTokenGrantRequest(
      server,
      own,
      auth,
      String(first.refresh_token),
      options,
    );
    const second = await oauth.processRefreshTokenResponse(server, own, again);
    assert.is(second.expires_in, site.accessTtlS);
    assert.is.not(second.refresh_token, first.refresh_token);
  });
}

for (const id of [client.id, "post", configured.id]) {
  test(`the SDK's client exchanges and refreshes as ${id}`, async () => {
    const clientInformation = { client_id: id, ...(id !== client.id && { client_secret: secret }) };
    const shared = {
      metadata,
      clientInformation,
      resource: new URL(`${site.origin}/mcp`),
      fetchFn: stage.fetch,
    };
    const authorizationCode = await stage.code(clientOf(id));
    const first = await exchangeAuthorization(site.origin, {
      ...shared,
      authorizationCode,
      codeVerifier: verifier,
      redirectUri: consent.redirectUri,
    });
    const second = await refreshAuthorization(site.origin, {
      ...shared,
      refreshToken: String(first.refresh_token),
    });
    assert.is.not(second.refresh_token, first.refresh_token);
  });
}

test.run();
