import { test } from "uvu";
import * as assert from "uvu/assert";
import { createTestClock } from "../../../test/support/clock.js";
import {
  type ClientDocuments,
  createClientDocuments,
  isDocumentId,
  readClientDocument,
} from "./client-document.js";
import type { FetchDocument } from "./document-fetch.js";
import { OAuthRefusal } from "./refusal.js";
import type { AuthEvent } from "./types.js";

const url = "https://client.example/oauth/client.json";
const document = (id: string, more: object = {}): object => ({
  client_id: id,
  client_name: "Example",
  redirect_uris: ["https://client.example/callback"],
  ...more,
});

async function refusalOf(run: () => unknown): Promise<string> {
  try {
    await run();
    return "none";
  } catch (error) {
    return error instanceof OAuthRefusal ? error.error : String(error);
  }
}

interface Setup {
  readonly documents: ClientDocuments;
  readonly clock: ReturnType<typeof createTestClock>;
  readonly fetched: string[];
  readonly events: AuthEvent[];
}

/** Documents over `answer`; by default every URL has one that may be kept for ten minutes. */
function setUp(answer: FetchDocument = async (id) => ({ value: document(id), maxAge: 600 })): Setup {
  const clock = createTestClock();
  const fetched: string[] = [];
  const events: AuthEvent[] = [];
  const fetchDocument: FetchDocument = (id) => {
    fetched.push(id);
    return answer(id);
  };
  const documents = createClientDocuments({ clock, onEvent: (event) => events.push(event), fetchDocument });
  return { documents, clock, fetched, events };
}

test("a document makes a public client that is kept while it may be", async () => {
  const { documents, clock, fetched } = setUp();
  const client = await documents.get(url, []);
  assert.equal(client, {
    id: url,
    kind: "document",
    name: "Example",
    redirectUris: ["https://client.example/callback"],
    authMethod: "none",
    secretHash: undefined,
  });
  clock.advance(599_999);
  await documents.get(url, []);
  assert.is(fetched.length, 1);
  clock.advance(1);
  await documents.get(url, []);
  assert.is(fetched.length, 2);
});

test("those who ask at the same time share one fetch", async () => {
  let answer = (_: { value: unknown; maxAge: number }): void => {};
  const { documents, fetched } = setUp(
    () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
  );
  const asked = [documents.get(url, []), documents.get(url, []), documents.get(url, [])];
  answer({ value: document(url), maxAge: 300 });
  assert.equal(
    (await Promise.all(asked)).map(({ id }) => id),
    [url, url, url],
  );
  assert.is(fetched.length, 1);
});

test("a failure is kept for 30 s, told to the log, and not to who asked", async () => {
  const { documents, clock, fetched, events } = setUp(() =>
    Promise.reject(new Error("intern.example is at 10.0.0.1")),
  );
  const failure = await documents.get(url, []).catch((error: unknown) => error as OAuthRefusal);
  assert.instance(failure, OAuthRefusal);
  assert.not.match((failure as OAuthRefusal).message, "10.0.0.1");
  assert.equal(events, [
    { event: "registration_refused", clientId: url, detail: "intern.example is at 10.0.0.1" },
  ]);
  clock.advance(29_999);
  assert.is(await refusalOf(() => documents.get(url, [])), "invalid_client");
  assert.is(fetched.length, 1);
  clock.advance(1);
  await refusalOf(() => documents.get(url, []));
  assert.is(fetched.length, 2);
});

test("a document that has been fetched again replaces a failure at once", async () => {
  let down = true;
  const { documents, clock } = setUp(async (id) => {
    if (down) throw new Error("down");
    return { value: document(id), maxAge: 300 };
  });
  await refusalOf(() => documents.get(url, []));
  down = false;
  clock.advance(30_000);
  assert.is((await documents.get(url, [])).id, url);
});

const badIds = [
  "https://client.example",
  "https://client.example/",
  "https://client.example/?x=1",
  "https://client.example/a#part",
  "https://client.example/a#",
  "https://owner@client.example/a",
  "https://owner:word@client.example/a",
  "https://client.example/a/../b",
  "https://client.example/%2e%2e/b",
  "https://client.example/./b",
  "https://CLIENT.example/a",
  "https://client.example:443/a",
  "https://client.example\\@evil.example/a",
  "https://client.example/a b",
  "https://client.example/a\n",
  "https://127.0.0.1/a",
  "https://8.8.8.8/a",
  "https://2130706433/a",
  "https://0x7f.1/a",
  "https://[::1]/a",
  "https://[::ffff:127.0.0.1]/a",
  "https://[64:ff9b::7f00:1]/a",
  "https:client.example/a",
  `https://client.example/${"a".repeat(2_048)}`,
];

test("an id that is no proper url of a document is refused without a fetch", async () => {
  const { documents, fetched } = setUp();
  for (const id of badIds) assert.is(await refusalOf(() => documents.get(id, [])), "invalid_client", id);
  assert.equal(fetched, []);
  for (const id of [
    "https://client.example/a?b=c",
    "https://client.example:8443/a",
    "https://client.example/a/",
  ]) {
    assert.is((await documents.get(id, [])).id, id);
  }
});

test("ids of documents are told from others", () => {
  assert.ok(isDocumentId(url));
  for (const id of ["http://client.example/a", "HTTPS://client.example/a", "client", ""])
    assert.not.ok(isDocumentId(id));
});

const badDocuments: readonly (readonly [string, unknown])[] = [
  ["a list", [document(url)]],
  ["null", null],
  ["text", "x"],
  ["no client_id", { redirect_uris: ["https://client.example/callback"] }],
  ["another client_id", document("https://client.example/oauth/other.json")],
  ["its own url with a slash", document(`${url}/`)],
  ["a client_id that is no text", document(url, { client_id: [url] })],
  ["a secret", document(url, { client_secret: "x" })],
  ["the end of a secret", document(url, { client_secret_expires_at: 0 })],
  ["client_secret_basic", document(url, { token_endpoint_auth_method: "client_secret_basic" })],
  ["client_secret_post", document(url, { token_endpoint_auth_method: "client_secret_post" })],
  ["client_secret_jwt", document(url, { token_endpoint_auth_method: "client_secret_jwt" })],
  ["a key and nothing else", document(url, { token_endpoint_auth_method: "private_key_jwt" })],
  ["no redirect uris", document(url, { redirect_uris: [] })],
  ["redirect uris that run", document(url, { redirect_uris: ["javascript:alert(1)"] })],
];

for (const [what, value] of badDocuments) {
  test(`a document with ${what} is refused, for 30 s without asking again`, async () => {
    const { documents, fetched } = setUp(async () => ({ value, maxAge: 600 }));
    const refused = await refusalOf(() => documents.get(url, []));
    assert.ok(["invalid_client_metadata", "invalid_redirect_uri"].includes(refused), refused);
    await refusalOf(() => documents.get(url, []));
    assert.is(fetched.length, 1);
  });
}

test("a method that is one of several gives way to none", () => {
  const methods = {
    token_endpoint_auth_method: "private_key_jwt",
    token_endpoint_auth_methods_supported: ["none"],
  };
  assert.is(readClientDocument(url, document(url, methods), []).authMethod, "none");
});

test("the owner's redirect uris count, as they are when the client is looked up", async () => {
  const { documents } = setUp(async (id) => ({
    value: document(id, { redirect_uris: ["myapp://cb", "https://client.example/cb"] }),
    maxAge: 600,
  }));
  assert.equal((await documents.get(url, [])).redirectUris, ["https://client.example/cb"]);
  assert.equal((await documents.get(url, ["myapp://cb"])).redirectUris, [
    "myapp://cb",
    "https://client.example/cb",
  ]);
});

const claudeCode = "https://claude.ai/oauth/claude-code-client-metadata";

test("a known client is let in when its document cannot be had, others are not", async () => {
  const { documents, events } = setUp(() => Promise.reject(new Error("no way out")));
  const client = await documents.get(claudeCode, []);
  assert.is(client.name, "Claude Code");
  assert.equal(client.redirectUris, ["http://localhost/callback", "http://127.0.0.1/callback"]);
  assert.equal(events, []);
  assert.is(await refusalOf(() => documents.get(`${claudeCode}/`, [])), "invalid_client");
});

test("a known client's own document wins, good or bad", async () => {
  const good = setUp(async (id) => ({ value: document(id, { client_name: "Renamed" }), maxAge: 600 }));
  assert.is((await good.documents.get(claudeCode, [])).name, "Renamed");
  const bad = setUp(async () => ({ value: document("https://evil.example/a"), maxAge: 600 }));
  assert.is(await refusalOf(() => bad.documents.get(claudeCode, [])), "invalid_client_metadata");
});

test("one host gets 5 fetches at once and one every 10 s, whatever the path", async () => {
  const { documents, clock, fetched, events } = setUp();
  const get = (n: number): Promise<string> => refusalOf(() => documents.get(`https://one.example/${n}`, []));
  for (let n = 0; n < 5; n++) assert.is(await get(n), "none");
  assert.is(await get(5), "slow_down");
  assert.is(await refusalOf(() => documents.get(url, [])), "none", "another host is not held up");
  clock.advance(10_000);
  assert.is(await get(5), "none", "being told to wait is not kept");
  assert.is(fetched.length, 7);
  assert.equal(events, [], "a flood does not fill the log");
});

test("strangers' hosts use up the fetches of all, and known clients still come in", async () => {
  const { documents, fetched } = setUp();
  for (let n = 0; n < 30; n++) await refusalOf(() => documents.get(`https://host${n}.example/a`, []));
  assert.is(fetched.length, 20);
  assert.is(await refusalOf(() => documents.get(url, [])), "slow_down");
  assert.is((await documents.get(claudeCode, [])).name, "Claude Code");
  assert.is(fetched.length, 20);
});

test("100 documents are kept, and failures do not push them out", async () => {
  let fails = false;
  const { documents, clock, fetched } = setUp(async (id) => {
    if (fails) throw new Error("down");
    return { value: document(id), maxAge: 86_400 };
  });
  const visit = async (prefix: string, count: number): Promise<void> => {
    for (let n = 0; n < count; n++) {
      clock.advance(2_000);
      await refusalOf(() => documents.get(`https://${prefix}${n}.example/a`, []));
    }
  };
  await visit("good", 100);
  fails = true;
  await visit("bad", 150);
  const before = fetched.length;
  await visit("good", 100);
  assert.is(fetched.length, before);
  fails = false;
  await visit("more", 1);
  await visit("good", 1);
  assert.is(fetched.length, before + 2, "the oldest made room");
});

test.run();
