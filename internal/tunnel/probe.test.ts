import { createServer, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTcpServer, type LookupFunction } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Clock, systemClock } from "../clock/clock.js";
import { createRequestGate } from "../httpd/gate.js";
import { sendRefusal } from "../httpd/refusal.js";
import { createProbe, type ProbeResult } from "./probe.js";
import { createProbeResponder, type ProbeResponder } from "./probe-responder.js";
import { foreignAnswers } from "./public-answers.test.util.js";
import { publicRows } from "./public-faults.js";
import { createAuthority, type Listening, listen, serveTls } from "./tls.test.util.js";

const host = "mcp.example.com";
const authority = createAuthority();
const good = authority.issue(host);
test.after(() => authority.close());

/** Every name is this machine. */
const lookup: LookupFunction = (_name, options, callback) =>
  options.all ? callback(null, [{ address: "127.0.0.1", family: 4 }]) : callback(null, "127.0.0.1", 4);

function failingLookup(code: string): LookupFunction {
  return (_name, _options, callback) =>
    callback(Object.assign(new Error(`getaddrinfo ${code}`), { code }), "");
}

const codes = new Set<string>();

interface Trial {
  readonly responder?: ProbeResponder;
  readonly lookup?: LookupFunction;
  readonly ca?: Buffer;
  readonly clock?: Clock;
}

async function probe(port: number, trial: Trial = {}): Promise<ProbeResult> {
  const clock = trial.clock ?? systemClock;
  const result = await createProbe({
    clock,
    lookup,
    ca: authority.ca,
    ...trial,
    responder: trial.responder ?? createProbeResponder({ clock }),
  })(`https://${host}:${port}`, new AbortController().signal);
  if (!result.ok) codes.add(result.fault.code);
  return result;
}

/** The code of what `probe` finds at a server, which is closed then. */
async function codeAt(server: Listening | Promise<Listening>, trial?: Trial): Promise<string> {
  const { port, close } = await server;
  try {
    const result = await probe(port, trial);
    return result.ok ? "OK" : result.fault.code;
  } finally {
    close();
  }
}

function answering(responder: ProbeResponder): RequestListener {
  return (req, res) => responder.answer(req.url ?? "", res);
}

test("a way that leads to this process is proven, and how fast a stream begins", async () => {
  const responder = createProbeResponder({ clock: systemClock });
  const { port, close } = await serveTls(good, answering(responder));
  const result = await probe(port, { responder });
  close();
  assert.ok(result.ok && result.firstByteMs < 1_000 && result.remark === undefined, JSON.stringify(result));
});

test("each answer of somebody else is told apart", async () => {
  for (const { code, status, headers = {}, body = "" } of foreignAnswers) {
    const server = serveTls(good, (_req, res) => res.writeHead(status, headers).end(body));
    assert.is(await codeAt(server), code, `${status} ${body}`);
  }
});

test("a host that the daemon does not serve", async () => {
  const gate = createRequestGate({
    hostname: "other.example.com",
    listen: { host: "127.0.0.1", port: 1 },
    allowedOrigins: [],
  });
  const server = serveTls(good, (req, res) => {
    const refusal = gate.check(req);
    assert.ok(refusal);
    sendRefusal(res, refusal);
  });
  const { port, close } = await server;
  const result = await probe(port);
  close();
  assert.ok(!result.ok && result.fault.code === "PUBLIC_HOST_REFUSED", JSON.stringify(result));
  assert.match(result.fault.text, `asked for ${host}`);
});

test("another process with the same program, and a nonce that was asked before", async () => {
  const other = createProbeResponder({ clock: systemClock });
  assert.is(await codeAt(serveTls(good, answering(other))), "PUBLIC_OTHER_INSTANCE");
  const responder = createProbeResponder({ clock: systemClock });
  const twice: RequestListener = (req, res) => {
    const sink = { writeHead: () => sink, end: () => sink } as unknown as ServerResponse;
    responder.answer(req.url ?? "", sink);
    responder.answer(req.url ?? "", res);
  };
  assert.is(await codeAt(serveTls(good, twice), { responder }), "PUBLIC_OTHER_INSTANCE");
});

test("certificates: each thing that may be wrong with one", async () => {
  const year = new Date().getUTCFullYear();
  const cases = [
    ["PUBLIC_CERTIFICATE_NAME", authority.issue("old.example.com")],
    ["PUBLIC_CERTIFICATE_EXPIRED", authority.issue(host, year - 3, year - 2)],
    ["PUBLIC_CLOCK_SKEW", authority.issue(host, year + 2, year + 3)],
    ["PUBLIC_CERTIFICATE_UNTRUSTED", authority.selfSigned(host)],
  ] as const;
  for (const [code, certificate] of cases) {
    const responder = createProbeResponder({ clock: systemClock });
    assert.is(await codeAt(serveTls(certificate, answering(responder)), { responder }), code);
  }
});

test("names, networks and connections that fail", async () => {
  for (const [code, error] of [
    ["PUBLIC_NAME_UNKNOWN", "ENOTFOUND"],
    ["PUBLIC_NETWORK_DOWN", "EAI_AGAIN"],
    ["PUBLIC_NETWORK_DOWN", "ENETUNREACH"],
    ["PUBLIC_UNREACHABLE", "EODD"],
  ] as const) {
    const result = await probe(443, { lookup: failingLookup(error) });
    assert.ok(!result.ok && result.fault.code === code, `${error}: ${JSON.stringify(result)}`);
  }
  const gone = await listen(createTcpServer());
  gone.close();
  assert.is(await codeAt({ port: gone.port, close() {} }), "PUBLIC_REFUSED");
  assert.is(await codeAt(serveTls(good, (req) => req.socket.destroy())), "PUBLIC_CLOSED");
  assert.is(await codeAt(listen(createServer())), "PUBLIC_NOT_TLS");
  const babble = createTlsServer(good, (socket) =>
    socket.on("error", () => {}).end("220 mail.example.com\r\n"),
  );
  assert.is(await codeAt(listen(babble)), "PUBLIC_NOT_TLS");
});

test("silence ends after ten seconds", async () => {
  const timers: { ms: number; run: () => void }[] = [];
  const clock: Clock = {
    ...systemClock,
    after(ms, run) {
      timers.push({ ms, run });
      return () => {};
    },
  };
  // Asked, and connected without a word: the time runs out in either.
  const silent = serveTls(good, () => timers.at(-1)?.run());
  assert.is(await codeAt(silent, { clock }), "PUBLIC_NO_ANSWER");
  assert.equal(
    timers.map(({ ms }) => ms),
    [10_000],
  );
  const mute = createTcpServer(() => timers.at(-1)?.run());
  assert.is(await codeAt(listen(mute), { clock }), "PUBLIC_NO_ANSWER");
});

test("every row is reached", () => {
  const known = new Set(publicRows.map(({ code }) => code));
  assert.equal([...codes].sort(), [...known].sort());
});

test("a stream that is held back until it ends", async () => {
  const responder = createProbeResponder({ clock: systemClock });
  const { port: inner, close } = await listen(createServer(answering(responder)));
  const hoarding: RequestListener = async (req, res) => {
    const answer = await fetch(`http://127.0.0.1:${inner}${req.url}`, { method: req.method ?? "GET" });
    res.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" });
    res.end(await answer.text());
  };
  assert.is(await codeAt(serveTls(good, hoarding), { responder }), "PUBLIC_STREAM_BUFFERED");
  close();
});

test("a clock that is wrong is told though requests arrive", async () => {
  for (const [ahead, remark] of [
    [120_000, "PUBLIC_CLOCK_SKEW"],
    [-120_000, "PUBLIC_CLOCK_SKEW"],
    [30_000, undefined],
  ] as const) {
    const clock: Clock = { ...systemClock, now: () => Date.now() + ahead };
    const responder = createProbeResponder({ clock });
    const { port, close } = await serveTls(good, answering(responder));
    const result = await probe(port, { responder, clock });
    close();
    assert.ok(result.ok);
    assert.is(result.remark?.code, remark);
  }
});

test("it ends at once when it is called off", async () => {
  const calledOff = new AbortController();
  const { port, close } = await serveTls(good, () => calledOff.abort());
  const responder = createProbeResponder({ clock: systemClock });
  const running = createProbe({ clock: systemClock, lookup, ca: authority.ca, responder })(
    `https://${host}:${port}`,
    calledOff.signal,
  );
  assert.is(
    await running.then(
      () => "settled",
      (error: Error) => error.name,
    ),
    "AbortError",
  );
  close();
});

test.run();
