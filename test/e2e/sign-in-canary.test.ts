import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { signIn } from "../support/browser.js";
import { joinServer } from "../support/oauth-party.js";
import { type SignInDaemon, withSignIn } from "../support/sign-in.js";

const bearer = "bearer-canary-0123456789";
const guess = "a guess that is nearly right";

/** By name, everything that only its holder may see. */
type Secrets = Record<string, string>;
/** By name, everything that others may come to see. */
type Texts = Record<string, string>;

/** Which secret stands in which text, as it is or as it stands in URLs and in Basic credentials. */
function leaks(secrets: Secrets, texts: Texts): string[] {
  return Object.entries(secrets).flatMap(([name, secret]) => {
    if (secret.length < 16) throw new Error(`${name} is too short to search for: ${secret}`);
    const forms = [secret, encodeURIComponent(secret), Buffer.from(secret).toString("base64")];
    return Object.entries(texts)
      .filter(([, text]) => forms.some((form) => text.includes(form)))
      .map(([place]) => `${name} in ${place}`);
  });
}

/** All that happens in the life of a sign-in, well and badly. */
async function live({ url, origin, browser, readOnly, restart }: SignInDaemon): Promise<[Secrets, Texts]> {
  const texts: Texts = {};
  const note = async (name: string, path: string, init: RequestInit): Promise<void> => {
    const answer = await fetch(`${origin}${path}`, { redirect: "manual", ...init });
    assert.ok(answer.status >= 400, `${name}: ${answer.status}`);
    texts[`the answer to ${name}`] = JSON.stringify([...answer.headers]) + (await answer.text());
  };
  const post = (fields: Readonly<Record<string, string>>): RequestInit => ({
    method: "POST",
    body: new URLSearchParams(fields),
  });
  const party = await joinServer(url, { confidential: true });
  const { client_id = "", client_secret = "" } = party.client;
  const { page, verifier, redeem } = await party.begin();
  const wrong = await browser.answer(await browser.open(page), { ...readOnly, password: guess });
  assert.is(wrong.status, 403);
  // Its form is for the owner's browser.
  texts["the page after a wrong password"] = wrong.markup.replace(/name="token" value="[^"]*"/, "");
  const target = await signIn(browser, page, readOnly);
  const code = target.searchParams.get("code") ?? "";
  const first = await redeem(target);
  const second = await party.refresh(first.refresh_token ?? "");
  await restart("SIGKILL");
  await party.list(second.access_token);
  await party.list(bearer);

  const redeeming = { grant_type: "authorization_code", client_id, code, code_verifier: verifier };
  const refreshing = { grant_type: "refresh_token", client_id, refresh_token: first.refresh_token ?? "" };
  const asBasic = {
    authorization: `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString("base64")}`,
  };
  const { access_token } = second;
  const everything = new URLSearchParams({ ...redeeming, ...refreshing, client_id: "stranger" });
  const asBearer = { authorization: `Bearer ${access_token}x` };
  const wrongly: readonly [string, string, RequestInit][] = [
    ["a code without the secret", "/oauth/token", post(redeeming)],
    ["two secrets", "/token", { ...post({ ...redeeming, client_secret }), headers: asBasic }],
    ["a secret as client id", "/oauth/token", post({ ...refreshing, client_id: client_secret })],
    ["no grant type", "/oauth/token", post({ client_id, client_secret, code, code_verifier: verifier })],
    ["a code in a query", `/oauth/token?${new URLSearchParams(redeeming)}`, { method: "POST" }],
    ["a token in a query", `/mcp?access_token=${access_token}`, { method: "POST" }],
    ["a token as a path", `/${access_token}`, {}],
    ["a spoiled token", "/mcp", { method: "POST", headers: asBearer }],
    ["a bearer token as a client", "/oauth/token", post({ client_id: bearer, client_secret: bearer })],
    ["a password in a registration", "/register", { method: "POST", body: `{"x": "${readOnly.password}"` }],
    ["another's token to revoke", "/oauth/revoke", post({ client_id: "stranger", token: access_token })],
    ["an authorization request with it all", `/oauth/authorize?${everything}`, {}],
  ];
  for (const [name, path, init] of wrongly) await note(name, path, init);

  // As the client itself, with its secret.
  const asked = await party.begin();
  const answered = await signIn(browser, asked.page, readOnly);
  const pending = answered.searchParams.get("code") ?? "";
  const own = { ...redeeming, client_secret, redirect_uri: "http://127.0.0.1:45679/callback" };
  const { refresh_token } = refreshing;
  const badly: readonly [string, Readonly<Record<string, string>>][] = [
    ["an unknown code", { ...own, code: `${code}x` }],
    ["a wrong verifier", { ...own, code: pending }],
    ["a wrong redirect", { ...own, code: pending, redirect_uri: code }],
    ["a spoiled refresh token", { ...refreshing, client_secret, refresh_token: `${refresh_token}x` }],
    ["a refresh token again", { ...refreshing, client_secret }],
  ];
  for (const [name, fields] of badly) await note(name, "/oauth/token", post(fields));
  const third = await asked.redeem(answered);
  await note("a code again", "/oauth/token", post({ ...own, code: pending, code_verifier: asked.verifier }));
  const again = await party.begin();
  const fourth = await again.redeem(await signIn(browser, again.page, readOnly));
  await party.revoke(fourth.access_token);
  assert.is((await party.list(fourth.access_token)).status, 401);

  const tokens = [first, second, third, fourth].flatMap((it, index) => [
    [`access token ${index}`, it.access_token],
    [`refresh token ${index}`, it.refresh_token ?? ""],
  ]);
  const inPages = browser.secrets.map((secret, index) => [`cookie or form token ${index}`, secret]);
  const secrets = {
    password: readOnly.password,
    "the wrong password": guess,
    "bearer token": bearer,
    "client secret": client_secret,
    code,
    "another code": pending,
    verifier,
    "another verifier": asked.verifier,
    ...Object.fromEntries([...tokens, ...inPages]),
  };
  return [secrets, texts];
}

async function readEverything(daemon: SignInDaemon): Promise<Texts> {
  const folder = join(daemon.dir, "state");
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return {
    "the output": daemon.output(),
    "ctmcpctl logs": await daemon.ctl("logs"),
    "ctmcpctl status": await daemon.ctl("status", "--json"),
    "ctmcpctl metrics": await daemon.ctl("metrics"),
    "ctmcpctl audit": await daemon.ctl("audit", "--json", "--lines", "10000"),
    "ctmcpctl clients --attempts": await daemon.ctl("clients", "--attempts", "--json"),
    "ctmcpctl bugreport": await daemon.ctl("bugreport", "--print"),
    "ctmcpctl clients": await daemon.ctl("clients", "--json"),
    "ctmcpctl config show": await daemon.ctl("config", "show", "--running", "--json"),
    ...Object.fromEntries(files.map((path) => [path, readFileSync(path, "utf8")])),
  };
}

test("no secret of a sign-in is written or answered anywhere", async () => {
  const env = { MCP_BEARER: bearer };
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a reference of the configuration
  const auth = { mode: "oauth+bearer", token: "${env:MCP_BEARER}", refresh_grace: "0s" };
  await withSignIn({ env, auth, config: { log: { level: "debug" } } }, async (daemon) => {
    const [secrets, answers] = await live(daemon);
    const texts = { ...answers, ...(await readEverything(daemon)) };
    assert.equal(leaks(secrets, texts), []);

    // The search would have found them: what happened was written, and a secret that is put there is seen.
    for (const event of [
      "password_wrong",
      "consent_given",
      "token_refreshed",
      "refresh_replayed",
      "code_replayed",
      "grant_revoked",
    ])
      assert.match(texts["the output"] ?? "", `"event":"${event}"`);
    const planted = join(daemon.dir, "state", "planted");
    writeFileSync(planted, JSON.stringify(Object.values(secrets)));
    const found = leaks(secrets, await readEverything(daemon));
    assert.equal(
      found,
      Object.keys(secrets).map((name) => `${name} in ${planted}`),
    );
  });
});

test.run();
