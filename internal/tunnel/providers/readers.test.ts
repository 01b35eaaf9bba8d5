import { test } from "uvu";
import * as assert from "uvu/assert";
import type { FaultRow, Sign } from "../types.js";
import { cloudflaredSign, quickUrl, routeSign } from "./cloudflared.js";
import { createCommandReader } from "./command.js";
import { createDevtunnelReader, devtunnelUrl } from "./devtunnel.js";
import { createFaultReader } from "./fault-reader.js";
import { providerOf } from "./index.js";
import { samples } from "./launch.test.util.js";
import { createNgrokReader } from "./ngrok.js";
import { openaiSigns } from "./openai.js";
import { saidIn } from "./records.js";

function codeOf(sign: Sign | undefined): string {
  return sign?.kind === "fault" ? `${sign.fault.code} ${sign.fault.class}` : (sign?.kind ?? "nothing");
}

test("each row of each table is the first to match its own line", () => {
  for (const config of Object.values(samples)) {
    const { faults } = providerOf(config);
    assert.is(new Set(faults.map(({ code }) => code)).size, faults.length);
    for (const row of faults) {
      assert.is(faults.find(({ pattern }) => pattern.test(saidIn(row.sample)))?.code, row.code, row.sample);
      assert.not.ok(row.pattern.global, "a global pattern would remember where it stopped");
      for (const text of [row.text, row.hint]) assert.match(text, /^.+[^.]$/, row.code);
    }
  }
});

test("lines that no row knows say nothing", () => {
  for (const config of Object.values(samples)) {
    const read = createFaultReader(providerOf(config).faults).start();
    for (const line of ["", "{", "{}", "null", "[1]", '"ERR"', "hello", '{"msg":7}', "x".repeat(8192)])
      assert.is(read(line), undefined, line);
  }
});

test("what a stranger sends is not taken for the program's own words", () => {
  const request = "ERR_NGROK_105 failed to dial to edge with quic Provided Tunnel token is not valid";
  for (const [provider, honest] of [
    ["ngrok", { lvl: "info", msg: "join connections" }],
    ["quick", { level: "error", message: "Request failed" }],
  ] as const) {
    const read = createFaultReader(providerOf(samples[provider]).faults).start();
    const line = JSON.stringify({ dest: `https://x/${request}`, ...honest });
    assert.is(read(line), undefined);
    assert.is(read(line.slice(0, -5)), undefined, "cut off in the middle");
    assert.is.not(read(JSON.stringify({ ...honest, error: request })), undefined, "control");
  }
});

const row = (code: string, kind: FaultRow["class"]): FaultRow => ({
  code,
  class: kind,
  text: "",
  hint: "",
  pattern: new RegExp(code),
  sample: code,
});

test("after a fault has blocked a start, its consequences are not told", () => {
  const reader = createFaultReader([row("CAUSE", "blocked"), row("EFFECT", "backoff")]);
  const read = reader.start();
  assert.equal(["EFFECT", "CAUSE", "EFFECT", "CAUSE"].map(read).map(codeOf), [
    "EFFECT backoff",
    "CAUSE blocked",
    "nothing",
    "nothing",
  ]);
  assert.is(codeOf(reader.start()("EFFECT")), "EFFECT backoff");
});

test("a fault wears out by starts in a row, however often each says it", () => {
  const reader = createFaultReader([{ ...row("TAKEN", "backoff"), blockedAfter: 3 }]);
  const start = (...lines: string[]): string[] => lines.map(reader.start()).map(codeOf);
  assert.equal(start("TAKEN", "TAKEN", "TAKEN"), Array(3).fill("TAKEN backoff"));
  assert.equal(start("TAKEN"), ["TAKEN backoff"]);
  assert.equal(start("fine"), ["nothing"]);
  for (const expected of ["backoff", "backoff", "blocked", "backoff"])
    assert.equal(start("TAKEN"), [`TAKEN ${expected}`]);
});

test("ngrok is ready once its tunnel has started, and again when its session is back", () => {
  const read = createNgrokReader();
  const said = (msg: string): string => codeOf(read(JSON.stringify({ lvl: "info", msg })));
  assert.is(said("failed to reconnect session"), "down");
  assert.is(said("client session established"), "nothing");
  assert.is(said("started tunnel"), "ready");
  assert.is(said("session closed, starting reconnect loop"), "down");
  assert.is(said("client session established"), "ready");
  assert.is(read("started tunnel"), undefined, "only a record tells");
});

test("cloudflared's endpoints: one connection is enough, and only its own domain is taken", () => {
  const body = "";
  assert.equal(cloudflaredSign({ status: 200, body }), { kind: "ready" });
  assert.equal(cloudflaredSign({ status: 503, body }), { kind: "down" });
  for (const answer of [undefined, { status: 404, body }]) assert.is(cloudflaredSign(answer), undefined);
  const url = (hostname: unknown): string | undefined =>
    quickUrl({ status: 200, body: JSON.stringify({ hostname }) });
  assert.is(url("a-b-c.trycloudflare.com"), "https://a-b-c.trycloudflare.com");
  for (const wrong of [
    "",
    7,
    "trycloudflare.com",
    "x.trycloudflare.com.evil.com",
    "evil.com/.trycloudflare.com",
  ])
    assert.is(url(wrong), undefined, String(wrong));
});

test("routes kept at Cloudflare that do not lead here are told, before a probe has to find out", () => {
  const line = (ingress: unknown): string =>
    JSON.stringify({
      level: "info",
      version: 3,
      config: JSON.stringify({ ingress, "warp-routing": { enabled: false } }),
      message: "Updated to new configuration",
    });
  const route = { hostname: "mcp.example.com", origin: "http://127.0.0.1:8765" };
  const rest = { service: "http_status:404" };
  const here = { hostname: "mcp.example.com", service: "http://localhost:8765" };
  const right = [
    [here, rest],
    [{ ...here, hostname: "*.example.com" }, rest],
    [{ service: "http://127.0.0.1:8765" }],
  ];
  for (const ingress of right) assert.is(routeSign(line(ingress), route), undefined, JSON.stringify(ingress));
  const wrong = [
    [rest],
    [],
    null,
    [null],
    [{ ...here, service: "http://localhost:9000" }, rest],
    [{ ...here, service: "https://localhost:8765" }, rest],
    [{ ...here, hostname: "other.example.com" }, rest],
    [{ ...here, hostname: "*.mcp.example.com" }, rest],
  ];
  for (const ingress of wrong)
    assert.is(codeOf(routeSign(line(ingress), route)), "CLOUDFLARED_ROUTE degraded", JSON.stringify(ingress));
  assert.is(routeSign(line([rest]), { ...route, hostname: undefined }), undefined);
  assert.is(routeSign('{"message":"Registered tunnel connection"}', route), undefined);
});

test("of the URLs of a dev tunnel the one on port 443 of our port is chosen, in every shape seen", () => {
  const wanted = "https://abc-8765.euw.devtunnels.ms";
  for (const line of [
    "Connect via browser: https://abc.euw.devtunnels.ms:8765, https://abc-8765.euw.devtunnels.ms",
    "Connect via browser: https://abc-8765.euw.devtunnels.ms",
    "Hosting port 8765 at https://abc-8765.euw.devtunnels.ms/",
    "\u001b[36mhttps://abc-8765.euw.devtunnels.ms/\u001b[0m",
  ])
    assert.is(devtunnelUrl(line, 8765), wanted, line);
  for (const line of [
    "Inspect network activity: https://abc-8765-inspect.euw.devtunnels.ms",
    "Connect via browser: https://abc.euw.devtunnels.ms:8765",
    "https://abc-87650.euw.devtunnels.ms",
    "https://abc-8765.euw.devtunnels.ms.evil.com",
    "https://abc-8765.euw.devtunnels.ms:8765/",
    "https://evil.com/abc-8765.euw.devtunnels.ms",
    "https://evil.com#abc-8765.euw.devtunnels.ms",
    "https://abc-8765.evil@x.devtunnels.ms",
    "http://abc-8765.euw.devtunnels.ms",
    "https://[abc-8765.euw.devtunnels.ms",
  ])
    assert.is(devtunnelUrl(line, 8765), undefined, line);
});

test("a dev tunnel is ready when it says so, with the URL said before or after, and not without our port", () => {
  const lines = {
    url: "Connect via browser: https://abc-8765.euw.devtunnels.ms",
    other: "Connect via browser: https://abc-9000.euw.devtunnels.ms",
    ready: "Ready to accept connections for tunnel: abc",
    closed: "Connection to host tunnel relay closed. Reconnecting.",
  };
  const read = (...names: (keyof typeof lines)[]): string[] => {
    const reader = createDevtunnelReader(8765);
    return names.map((name) => {
      const sign = reader(lines[name]);
      return sign?.kind === "ready" ? `ready ${sign.url}` : codeOf(sign);
    });
  };
  const ready = "ready https://abc-8765.euw.devtunnels.ms";
  assert.equal(read("url", "ready", "closed", "url", "ready"), ["nothing", ready, "down", "nothing", ready]);
  assert.equal(read("ready", "url"), ["ready undefined", ready]);
  assert.equal(read("other", "url", "ready"), ["nothing", "nothing", ready]);
  assert.equal(read("other", "ready"), ["nothing", "DEVTUNNEL_PORT_MISSING blocked"]);
});

test("every answer of tunnel-client's readiness has its meaning", () => {
  const cases: readonly [number, string, string[]][] = [
    [503, "oauth discovery pending", []],
    [503, "oauth discovery failed: 404", ["OPENAI_DISCOVERY_FAILED degraded"]],
    [503, "mcp probe failed: connection refused", ["OPENAI_PROBE_FAILED degraded"]],
    [200, "ready (mcp initialize requires auth: 401)", ["ready"]],
    [200, "ready (mcp startup probe timed out: deadline)", ["OPENAI_PROBE_SLOW info", "ready"]],
    [200, "ready\n", ["ready"]],
    [404, "", []],
  ];
  for (const [status, body, expected] of cases)
    assert.equal(openaiSigns({ status, body }).map(codeOf), expected, body);
  assert.equal(openaiSigns(undefined), []);
});

const patterns = {
  url: "https://pub.example.com",
  readyPattern: "^tunnel (?:up|open)$",
  downPattern: "lost",
  blockedPatterns: ["denied", "no such key"],
};

test("a command's lines are matched with its patterns, the gravest first", () => {
  const read = createCommandReader(patterns);
  assert.equal(read("tunnel up"), { kind: "ready", url: "https://pub.example.com" });
  assert.equal(createCommandReader({ ...patterns, url: undefined })("tunnel open"), { kind: "ready" });
  assert.is(codeOf(read("connection lost")), "down");
  assert.is(codeOf(read("lost: denied")), "COMMAND_BLOCKED blocked");
  assert.is(codeOf(read("lost: no such key")), "COMMAND_BLOCKED blocked");
  assert.is(read("a tunnel up there"), undefined);
});

test("a pattern and a line that would keep JavaScript's own matcher busy for years are done with", () => {
  const read = createCommandReader({ ...patterns, readyPattern: "^(a+)+$" });
  assert.is(read(`${"a".repeat(8000)}!`), undefined);
  assert.is(codeOf(read("a".repeat(8000))), "ready");
});

test("a pattern that is none names its key", () => {
  for (const wrong of [{ readyPattern: "(" }, { downPattern: "(?=x)" }, { blockedPatterns: ["ok", "\\1"] }]) {
    try {
      createCommandReader({ ...patterns, ...wrong });
      assert.unreachable("it was taken");
    } catch (error) {
      const { fault } = error as { fault?: { code: string; text: string } };
      assert.is(fault?.code, "PATTERN_INVALID");
    }
  }
});

test.run();
