import { once } from "node:events";
import type { RequestListener } from "node:http";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createTestClock } from "../../../test/support/clock.js";
import { systemClock } from "../../clock/clock.js";
import { createDialGuard } from "./dial-guard.js";
import { createDocumentFetch, type FetchedDocument } from "./document-fetch.js";
import { createTestAuthority, type TestServer } from "./tls-server.test.util.js";

const authority = createTestAuthority("client.example");
/** What a test lets into this machine. */
const here = { resolve: async () => ["127.0.0.1"], mayDial: () => true, ca: authority.ca };

async function withServer<T>(
  answer: RequestListener,
  use: (url: string, server: TestServer) => Promise<T>,
): Promise<T> {
  const server = await authority.serve(answer);
  try {
    return await use(`https://client.example:${server.port}/client.json`, server);
  } finally {
    server.close();
  }
}

function fetched(answer: RequestListener): Promise<FetchedDocument> {
  return withServer(answer, (url) => createDocumentFetch({ clock: systemClock, ...here })(url));
}

const failureOf = (document: Promise<unknown>): Promise<string> =>
  document.then(
    () => "fetched",
    (error: Error) => `${error.name}: ${error.message}`,
  );

/** An answer with `body`; status 200 and JSON unless said otherwise. */
function says(body: string, headers: Record<string, string> = {}, status = 200): RequestListener {
  return (_, res) => res.writeHead(status, { "Content-Type": "application/json", ...headers }).end(body);
}

test("fetches a document, and tells its server nothing about who asked", async () => {
  let sent: object = {};
  const { value } = await fetched((req, res) => {
    sent = req.headers;
    says('{"client_id":"x"}', { "Content-Type": "application/cimd+json; charset=utf-8" })(req, res);
  });
  assert.equal(value, { client_id: "x" });
  assert.equal(Object.keys(sent).sort(), ["accept", "accept-encoding", "connection", "host"]);
});

test("the guard stands between it and this machine", async () => {
  await withServer(says("{}"), async (url, server) => {
    const guarded = createDocumentFetch({ clock: systemClock, ...here, mayDial: createDialGuard() });
    assert.match(await failureOf(guarded(url)), "not a public address");
    assert.is(server.dialled(), 0);
    await createDocumentFetch({ clock: systemClock, ...here })(url);
    assert.is(server.dialled(), 1, "control: without the guard it is reached");
  });
});

test("the machine's own name leads nowhere", async () => {
  await withServer(says("{}"), async (_, server) => {
    const fetchDocument = createDocumentFetch({ clock: systemClock, ca: authority.ca });
    await failureOf(fetchDocument(`https://localhost:${server.port}/client.json`));
    assert.is(server.dialled(), 0);
  });
});

test("a certificate that nobody known has signed is refused", async () => {
  await withServer(says("{}"), async (url) => {
    const { ca, ...others } = here;
    assert.match(await failureOf(createDocumentFetch({ clock: systemClock, ...others })(url)), /certificate/);
  });
});

test("a redirect is not followed", async () => {
  let elsewhere = 0;
  const other = await authority.serve((req, res) => {
    elsewhere++;
    says("{}")(req, res);
  });
  for (const status of [301, 302, 303, 307, 308]) {
    const location = `https://client.example:${other.port}/client.json`;
    assert.match(await failureOf(fetched(says("{}", { Location: location }, status))), `status ${status}`);
  }
  assert.is(elsewhere, 0);
  other.close();
});

test("only status 200 with json counts", async () => {
  for (const status of [204, 206, 403, 404, 500]) {
    assert.match(await failureOf(fetched(says("{}", {}, status))), `status ${status}`);
  }
  for (const type of ["text/html", "text/plain", "application/jsonp", "text/json", ""]) {
    assert.match(await failureOf(fetched(says("{}", { "Content-Type": type }))), "not json");
  }
  assert.match(await failureOf(fetched(says("{"))), "Fault");
  assert.match(await failureOf(fetched(says('{"__proto__":{}}'))), "Fault");
});

/** JSON of exactly `size` bytes. */
const ofSize = (size: number): string => `"${"a".repeat(size - 2)}"`;

test("5,120 bytes and not one more, announced or not", async () => {
  assert.is((await fetched(says(ofSize(5_120)))).value, "a".repeat(5_118));
  assert.match(await failureOf(fetched(says(ofSize(5_121)))), /size|exceed/i);
  const piecewise =
    (size: number): RequestListener =>
    (_, res) => {
      res.writeHead(200, { "Content-Type": "application/json" });
      for (const piece of ofSize(size).match(/.{1,100}/g) ?? []) res.write(piece);
      res.end();
    };
  assert.is((await fetched(piecewise(5_120))).value, "a".repeat(5_118));
  assert.match(await failureOf(fetched(piecewise(5_121))), /size|exceed/i);
});

test("an answer that never ends is cut off while it runs", async () => {
  let closed: Promise<unknown> = Promise.resolve();
  const endless: RequestListener = (_, res) => {
    closed = once(res, "close");
    res.writeHead(200, { "Content-Type": "application/json" });
    const more = (): unknown => res.destroyed || res.write("a".repeat(1_000), () => setImmediate(more));
    more();
  };
  await withServer(endless, async (url) => {
    assert.match(await failureOf(createDocumentFetch({ clock: systemClock, ...here })(url)), /size|exceed/i);
    await closed;
  });
});

const silences: Readonly<Record<string, RequestListener>> = {
  "no answer": () => {},
  "a head without a body": (_, res) =>
    void res.writeHead(200, { "Content-Type": "application/json" }).flushHeaders(),
  "a body that stops": (_, res) =>
    void res.writeHead(200, { "Content-Type": "application/json" }).write('{"a":'),
};

for (const [name, silent] of Object.entries(silences)) {
  test(`3 s are all it gets: ${name}`, async () => {
    const clock = createTestClock();
    let arrived = (): void => {};
    const asked = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const answer: RequestListener = (req, res) => {
      silent(req, res);
      arrived();
    };
    await withServer(answer, async (url) => {
      const outcome = failureOf(createDocumentFetch({ clock, ...here })(url));
      await asked;
      clock.advance(2_999);
      assert.is(clock.pending(), 1, "it waits until then");
      clock.advance(1);
      assert.match(await outcome, "no answer within 3000 ms");
    });
  });
}

test("3 s include the name servers and the connection", async () => {
  const clock = createTestClock();
  const never = new Promise<string[]>(() => {});
  let asked = (): void => {};
  const resolving = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const resolve = (): Promise<string[]> => {
    asked();
    return never;
  };
  const outcome = failureOf(
    createDocumentFetch({ clock, ...here, resolve })("https://client.example/client.json"),
  );
  await resolving;
  clock.advance(3_000);
  assert.match(await outcome, "no answer within 3000 ms");
});

test("no timer stays behind", async () => {
  const clock = createTestClock();
  await withServer(says("{}"), (url) => createDocumentFetch({ clock, ...here })(url));
  await withServer(says("{"), (url) => failureOf(createDocumentFetch({ clock, ...here })(url)));
  assert.is(clock.pending(), 0);
});

const lifetimes: readonly (readonly [string | undefined, number])[] = [
  [undefined, 300],
  ["public, max-age=300", 300],
  ["max-age=3600", 3_600],
  ["public,MAX-AGE=3600", 3_600],
  ["s-maxage=3600", 300],
  ["max-age=1", 300],
  ["max-age=99999999999999999999", 86_400],
  ["no-store, max-age=3600", 300],
  ["no-cache", 300],
  ["max-age=abc", 300],
];

for (const [header, seconds] of lifetimes) {
  test(`Cache-Control ${header ?? "absent"}: ${seconds} s`, async () => {
    const { maxAge } = await fetched(says("{}", header === undefined ? {} : { "Cache-Control": header }));
    assert.is(maxAge, seconds);
  });
}

test.run();
