import type { IncomingMessage } from "node:http";
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  exchange,
  post,
  postHeaders,
  rpcCode,
  startBare,
  startServer,
  token,
} from "../../test/support/raw-http.js";
import { createRequestGate } from "./gate.js";

const body = "{}";

/** A POST with exactly these header lines and a fitting length. */
function raw(lines: readonly string[], target = "/mcp"): string {
  return `POST ${target} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n${body}`;
}

const good = [
  "Host: localhost",
  `Authorization: Bearer ${token}`,
  "Content-Type: application/json",
  "Content-Length: 2",
];

/** What node:http lets through and the gate does not. */
const refused: readonly (readonly [string, string, number, number])[] = [
  ["two Host", raw([...good, "Host: localhost"]), 400, -32600],
  ["two Host, a foreign one second", raw([...good, "Host: evil.example"]), 400, -32600],
  ["two Host in different case", raw([...good, "hOST: localhost"]), 400, -32600],
  ["two Authorization", raw([...good, `Authorization: Bearer ${token}`]), 400, -32600],
  ["two Content-Type", raw([...good, "Content-Type: text/plain"]), 400, -32600],
  ["two Origin", raw([...good, "Origin: http://localhost", "Origin: https://evil.example"]), 400, -32600],
  [
    "two MCP-Protocol-Version",
    raw([...good, "MCP-Protocol-Version: a", "MCP-Protocol-Version: a"]),
    400,
    -32020,
  ],
  ["two Mcp-Method", raw([...good, "Mcp-Method: ping", "mcp-method: ping"]), 400, -32020],
  ["two Mcp-Name", raw([...good, "Mcp-Name: x", "Mcp-Name: y"]), 400, -32020],
  [
    "a second Host behind more headers than node:http keeps",
    raw([...good, ...Array.from({ length: 2_500 }, () => "a:"), "Host: evil.example"]),
    400,
    -32600,
  ],
  ["an absolute target", raw(good, "http://localhost/mcp"), 400, -32600],
  ["an absolute target elsewhere", raw(good, "http://evil.example/mcp"), 400, -32600],
  ["an empty Host", raw(["Host:", ...good.slice(1)]), 403, -32600],
  ["a foreign Host", raw(["Host: evil.example", ...good.slice(1)]), 403, -32600],
  ["a rebound name with our port", raw(["Host: evil.example:8765", ...good.slice(1)]), 403, -32600],
  [
    "a name that begins like ours",
    raw(["Host: mcp.example.com.evil.example", ...good.slice(1)]),
    403,
    -32600,
  ],
  ["a name that ends like ours", raw(["Host: x.mcp.example.com", ...good.slice(1)]), 403, -32600],
  ["our name with no port behind its colon", raw(["Host: mcp.example.com:", ...good.slice(1)]), 403, -32600],
  ["our name with a final dot", raw(["Host: mcp.example.com.", ...good.slice(1)]), 403, -32600],
  ["user info in Host", raw(["Host: localhost@evil.example", ...good.slice(1)]), 403, -32600],
  ["a loopback name that goes on", raw(["Host: 127.0.0.1.evil.example", ...good.slice(1)]), 403, -32600],
  ["no Host in HTTP/1.0", `POST /mcp HTTP/1.0\r\n${good.slice(1).join("\r\n")}\r\n\r\n${body}`, 403, -32600],
  ["a foreign Origin", raw([...good, "Origin: https://evil.example"]), 403, -32600],
  ["the null Origin", raw([...good, "Origin: null"]), 403, -32600],
  ["an Origin with a path", raw([...good, "Origin: https://app.example.org/x"]), 403, -32600],
  [
    "an Origin that begins like an allowed one",
    raw([...good, "Origin: https://app.example.org.evil"]),
    403,
    -32600,
  ],
  ["our name as a plain-http Origin", raw([...good, "Origin: http://mcp.example.com"]), 403, -32600],
  ["a loopback Origin that goes on", raw([...good, "Origin: http://localhost.evil.example"]), 403, -32600],
];

for (const [name, bytes, status, code] of refused) {
  test(`refuses ${name}; bare node:http does not`, async () => {
    const [server, bare] = [await startServer(), await startBare()];
    try {
      const answer = await exchange(server.port, bytes);
      assert.is(answer.status, status, answer.body);
      assert.is(rpcCode(answer), code);
      assert.is(answer.headers.get("access-control-allow-origin"), undefined);
      assert.is(server.reached.length, 0);
      assert.is((await exchange(bare.port, bytes)).status, 200, "the control lets it through");
    } finally {
      await server.close();
      await bare.close();
    }
  });
}

/** What node:http refuses by itself; here so that a change of its options does not go unseen. */
const malformed: readonly (readonly [string, string])[] = [
  ["Content-Length and Transfer-Encoding", raw([...good, "Transfer-Encoding: chunked"])],
  ["two Content-Length", raw([...good, "Content-Length: 2"])],
  ["two different Content-Length", raw([...good, "Content-Length: 3"])],
  ["a folded header", raw([...good, "X-Folded: a", " b"])],
  ["a space before the colon", raw([...good, "X-Spaced : a"])],
  ["no Host in HTTP/1.1", raw(good.slice(1))],
  ["an unknown transfer coding last", raw([...good.slice(0, 3), "Transfer-Encoding: chunked, gzip"])],
  ["a negative length", raw([...good.slice(0, 3), "Content-Length: -1"])],
  ["no HTTP at all", "hello there\r\n\r\n"],
  [
    "a bad chunk size",
    `${raw([...good.slice(0, 3), "Transfer-Encoding: chunked"]).slice(0, -2)}zz\r\n{}\r\n0\r\n\r\n`,
  ],
];

for (const [name, bytes] of malformed) {
  test(`answers 400 to ${name}`, async () => {
    const server = await startServer();
    try {
      assert.is((await exchange(server.port, bytes)).status, 400);
      assert.is((await exchange(server.port, post(body))).status, 200, "and goes on");
    } finally {
      await server.close();
    }
  });
}

/** The gate's verdict on a request that no node:http parser has read. */
function verdict(rawHeaders: readonly string[], headers: IncomingMessage["headers"]): number | undefined {
  const gate = createRequestGate({
    hostname: "mcp.example.com",
    listen: { host: "127.0.0.1", port: 1 },
    allowedOrigins: ["https://app.example.org"],
  });
  return gate.check({ url: "/mcp", headers, rawHeaders } as IncomingMessage)?.status;
}

test("two Content-Length are refused by the gate too, whoever read the request", () => {
  const once = ["Host", "localhost", "Content-Length", "2"];
  assert.is(verdict([...once, "content-length", "2"], { host: "localhost" }), 400);
  assert.is(verdict(once, { host: "localhost" }), undefined);
});

const loopback = ["localhost", "127.0.0.1", "[::1]"];
/** Names near the served ones: whole, in pieces, with ports, user info, dots and noise. */
const nearly = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "mcp.example.com",
        "app.example.org",
        ...loopback,
        ":443",
        ":80",
        ":",
        ".",
        "@",
        "/",
        "evil",
      ),
      fc.string({ maxLength: 2 }),
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((parts) => parts.join(""));

test("property: a Host that passes is a served name and nothing else", () => {
  fc.assert(
    fc.property(nearly, (host) => {
      if (verdict([], { host }) !== undefined) return;
      const [, name = ""] = /^(.*?)(?::(\d+))?$/.exec(host.toLowerCase()) ?? [];
      const expected = loopback.includes(name) || name === "mcp.example.com";
      assert.ok(expected, host);
    }),
    { numRuns: 5_000, examples: [["localhost:1"], ["mcp.example.com:443"]] },
  );
});

test("property: an Origin that passes is one that a browser makes of a served name", () => {
  fc.assert(
    fc.property(fc.constantFrom("http://", "https://", "null", "file://", ""), nearly, (scheme, rest) => {
      const origin = scheme + rest;
      if (verdict([], { host: "localhost", origin }) !== undefined) return;
      const { protocol, hostname, port, username, pathname } = new URL(origin);
      assert.equal([username, pathname], ["", "/"], origin);
      const named = ["mcp.example.com", "app.example.org"].includes(hostname);
      assert.ok(loopback.includes(hostname) || (named && protocol === "https:" && port === ""), origin);
    }),
    {
      numRuns: 5_000,
      examples: [
        ["http://", "localhost:80"],
        ["https://", "app.example.org"],
      ],
    },
  );
});

test("the head may hold a large token, and not more than 16 KiB", async () => {
  const server = await startServer();
  try {
    const withHeader = (size: number): string =>
      post(body, { headers: `${postHeaders}X-Large: ${"x".repeat(size)}\r\n` });
    assert.is((await exchange(server.port, withHeader(12_000))).status, 200);
    assert.is((await exchange(server.port, withHeader(20_000))).status, 431);
  } finally {
    await server.close();
  }
});

const acceptedHosts = [
  "localhost",
  "LOCALHOST:1",
  "127.0.0.1",
  "127.0.0.1:8765",
  "[::1]",
  "[::1]:65535",
  "mcp.example.com",
  "MCP.Example.com:443",
  "mcp.example.com:8080",
];
const acceptedOrigins = [
  "http://localhost:3000",
  "https://localhost",
  "http://127.0.0.1:6274",
  "http://[::1]:1",
  "https://mcp.example.com",
  "https://app.example.org",
];

for (const host of acceptedHosts) {
  test(`serves Host ${host}`, async () => {
    const server = await startServer();
    try {
      assert.is((await exchange(server.port, raw([`Host: ${host}`, ...good.slice(1)]))).status, 200);
    } finally {
      await server.close();
    }
  });
}

for (const origin of acceptedOrigins) {
  test(`lets pages of ${origin} call`, async () => {
    const server = await startServer();
    try {
      const answer = await exchange(server.port, raw([...good, `Origin: ${origin}`]));
      assert.is(answer.status, 200);
      assert.is(answer.headers.get("access-control-allow-origin"), origin);
      assert.is(answer.headers.get("vary"), "Origin");
    } finally {
      await server.close();
    }
  });
}

test("without a hostname only loopback names are served, and the answer says which key to set", async () => {
  const server = await startServer({ gate: { hostname: undefined } });
  try {
    const answer = await exchange(server.port, raw(["Host: mcp.example.com", ...good.slice(1)]));
    assert.is(answer.status, 403);
    assert.match(answer.body, "hostname");
    assert.match(answer.body, "mcp.example.com");
  } finally {
    await server.close();
  }
});

test("a listening address that is no wildcard is a name of the server, with its port", async () => {
  const cases = [
    [{ host: "192.0.2.7", port: 8765 }, "192.0.2.7:8765", 200],
    [{ host: "192.0.2.7", port: 8765 }, "192.0.2.7", 403],
    [{ host: "2001:db8::1", port: 80 }, "[2001:db8::1]:80", 200],
    [{ host: "0.0.0.0", port: 8765 }, "0.0.0.0:8765", 403],
  ] as const;
  for (const [listen, host, status] of cases) {
    const server = await startServer({ gate: { listen } });
    try {
      assert.is((await exchange(server.port, raw([`Host: ${host}`, ...good.slice(1)]))).status, status, host);
    } finally {
      await server.close();
    }
  }
});

test.run();
