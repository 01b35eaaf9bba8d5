import { test } from "uvu";
import * as assert from "uvu/assert";
import { Fault } from "../../errs/errs.js";
import { site } from "./grants.test.util.js";
import { OAuthRefusal } from "./refusal.js";
import { openRegistryStage, type RegistryStage } from "./registry.test.util.js";
import type { OAuthReply, Site } from "./types.js";

async function staged(use: (stage: RegistryStage) => Promise<void>): Promise<void> {
  const stage = await openRegistryStage();
  try {
    await use(stage);
  } finally {
    stage.close();
  }
}

const bodyOf = ({ body }: OAuthReply): Record<string, unknown> => JSON.parse(body);

async function refusalOf(reply: Promise<OAuthReply>): Promise<OAuthRefusal> {
  try {
    await reply;
  } catch (error) {
    if (error instanceof OAuthRefusal) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

const callback = "https://app.example/callback";

test("the answer says what was registered, not what was asked for", () =>
  staged(async ({ register, clock, registry, events }) => {
    clock.advance(1_700_000_000_999);
    const reply = await register({
      redirect_uris: [callback, callback],
      client_name: "An app",
      grant_types: ["implicit", "client_credentials"],
      response_types: ["token", "code"],
      scope: "openid email",
      application_type: "web",
      token_endpoint_auth_method: "none",
      jwks_uri: "https://app.example/keys",
      software_statement: { anything: [1] },
    });
    assert.is(reply.status, 201);
    assert.is(reply.headers["Content-Type"], "application/json");
    assert.is(reply.headers["Cache-Control"], "no-store");
    const { client_id: id, ...answer } = bodyOf(reply);
    assert.equal(answer, {
      client_id_issued_at: 1_700_000_000,
      client_name: "An app",
      redirect_uris: [callback],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
      scope: "mcp",
    });
    assert.is((await registry.find(String(id), site))?.kind, "registered");
    assert.equal(events, [{ event: "client_registered", clientId: id, detail: "An app" }]);
  }));

test("a client that authenticates gets a secret that does not expire", () =>
  staged(async ({ register }) => {
    for (const method of ["client_secret_post", "client_secret_basic"]) {
      const answer = bodyOf(
        await register({ redirect_uris: [callback], token_endpoint_auth_method: method }),
      );
      assert.match(String(answer.client_secret), /^[\w-]{43}$/);
      assert.is(answer.client_secret_expires_at, 0);
      assert.is(answer.token_endpoint_auth_method, method);
    }
    for (const method of [undefined, null, "", "private_key_jwt", "client_secret_jwt", ["none"], 1]) {
      const answer = bodyOf(
        await register({ redirect_uris: [callback], token_endpoint_auth_method: method }),
      );
      assert.is(answer.token_endpoint_auth_method, "none");
      assert.not.ok("client_secret" in answer);
    }
  }));

test("a body in any json type will do", () =>
  staged(async ({ register }) => {
    for (const type of ["application/json; charset=utf-8", "APPLICATION/JSON", undefined]) {
      const headers = type === undefined ? {} : { "content-type": type };
      assert.is((await register({ redirect_uris: [callback] }, { headers })).status, 201);
    }
  }));

test("bad redirect uris are dropped when a good one stays", () =>
  staged(async ({ register }) => {
    const redirects = ["javascript:alert(1)", callback, "http://lan.example/cb", 7, null, "myapp://cb"];
    const answer = bodyOf(
      await register({ redirect_uris: redirects }, {}, { ...site, redirectUris: ["myapp://cb"] }),
    );
    assert.equal(answer.redirect_uris, [callback, "myapp://cb"]);
  }));

const badRedirects: readonly unknown[] = [
  undefined,
  [],
  {},
  callback,
  [7],
  [null],
  [["https://app.example/callback"]],
  ["javascript:alert(1)"],
  ["http://lan.example/cb", "data:text/html,x"],
  Array.from({ length: 11 }, (_, n) => `${callback}/${n}`),
];

test("without a good redirect uri nothing is registered, and the first is named", () =>
  staged(async ({ register, state, events }) => {
    for (const redirect_uris of badRedirects) {
      const refusal = await refusalOf(register({ redirect_uris }));
      assert.is(refusal.error, "invalid_redirect_uri", JSON.stringify(redirect_uris));
      assert.is(refusal.status, 400);
    }
    const { message } = await refusalOf(
      register({ redirect_uris: ['http://lan.example/"\\\u202e\n<b>', callback.slice(5)] }),
    );
    assert.match(message, "http://lan.example/");
    assert.match(message, /^[\x20-\x7e]*$/);
    assert.equal(Object.keys(state.current().clients), []);
    assert.is(events.length, badRedirects.length + 1);
    assert.ok(events.every(({ event }) => event === "registration_refused"));
  }));

const badBodies = [
  "",
  "{",
  "[]",
  "null",
  "7",
  '"x"',
  "a=b&c=d",
  '{"__proto__":{"redirect_uris":[]}}',
  "[".repeat(100),
];

test("a body that is no json object is refused", () =>
  staged(async ({ register }) => {
    for (const body of badBodies) {
      assert.is((await refusalOf(register(body))).error, "invalid_client_metadata", body);
    }
    assert.is(
      (await refusalOf(register("", { body: Buffer.from([0xff, 0xfe]) }))).error,
      "invalid_client_metadata",
    );
  }));

const names: readonly (readonly [unknown, string | undefined])[] = [
  ["Claude Code (my-server)", "Claude Code (my-server)"],
  ["  two\n\n lines\t", "two lines"],
  ["evil\u202elaude", "evillaude"],
  ["zero\u200bwidth\u2060\ufeff\u00ad\u3164\u034f", "zerowidth"],
  ["bell\u0007\u001b[31m", "bell[31m"],
  ["half \ud800", "half"],
  ["<b>bold</b>", "<b>bold</b>"],
  ["名前 ü", "名前 ü"],
  ["x".repeat(300), "x".repeat(200)],
  ["😀".repeat(300), "😀".repeat(200)],
  ["\u200b \u202e", undefined],
  ["", undefined],
  [7, undefined],
  [{ en: "An app" }, undefined],
];

test("a name is one line that looks like what it is", () =>
  staged(async ({ register, clock }) => {
    for (const [sent, kept] of names) {
      clock.advance(60_000);
      const answer = bodyOf(await register({ redirect_uris: [callback], client_name: sent }));
      assert.is(answer.client_name, kept);
    }
  }));

test("only POST is taken", () =>
  staged(async ({ register }) => {
    const reply = await register({ redirect_uris: [callback] }, { method: "GET" });
    assert.is(reply.status, 405);
    assert.is(reply.headers.Allow, "POST");
  }));

test("20 at once, 30 a minute, then a client is told when to come back", () =>
  staged(async ({ register, clock, state }) => {
    const statuses = async (count: number): Promise<number[]> => {
      const replies: number[] = [];
      for (let n = 0; n < count; n++) replies.push((await register({ redirect_uris: [callback] })).status);
      return replies;
    };
    assert.equal(await statuses(21), [...Array<number>(20).fill(201), 429]);
    const reply = await register({ redirect_uris: [callback] });
    assert.is(bodyOf(reply).error, "slow_down");
    assert.is(reply.headers["Retry-After"], "2");
    clock.advance(2_000);
    assert.equal(await statuses(2), [201, 429]);
    assert.is(Object.keys(state.current().clients).length, 21);
  }));

test("refused metadata counts too", () =>
  staged(async ({ register }) => {
    for (let n = 0; n < 20; n++) await refusalOf(register("{"));
    assert.is((await register("{")).status, 429);
  }));

test("one source cannot use up the registrations of all", () =>
  staged(async ({ register }) => {
    const behindTunnel = { ...site, sourceHeader: "CF-Connecting-IP" };
    const from = async (address: string, at = behindTunnel as Site): Promise<number> => {
      const headers = { "cf-connecting-ip": address };
      return (await register({ redirect_uris: [callback] }, { headers }, at)).status;
    };
    const noisy: number[] = [];
    for (let n = 0; n < 15; n++) noisy.push(await from("192.0.2.1"));
    assert.equal(noisy, [...Array<number>(10).fill(201), ...Array<number>(5).fill(429)]);
    assert.is(await from("192.0.2.2"), 201);
    assert.is(
      await from("198.51.100.7, 192.0.2.1"),
      429,
      "what the caller wrote in front is not its address",
    );
    assert.is(await from("192.0.2.1", site), 201, "control: without the header sources are not told apart");
  }));

test("a full disk is not the client's fault", () =>
  staged(async ({ register, fillDisk }) => {
    fillDisk(true);
    const failure = await register({ redirect_uris: [callback] }).catch((error: unknown) => error);
    assert.instance(failure, Fault);
    assert.not.instance(failure, OAuthRefusal);
    fillDisk(false);
    assert.is((await register({ redirect_uris: [callback] })).status, 201);
  }));

test.run();
