import { createHash } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Fault } from "../../errs/errs.js";
import {
  allow,
  challenge,
  clientWith,
  linkOf,
  openBrowser,
  openDesk,
  password,
  refreshOf,
  requestOf,
  site,
} from "./authorize.test.util.js";
import type { OAuthReply, Site } from "./types.js";

const vendor = clientWith({ redirectUris: ["https://claude.ai/api/mcp/auth_callback"] });
const vendorRequest = { redirect_uri: "https://claude.ai/api/mcp/auth_callback" };

function answerOf(reply: OAuthReply): Record<string, string> {
  return Object.fromEntries(linkOf(reply).searchParams);
}

test("the right password: a page that leaves with code, state and issuer", async () => {
  const desk = openDesk();
  const browser = openBrowser(desk);
  assert.is((await browser.open()).status, 200);
  const reply = await browser.send(allow);
  assert.is(reply.status, 200);
  assert.is(refreshOf(reply), linkOf(reply).href);
  assert.is(linkOf(reply).host, "app.example");
  assert.equal(answerOf(reply), { code: "code-1", state: "state-1", iss: site.origin });
  assert.equal(desk.consents, [
    {
      client: clientWith(),
      redirectUri: "https://app.example/callback",
      codeChallenge: challenge,
      workspaces: ["app"],
      profile: "read-only",
    },
  ]);
  assert.equal(
    desk.events.map(({ event }) => event),
    ["consent_given"],
  );
});

test("no: nothing is verified, and the app is told at the owner's click", async () => {
  const desk = openDesk();
  const browser = openBrowser(desk);
  await browser.open();
  const reply = await browser.send({ decision: "deny" });
  assert.is(reply.status, 200);
  assert.is(answerOf(reply).error, "access_denied");
  assert.is(answerOf(reply).state, "state-1");
  assert.is(refreshOf(reply), undefined, "nobody vouches for app.example");
  assert.equal(desk.tried, []);
  assert.equal(desk.consents, []);

  const known = openBrowser(openDesk([vendor]));
  await known.open(requestOf(vendorRequest));
  assert.is.not(refreshOf(await known.send({ decision: "deny" })), undefined);
});

test("an error of the app goes back by itself only to where nobody can lie in wait", async () => {
  const trusted = await openBrowser(openDesk([vendor])).open(
    requestOf({ ...vendorRequest, response_type: "token" }),
  );
  assert.is(trusted.status, 302);
  const location = new URL(trusted.headers.Location ?? "");
  assert.is(location.host, "claude.ai");
  assert.is(location.searchParams.get("error"), "unsupported_response_type");
  assert.is(location.searchParams.get("state"), "state-1");
  assert.is(location.searchParams.get("iss"), site.origin);

  const unknown = await openBrowser(openDesk()).open(requestOf({ response_type: "token" }));
  assert.is(unknown.status, 400);
  assert.is(refreshOf(unknown), undefined);
  assert.is(answerOf(unknown).error, "unsupported_response_type");
});

for (const [what, query, told] of [
  ["an unknown client", requestOf({ client_id: "gone" }), /~\/\.mcp-auth/],
  ["a foreign redirect URI", requestOf({ redirect_uri: "https://evil.example/" }), /not registered/],
  ["no client", new URLSearchParams(), /only works when an app opens it/],
] as const) {
  test(`${what}: a page for the person, no redirect`, async () => {
    const reply = await openBrowser(openDesk()).open(query);
    assert.is(reply.status, 400);
    assert.match(reply.body, told);
    assert.is(reply.headers.Location, undefined);
    assert.is(refreshOf(reply), undefined);
    assert.not.match(reply.body, /href=/);
  });
}

test("no password: the page says how to set one", async () => {
  const desk = openDesk(undefined, { password: () => ({ isSet: () => false, verify: async () => false }) });
  const reply = await openBrowser(desk).open();
  assert.is(reply.status, 503);
  assert.match(reply.body, "ctmcpctl rotate-secret password");
  assert.not.match(reply.body, "<form");
});

test("a wrong password keeps what was chosen, and never shows itself", async () => {
  const desk = openDesk();
  const browser = openBrowser(desk);
  await browser.open();
  const reply = await browser.send({
    ...allow,
    workspace: ["app", "docs"],
    profile: "full",
    password: "wrong-secret",
  });
  assert.is(reply.status, 403);
  assert.match(reply.body, /role="alert"/);
  assert.match(reply.body, /value="app" checked/);
  assert.match(reply.body, /value="docs" checked/);
  assert.match(reply.body, /value="full" checked/);
  assert.not.match(reply.body, "wrong-secret");
  assert.equal(desk.events, [{ event: "password_wrong", clientId: "client-1" }]);
  assert.is((await browser.send(allow)).status, 200);
});

test("guesses are slowed down without being verified, also the right one", async () => {
  const desk = openDesk();
  const browser = openBrowser(desk);
  await browser.open();
  let reply = await browser.send({ ...allow, password: "guess" });
  while (reply.status === 403) reply = await browser.send({ ...allow, password: "guess" });
  assert.is(reply.status, 429);
  const wait = Number(reply.headers["Retry-After"]);
  assert.match(reply.body, `wait ${wait} second`);
  const tried = desk.tried.length;
  assert.is((await browser.send(allow)).status, 429);
  assert.is(desk.tried.length, tried);
  assert.is(desk.events.filter(({ event }) => event === "password_throttled").length, 1);
  desk.clock.advance(wait * 1_000);
  assert.is((await browser.send(allow)).status, 200);
  await browser.open();
  assert.is((await browser.send({ ...allow, password: "guess" })).status, 403, "the delay is forgotten");
});

test("sources are told apart by the tunnel's header, by its last word, and never by loopback", async () => {
  const behind: Site = { ...site, sourceHeader: "X-Forwarded-For" };
  const guessUntilRefused = async (header: (turn: number) => string): Promise<number> => {
    const browser = openBrowser(openDesk(), behind);
    await browser.open();
    for (let turn = 0; turn < 100; turn++) {
      const reply = await browser.send({ ...allow, password: "x" }, { "x-forwarded-for": header(turn) });
      if (reply.status === 429) return turn;
    }
    return 100;
  };
  const one = await guessUntilRefused(() => "192.0.2.1");
  assert.is(await guessUntilRefused((turn) => `192.0.2.${turn}, 192.0.2.250`), one);
  const many = await guessUntilRefused((turn) => `192.0.2.${turn}`);
  assert.ok(many > one);
  assert.is(await guessUntilRefused(() => "127.0.0.1"), many);
  assert.is(await guessUntilRefused(() => "not an address"), many);
});

/** What the owner may send, and what is granted of it. */
const choices: Readonly<
  Record<
    string,
    readonly [
      fields: Record<string, string | readonly string[]>,
      granted: readonly [readonly string[] | null, string] | undefined,
    ]
  >
> = {
  "full where it is allowed": [{ workspace: "app", profile: "full" }, [["app"], "full"]],
  "full where it is not": [{ workspace: "docs", profile: "full" }, [["docs"], "read-only"]],
  "full in both": [{ workspace: ["docs", "app"], profile: "full" }, [["app", "docs"], "full"]],
  "everything, full": [{ later: "yes", profile: "full" }, [null, "full"]],
  "an unknown workspace besides": [{ workspace: ["secret", "app"] }, [["app"], "read-only"]],
  "an unknown workspace only": [{ workspace: "secret" }, undefined],
  "a workspace twice": [{ workspace: ["app", "app"] }, [["app"], "read-only"]],
  "an unknown profile": [{ workspace: "app", profile: "root" }, [["app"], "read-only"]],
  nothing: [{}, undefined],
};

for (const [what, [fields, granted]] of Object.entries(choices)) {
  test(`chosen: ${what}`, async () => {
    const desk = openDesk();
    const browser = openBrowser(desk);
    await browser.open();
    const reply = await browser.send({ password, decision: "allow", ...fields });
    const [consent] = desk.consents;
    assert.equal(consent && [consent.workspaces, consent.profile], granted);
    assert.is(reply.status, granted === undefined ? 400 : 200);
    if (granted === undefined) assert.equal(desk.tried, [], "no password is spent on it");
  });
}

test("where every workspace is read only, full is neither offered nor granted", async () => {
  const readOnly: Site = {
    ...site,
    workspaces: site.workspaces.map((w) => ({ ...w, profile: "read-only" })),
  };
  const desk = openDesk();
  const browser = openBrowser(desk, readOnly);
  assert.not.match((await browser.open()).body, /value="full"/);
  await browser.send({ ...allow, later: "yes", profile: "full" });
  assert.is(desk.consents[0]?.profile, "read-only");
});

test("the workspace asked for is ticked, else the default one", async () => {
  const ticked = async (resource: string): Promise<string[]> => {
    const { body } = await openBrowser(openDesk()).open(requestOf({ resource }));
    return [...body.matchAll(/value="([\w-]+)" checked/g)].map(([, id]) => id ?? "");
  };
  assert.equal(await ticked(`${site.origin}/mcp`), ["app", "read-only"]);
  assert.equal(await ticked(`${site.origin}/w/docs/mcp`), ["docs", "read-only"]);
  assert.equal(await ticked(`${site.origin}/w/none/mcp`), ["app", "read-only"]);
});

test("strangers do not see where workspaces are", async () => {
  assert.not.match((await openBrowser(openDesk()).open()).body, "/home/owner");
});

/** A good form, spoiled in one way; the control is that it is good otherwise. */
const forgeries: Readonly<
  Record<string, readonly [Record<string, string>, Record<string, string | undefined>]>
> = {
  "without the cookie": [{}, { cookie: undefined }],
  "with another browser's cookie": [{}, { cookie: `__Host-ctmcp=${"A".repeat(22)}` }],
  "with the cookie under its http name": [{}, { cookie: `ctmcp=${"A".repeat(22)}` }],
  "from another origin": [{}, { origin: "https://evil.example" }],
  "from a sandboxed frame": [{}, { origin: "null" }],
  "from another site": [{}, { "sec-fetch-site": "cross-site" }],
  "with no token": [{ token: "" }, {}],
  "with another state": [{ request: requestOf({ state: "other" }).toString() }, {}],
  "for another challenge": [{ request: requestOf({ code_challenge: "x".repeat(43) }).toString() }, {}],
};

for (const [what, [fields, headers]] of Object.entries(forgeries)) {
  test(`a form sent ${what} allows nothing`, async () => {
    const desk = openDesk();
    const browser = openBrowser(desk);
    await browser.open();
    assert.is((await browser.send({ ...allow, ...fields }, headers)).status, 403);
    assert.equal(desk.consents, []);
    assert.equal(desk.tried, []);
    await browser.open();
    assert.is((await browser.send(allow)).status, 200, "control");
  });
}

test("the same form in a browser without fetch headers is good", async () => {
  const browser = openBrowser(openDesk());
  await browser.open();
  const reply = await browser.send(allow, { origin: undefined, "sec-fetch-site": undefined });
  assert.is(reply.status, 200);
});

test("a form that carries no request, or one for a foreign address, sends nobody anywhere", async () => {
  for (const request of ["", requestOf({ redirect_uri: "https://evil.example/" }).toString()]) {
    const browser = openBrowser(openDesk());
    await browser.open();
    const reply = await browser.send({ ...allow, request });
    assert.is(reply.status, 400);
    assert.is(refreshOf(reply), undefined);
  }
});

test("a form survives a restart of the daemon, and a page in another tab", async () => {
  const before = openDesk();
  const browser = openBrowser(before);
  await browser.open();
  const form = browser.hidden();
  await browser.open(requestOf({ state: "second tab" }));
  const after = openDesk();
  const reply = await openBrowser(after).send({ ...allow, ...form }, { cookie: browser.cookie() });
  assert.is(reply.status, 200);
  assert.is(answerOf(reply).state, "state-1");
});

test("an old form is shown again, ready to be sent", async () => {
  const desk = openDesk();
  const browser = openBrowser(desk);
  await browser.open();
  desk.clock.advance(1_800_000);
  assert.is((await browser.send(allow)).status, 403);
  assert.equal(desk.tried, []);
  assert.is((await browser.send(allow)).status, 200);
});

for (const [code, told] of [
  ["FAILED", /could not save/],
  ["SERVER_BUSY", /moment/],
] as const) {
  test(`${code} is a page to try again from`, async () => {
    const desk = openDesk();
    const browser = openBrowser(desk);
    await browser.open();
    desk.fault = new Fault(code, "injected");
    const reply = await browser.send(allow);
    assert.is(reply.status, 503);
    assert.match(reply.body, told);
    desk.fault = undefined;
    assert.is((await browser.send(allow)).status, 200);
  });
}

test("a bug is not made into a page", async () => {
  const desk = openDesk(undefined, {
    grants: {
      issueCode: () => Promise.reject(new TypeError("bug")),
    },
  });
  const browser = openBrowser(desk);
  await browser.open();
  const failure = await browser.send(allow).catch((error: unknown) => error);
  assert.instance(failure, TypeError);
});

test("only a request that can be asked about counts as use", async () => {
  const noted: string[] = [];
  const desk = openDesk(undefined, { noteUse: async (id) => void noted.push(id) });
  await openBrowser(desk).open(requestOf({ response_type: "token" }));
  await openBrowser(desk).open(requestOf({ client_id: "gone" }));
  assert.equal(noted, []);
  await openBrowser(desk).open();
  assert.equal(noted, ["client-1"]);
});

test("other methods are refused", async () => {
  const { endpoint } = openDesk();
  const reply = await endpoint(
    { method: "PUT", query: requestOf(), headers: {}, body: Buffer.alloc(0) },
    site,
  );
  assert.is(reply.status, 405);
  assert.is(reply.headers.Allow, "GET, HEAD, POST");
});

test("every page forbids frames, scripts, caching and foreign forms", async () => {
  const browser = openBrowser(openDesk());
  const pages = [
    await browser.open(new URLSearchParams()),
    await browser.open(requestOf({ client_id: "gone" })),
    await browser.open(requestOf({ response_type: "token" })),
    await browser.open(),
    await browser.send({ ...allow, password: "wrong" }),
    await browser.send(allow),
  ];
  for (const { headers, body } of pages) {
    const policy = headers["Content-Security-Policy"] ?? "";
    for (const rule of [
      "default-src 'none'",
      "form-action 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ])
      assert.ok(policy.split("; ").includes(rule), rule);
    const [, style = ""] = /<style>([\s\S]*)<\/style>/.exec(body) ?? [];
    assert.match(policy, `'sha256-${createHash("sha256").update(style).digest("base64")}'`);
    assert.is(headers["X-Frame-Options"], "DENY");
    assert.is(headers["Cache-Control"], "no-store");
    assert.is(headers["Referrer-Policy"], "same-origin");
    assert.not.match(body, "<script");
  }
});

test.run();
