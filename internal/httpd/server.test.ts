import { once } from "node:events";
import type { RequestListener, ServerResponse } from "node:http";
import { createServer } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { dial, exchange, readResponse, request, startBare } from "../../test/support/raw-http.js";
import { Fault } from "../errs/errs.js";
import { createHttpServer, type HttpServer, type HttpServerOptions, type Timeouts } from "./server.js";

const get = request("GET", "/");

interface Fixture {
  readonly server: HttpServer;
  readonly port: number;
  /** The next request that arrives, unanswered. */
  arrival(): Promise<ServerResponse>;
}

/** A listening server that leaves every request to the test. */
async function start(options: Partial<HttpServerOptions> = {}): Promise<Fixture> {
  let arrived = (_: ServerResponse): void => {};
  const server = createHttpServer({ handler: (_, res) => arrived(res), connections: 100, ...options });
  await server.listen("127.0.0.1", 0);
  return {
    server,
    port: server.address().port,
    arrival: () =>
      new Promise((resolve) => {
        arrived = resolve;
      }),
  };
}

const answerAtOnce: HttpServerOptions["handler"] = (_, res) => res.end("ok");

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "no error";
  } catch (error) {
    return error instanceof Fault ? error.code : String(error);
  }
}

test("an address in use is a typed failure that says where to look", async () => {
  const holder = createServer().listen(0, "127.0.0.1");
  await once(holder, "listening");
  const { port } = holder.address() as { port: number };
  const server = createHttpServer({ handler: answerAtOnce, connections: 1 });
  try {
    const fault = await server.listen("127.0.0.1", port).catch((error: unknown) => error);
    assert.instance(fault, Fault);
    assert.is((fault as Fault).code, "ADDRESS_IN_USE");
    assert.match((fault as Fault).hint ?? "", `:${port}`);
  } finally {
    holder.close();
  }
  await server.listen("127.0.0.1", port);
  assert.is((await exchange(port, get)).status, 200, "the same server can try again");
  await server.close(0);
});

test("an address that is not ours is a failure, and there is no address before listening", async () => {
  const server = createHttpServer({ handler: answerAtOnce, connections: 1 });
  assert.is(await codeOf(server.listen("192.0.2.1", 0)), "FAILED");
  assert.throws(
    () => server.address(),
    (error: unknown) => error instanceof Fault && error.code === "FAILED",
  );
});

test("an idle connection is kept longer than the 90 s of cloudflared's pool", async () => {
  const { server, port } = await start({ handler: answerAtOnce });
  const answer = await exchange(port, get);
  const seconds = Number(/timeout=(\d+)/.exec(answer.headers.get("keep-alive") ?? "")?.[1]);
  assert.ok(seconds > 90, `keep-alive: ${answer.headers.get("keep-alive")}`);
  await server.close(0);
});

const patience: Timeouts = { keepAlive: 60_000, headers: 60_000, request: 60_000 };
const slow: readonly (readonly [string, string, Partial<Timeouts>])[] = [
  ["sends nothing", "", { headers: 100 }],
  ["never ends its head", "GET / HTTP/1.1\r\nHost: localhost\r\n", { headers: 100 }],
  [
    "never ends its body",
    "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nx",
    { headers: 100, request: 200 },
  ],
];

for (const [name, bytes, limits] of slow) {
  test(`a client that ${name} loses its connection; with longer limits it does not`, async () => {
    const strict = await start({ timeouts: { ...patience, ...limits } });
    const patient = await start({ timeouts: patience });
    const [short, long] = [await dial(strict.port), await dial(patient.port)];
    short.resume().write(bytes);
    long.resume().write(bytes);
    await once(short, "close");
    assert.is(long.destroyed, false);
    long.destroy();
    await Promise.all([strict.server.close(0), patient.server.close(0)]);
  });
}

test("connections beyond the limit are closed at once, until the limit is raised", async () => {
  const { server, port } = await start({ handler: answerAtOnce, connections: 2 });
  const kept = [await dial(port), await dial(port)];
  for (const socket of kept) {
    socket.write(get);
    assert.is((await readResponse(socket)).status, 200);
  }
  assert.is(server.connections(), 2);
  assert.is((await exchange(port, get)).status, 0);
  server.setMaxConnections(3);
  assert.is((await exchange(port, get)).status, 200);
  for (const socket of kept) socket.destroy();
  await server.close(0);
});

/** Counts how often each of three pipelined responses closes when the client resets their connection. */
async function closesAfterReset(
  serve: (listener: RequestListener) => Promise<{ readonly port: number; close(): Promise<void> }>,
): Promise<number[]> {
  const closes: number[] = [];
  let gone: Promise<unknown> | undefined;
  let allHere = (): void => {};
  const arrived = new Promise<void>((resolve) => {
    allHere = resolve;
  });
  const server = await serve((req, res) => {
    gone ??= new Promise((resolve) => req.socket.once("close", resolve));
    const index = closes.push(0) - 1;
    res.on("close", () => {
      closes[index] = (closes[index] ?? 0) + 1;
    });
    // One is being written, one is complete and waits for it, one is not begun.
    if (index === 0) res.write("begun");
    if (index === 1) res.end("complete");
    if (index === 2) allHere();
  });
  const client = await dial(server.port);
  client.write(get.repeat(3));
  await arrived;
  client.resetAndDestroy();
  await gone;
  await new Promise(setImmediate);
  await server.close();
  return closes;
}

test("a connection that dies closes each response on it once, also those queued behind another", async () => {
  const ours = (handler: RequestListener) =>
    start({ handler }).then(({ server, port }) => ({ port, close: () => server.close(0) }));
  assert.equal(await closesAfterReset(ours), [1, 1, 1]);
  assert.equal(await closesAfterReset(startBare), [1, 0, 0], "node:http by itself");
});

test("close: idle and silent connections go at once, a request in flight is answered, nobody new comes in", async () => {
  const { server, port, arrival } = await start();
  const silent = await dial(port);
  const busy = await dial(port);
  const arriving = arrival();
  busy.write(get);
  const res = await arriving;
  const closed = server.close(60_000);
  await once(silent.resume(), "close");
  assert.match(await codeOf(dial(port)), "ECONNREFUSED");
  const answer = readResponse(busy);
  res.writeHead(200, { "Content-Length": 4 }).end("done");
  assert.is((await answer).body, "done");
  assert.is((await answer).headers.get("connection"), "close");
  await closed;
});

test("stopAccepting: who was let in is still heard, and nobody waits for those who stay silent", async () => {
  const { server, port, arrival } = await start();
  const late = await dial(port);
  const asked = await dial(port);
  const first = arrival();
  asked.write(get);
  await first;
  // Connected here does not mean accepted there.
  while (server.connections() < 2) await new Promise(setImmediate);
  let isOver = false;
  const stopped = server.stopAccepting(60_000).then(() => {
    isOver = true;
  });
  assert.match(await codeOf(dial(port)), "ECONNREFUSED");
  assert.not.ok(isOver);
  assert.is(server.address().port, port);
  const second = arrival();
  late.write(get);
  const [res] = await Promise.all([second, stopped]);
  const answer = readResponse(late);
  res.end("heard");
  assert.is((await answer).body, "heard");
  await server.close(0);

  const other = await start();
  const silent = await dial(other.port);
  while (other.server.connections() === 0) await new Promise(setImmediate);
  await other.server.stopAccepting(0);
  assert.not.ok(silent.destroyed);
  await other.server.close(0);
});

test("close: a stream that has begun ends by itself, and its connection with it", async () => {
  const { server, port, arrival } = await start();
  const socket = await dial(port);
  const arriving = arrival();
  socket.write(get);
  const res = await arriving;
  res.write("begun");
  await once(socket, "data");
  const closed = server.close(60_000);
  const gone = once(socket.resume(), "close");
  res.end("ended");
  await Promise.all([gone, closed]);
});

test("close: what outlives the grace is destroyed, and a second close shortens it", async () => {
  const { server, port, arrival } = await start();
  const socket = await dial(port);
  const arriving = arrival();
  socket.write(get);
  const res = await arriving;
  const patient = server.close(60_000);
  assert.is(res.destroyed, false);
  await Promise.all([server.close(0), patient]);
  assert.is(res.destroyed, true);
  assert.is(server.connections(), 0);
});

test.run();
