import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  dial,
  exchange,
  post,
  postHeaders,
  readResponse,
  request,
  startServer,
} from "../../test/support/raw-http.js";

const chunkedHead = `POST /mcp HTTP/1.1\r\nHost: localhost\r\n${postHeaders}Transfer-Encoding: chunked\r\n\r\n`;

const whole = fc.constantFrom(
  post('{"a":1}'),
  post("[]"),
  post('{"a":', { path: "/w/x/mcp" }),
  post("{}", { headers: "" }),
  request("GET", "/healthz"),
  request("OPTIONS", "/mcp", "Origin: http://localhost\r\n"),
  request("GET", "/mcp", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
  request("CONNECT", "localhost:1"),
  `${chunkedHead}2\r\n{}\r\n0\r\n\r\n`,
  `${chunkedHead}2\r\n{}\r\n0\r\nTrailer: x\r\n\r\n`,
  `${chunkedHead}ffffffffffffffffff\r\n`,
);
const garbage = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
  fc.stringMatching(/^[A-Z]{1,8} [^\s]{0,20} HTTP\/\d\.\d\r\n([A-Za-z-]{1,9}: ?[ -~]{0,20}\r\n){0,5}\r\n$/),
);

/** What one client does: sends some pieces, each perhaps cut short, then leaves in one of three ways. */
const client = fc.record({
  pieces: fc.array(
    fc.tuple(fc.oneof(whole, garbage), fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean()),
    {
      minLength: 1,
      maxLength: 3,
    },
  ),
  leave: fc.constantFrom("reset", "end", "wait" as const),
});

test("property: whatever a client sends and whenever it leaves, the next one is served", async () => {
  // Some answers are late, some are streams, so that clients also leave while one is on its way.
  let turn = 0;
  const { port, server, log, close } = await startServer({
    handle: async ({ res }) => {
      if (++turn % 3 !== 0) await new Promise((resolve) => setImmediate(resolve));
      if (turn % 2 === 0) res.write(":\n\n");
      await new Promise((resolve) => setImmediate(resolve));
      res.end("{}");
    },
  });
  const seen = new Set<number>();
  await fc.assert(
    fc.asyncProperty(fc.array(client, { minLength: 1, maxLength: 10 }), async (clients) => {
      await Promise.all(
        clients.map(async ({ pieces, leave }) => {
          const socket = await dial(port);
          for (const [text, share, cut] of pieces) {
            socket.write(Buffer.from(cut ? text.slice(0, Math.ceil(text.length * share)) : text, "latin1"));
          }
          if (leave === "reset") {
            socket.resetAndDestroy();
            return;
          }
          const answer = readResponse(socket);
          socket.end();
          if (leave === "wait") seen.add((await answer).status);
          socket.destroy();
        }),
      );
      assert.is((await exchange(port, request("GET", "/healthz"))).status, 200);
    }),
    { numRuns: 600 },
  );
  for (const status of [200, 400, 401])
    assert.ok(seen.has(status), `the property reaches an answer of ${status}`);
  assert.equal(log.recent(), [], "nothing failed unexpectedly");
  await close();
  assert.is(server.connections(), 0);
});

test.run();
