import { once } from "node:events";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  dial,
  exchange,
  post,
  postHeaders,
  readResponse,
  rpcCode,
  startBare,
  startServer,
} from "../../test/support/raw-http.js";
import { type Body, readBody } from "./body.js";

const mebibyte = 1024 * 1024;
const json = (size: number): string => `{"x":"${"y".repeat(size - 8)}"}`;
const chunkedHead = `POST /mcp HTTP/1.1\r\nHost: localhost\r\n${postHeaders}Transfer-Encoding: chunked\r\n`;

function chunked(...parts: readonly string[]): string {
  const chunks = parts.map((part) => `${Buffer.byteLength(part).toString(16)}\r\n${part}\r\n`);
  return `${chunkedHead}\r\n${chunks.join("")}0\r\n\r\n`;
}

async function withServer(
  use: (server: Awaited<ReturnType<typeof startServer>>) => Promise<void>,
): Promise<void> {
  const server = await startServer();
  try {
    await use(server);
  } finally {
    await server.close();
  }
}

const bodies: readonly (readonly [string, string, number, number | undefined])[] = [
  ["one object", post('{"a":1}'), 200, undefined],
  ["chunks", chunked('{"a"', ":", "1}"), 200, undefined],
  ["exactly 1 MiB", post(json(mebibyte)), 200, undefined],
  ["exactly 1 MiB in chunks", chunked(json(mebibyte)), 200, undefined],
  ["nothing", post(""), 400, -32700],
  ["no JSON", post("{a:1}"), 400, -32700],
  ["JSON cut off", post('{"a":'), 400, -32700],
  ["a batch", post('[{"jsonrpc":"2.0"}]'), 400, -32600],
  ["a number", post("7"), 400, -32600],
  ["null", post("null"), 400, -32600],
  ["a key named __proto__", post('{"__proto__":{}}'), 400, -32600],
  ["65 levels", post(`{"a":${"[".repeat(64)}${"]".repeat(64)}}`), 400, -32600],
];

for (const [name, bytes, status, code] of bodies) {
  test(`${name}: ${status}`, () =>
    withServer(async ({ port, reached }) => {
      const answer = await exchange(port, bytes);
      assert.is(answer.status, status, answer.body.slice(0, 200));
      if (code !== undefined) assert.is(rpcCode(answer), code);
      assert.is(reached.length, status === 200 ? 1 : 0);
    }));
}

const mediaTypes: readonly (readonly [string, number])[] = [
  ["Content-Type: application/json", 200],
  ["Content-Type: Application/JSON ; charset=utf-8", 200],
  ["Content-Type: application/json\r\nContent-Encoding: identity", 200],
  ["Content-Type: text/plain", 415],
  ["Content-Type: application/jsonp", 415],
  ["Content-Type: application/x-www-form-urlencoded", 415],
  ["X-None: 1", 415],
  ["Content-Type: application/json\r\nContent-Encoding: gzip", 415],
  ["Content-Type: application/json\r\nContent-Encoding: identity\r\nContent-Encoding: br", 415],
];

for (const [lines, status] of mediaTypes) {
  test(`${lines.replace("\r\n", ", ")}: ${status}`, () =>
    withServer(async ({ port }) => {
      const authorization = postHeaders.slice(0, postHeaders.indexOf("\r\n") + 2);
      const answer = await exchange(port, post("{}", { headers: `${authorization}${lines}\r\n` }));
      assert.is(answer.status, status);
    }));
}

test("a transfer coding that node:http leaves in place is refused", () =>
  withServer(async ({ port }) => {
    const bytes = chunked("{}").replace("Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked");
    assert.is((await exchange(port, bytes)).status, 415);
  }));

const tooLong: readonly (readonly [string, string])[] = [
  ["announced", post("").replace("Content-Length: 0", `Content-Length: ${mebibyte + 1}`)],
  ["found in one chunk", chunked(json(mebibyte + 1))],
  [
    "found in an endless stream of chunks",
    chunked(...Array<string>(40).fill("x".repeat(65_536))).slice(0, -5),
  ],
];

for (const [name, bytes] of tooLong) {
  test(`a body beyond 1 MiB, ${name}, is answered 413 and the connection closed`, () =>
    withServer(async ({ port, reached }) => {
      const socket = await dial(port);
      const closed = once(socket, "close");
      socket.write(bytes);
      const answer = await readResponse(socket);
      assert.is(answer.status, 413);
      assert.is(rpcCode(answer), -32600);
      assert.match(answer.body, `"max_bytes":${mebibyte}`);
      assert.is(answer.headers.get("connection"), "close");
      await closed;
      assert.is(reached.length, 0);
    }));
}

test("a client that sends everything before it reads still gets its 413", () =>
  withServer(async ({ port }) => {
    const socket = await dial(port);
    socket.pause();
    const sent = new Promise<Error | null | undefined>((resolve) => {
      socket.write(post(json(4 * mebibyte)), resolve);
    });
    assert.not.ok(await sent);
    socket.resume();
    assert.is((await readResponse(socket)).status, 413);
    socket.destroy();
  }));

for (const bytes of [
  `${post("").replace("Content-Length: 0", "Content-Length: 9")}{`,
  `${chunkedHead}\r\n5\r\n{`,
]) {
  test(`reading ends when the client leaves in the middle of ${bytes.includes("chunked") ? "a chunk" : "a body"}`, async () => {
    let settle = (_: Body): void => {};
    const ended = new Promise<Body>((resolve) => {
      settle = resolve;
    });
    const server = await startBare((req) => {
      req.once("data", () => socket.destroy());
      void readBody(req, mebibyte).then(settle);
    });
    const socket = await dial(server.port);
    socket.write(bytes);
    assert.is((await ended).kind, "aborted");
    await server.close();
  });
}

test("Expect: 100-continue is answered before the body", () =>
  withServer(async ({ port, reached }) => {
    const socket = await dial(port);
    const [head, body] = post('{"a":1}', { headers: `${postHeaders}Expect: 100-continue\r\n` }).split(
      "\r\n\r\n",
    );
    socket.write(`${head}\r\n\r\n`);
    const [first] = (await once(socket, "data")) as [Buffer];
    assert.match(first.toString(), /^HTTP\/1\.1 100 /);
    assert.is(reached.length, 0);
    socket.write(body ?? "");
    assert.is((await readResponse(socket)).status, 200);
    socket.destroy();
  }));

test("one connection carries several requests, pipelined ones included", () =>
  withServer(async ({ port, reached }) => {
    const socket = await dial(port);
    for (let turn = 1; turn <= 3; turn++) {
      socket.write(post(`{"turn":${turn}}`));
      assert.match((await readResponse(socket)).body, `"turn":${turn}`);
    }
    socket.write(post('{"turn":4}') + post('{"turn":5}', { headers: `${postHeaders}Connection: close\r\n` }));
    let rest = "";
    socket.on("data", (chunk: Buffer) => {
      rest += chunk.toString();
    });
    await once(socket, "close");
    assert.match(rest, /"turn":4.*"turn":5/s);
    assert.is(reached.length, 5);
  }));

test("a refused request leaves the connection usable, its body thrown away", () =>
  withServer(async ({ port }) => {
    const socket = await dial(port);
    socket.write(post(json(100_000), { headers: "Content-Type: application/json\r\n" }));
    assert.is((await readResponse(socket)).status, 401);
    socket.write(post("{}"));
    assert.is((await readResponse(socket)).status, 200);
    socket.destroy();
  }));

test.run();
