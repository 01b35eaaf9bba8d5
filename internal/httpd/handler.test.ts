import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  exchange,
  post,
  postHeaders,
  request,
  rpcCode,
  startServer,
  type TestServerOptions,
  token,
} from "../../test/support/raw-http.js";
import { createNoAuth } from "../auth/none.js";
import { sendJson } from "../httpx/json.js";

/** Runs `use` against a fresh server. */
async function withServer(
  options: TestServerOptions,
  use: (server: Awaited<ReturnType<typeof startServer>>) => Promise<void>,
): Promise<void> {
  const server = await startServer(options);
  try {
    await use(server);
  } finally {
    await server.close();
  }
}

const authorized = `Authorization: Bearer ${token}\r\n`;
const noEndpoint = '{"error":"Unknown endpoint"}';
const noOauth = '{"error":"OAuth not configured"}';

interface RouteCase {
  readonly method: string;
  readonly path: string;
  readonly headers?: string;
  readonly status: number;
  readonly code?: number;
  readonly body?: string;
  readonly allow?: string;
}

const routes: readonly RouteCase[] = [
  { method: "GET", path: "/mcp", headers: authorized, status: 405, code: -32000, allow: "POST" },
  { method: "HEAD", path: "/mcp", headers: authorized, status: 405, body: "", allow: "POST" },
  { method: "DELETE", path: "/mcp", headers: authorized, status: 405, code: -32601, allow: "POST" },
  { method: "PUT", path: "/mcp", headers: authorized, status: 405, code: -32000, allow: "POST" },
  { method: "GET", path: "/w/app/mcp", headers: authorized, status: 405, code: -32000, allow: "POST" },
  { method: "GET", path: "/mcp", status: 401, code: -32000 },
  { method: "DELETE", path: "/mcp", status: 401, code: -32000 },
  { method: "POST", path: "/mcp", status: 401, code: -32000 },
  { method: "POST", path: `/mcp?token=${token}&access_token=${token}`, status: 401, code: -32000 },
  { method: "POST", path: "/w/app/mcp", status: 401, code: -32000 },
  { method: "GET", path: "/healthz", status: 200, body: '{"status":"ok"}' },
  { method: "HEAD", path: "/healthz?x=1", status: 200, body: "" },
  { method: "DELETE", path: "/healthz", status: 405, allow: "GET, HEAD" },
  { method: "GET", path: "/.well-known/mcp.json", status: 200, body: '{"server":{"name":"x"}}' },
  { method: "GET", path: "/.well-known/mcp/server-card.json", status: 200, body: '{"server":{"name":"x"}}' },
  { method: "HEAD", path: "/.well-known/mcp.json", status: 200, body: "" },
  { method: "GET", path: "/.well-known/oauth-authorization-server", status: 404, body: noOauth },
  { method: "GET", path: "/.well-known/oauth-authorization-server/mcp", status: 404, body: noOauth },
  { method: "GET", path: "/.well-known/oauth-protected-resource", status: 404, body: noOauth },
  { method: "GET", path: "/.well-known/oauth-protected-resource/mcp", status: 404, body: noOauth },
  { method: "GET", path: "/.well-known/openid-configuration", status: 404, body: noOauth },
  { method: "GET", path: "/.well-known/openid-configuration/mcp", status: 404, body: noOauth },
  { method: "GET", path: "/mcp/.well-known/openid-configuration", status: 404, body: noOauth },
  { method: "GET", path: "/", status: 404, body: noEndpoint },
  { method: "GET", path: "/favicon.ico", status: 404, body: noEndpoint },
  { method: "DELETE", path: "/anything", status: 404, body: noEndpoint },
  { method: "GET", path: "//localhost/mcp", status: 404, body: noEndpoint },
  { method: "GET", path: "/x/../mcp", headers: authorized, status: 404, body: noEndpoint },
  { method: "GET", path: "/w/UPPER/mcp", status: 404, body: noEndpoint },
  { method: "GET", path: "/w/a/b/mcp", status: 404, body: noEndpoint },
  { method: "POST", path: "/", status: 404, code: -32601 },
  { method: "POST", path: "/register", status: 404, code: -32601 },
  { method: "POST", path: "/healthz", status: 404, code: -32601 },
  { method: "OPTIONS", path: "/mcp", status: 204, body: "", allow: "GET, HEAD, POST, OPTIONS" },
  { method: "OPTIONS", path: "/w/app/mcp", status: 204, body: "", allow: "GET, HEAD, POST, OPTIONS" },
  {
    method: "OPTIONS",
    path: "/.well-known/mcp.json",
    status: 204,
    body: "",
    allow: "GET, HEAD, POST, OPTIONS",
  },
  { method: "OPTIONS", path: "/nowhere", status: 404, body: noEndpoint },
];

for (const { method, path, headers = "", status, code, body, allow } of routes) {
  test(`${method} ${path.replace(token, "...")} ${headers === "" ? "" : "with the token "}is ${status}`, () =>
    withServer({}, async ({ port, reached }) => {
      const answer = await exchange(port, request(method, path, `${headers}Connection: close\r\n`));
      assert.is(answer.status, status, answer.body);
      if (code !== undefined) assert.is(rpcCode(answer), code);
      if (body !== undefined) assert.is(answer.body, body);
      assert.is(answer.headers.get("allow"), allow);
      assert.is(answer.headers.get("cache-control"), "no-store");
      assert.is(reached.length, 0);
      if (status === 204) return;
      assert.is(answer.headers.get("content-type"), "application/json");
      assert.is(answer.headers.get("x-content-type-options"), "nosniff");
    }));
}

for (const path of ["/mcp", "/mcp/", "/mcp?v=2", "/mcp/?v=2/"]) {
  test(`POST ${path} reaches the MCP side`, () =>
    withServer({}, async ({ port, reached }) => {
      const answer = await exchange(port, post('{"a":[1]}', { path }));
      assert.is(answer.body, '{"echo":{"a":[1]}}');
      assert.is(reached[0]?.workspaceId, undefined);
      assert.is(reached[0]?.principal.id, "bearer");
    }));
}

test("POST /w/<id>/mcp names the workspace", () =>
  withServer({}, async ({ port, reached }) => {
    assert.is((await exchange(port, post("{}", { path: "/w/my-app/mcp/" }))).status, 200);
    assert.is(reached[0]?.workspaceId, "my-app");
  }));

test("the headers that matter are handed on", () =>
  withServer({}, async ({ port, reached }) => {
    const lines = [
      "MCP-Protocol-Version: 2026-07-28",
      "Mcp-Method: tools/call",
      "Mcp-Name: read_file",
      "Accept: application/json",
      "User-Agent: test/1",
      "Mcp-Session-Id: s1",
      "X-Forwarded-For: 192.0.2.1",
      "X-Ctmcp-Tunnel: mark",
    ];
    await exchange(port, post("{}", { headers: `${postHeaders}${lines.join("\r\n")}\r\n` }));
    assert.equal(reached[0]?.headers, {
      protocolVersion: "2026-07-28",
      mcpMethod: "tools/call",
      mcpName: "read_file",
      accept: "application/json",
      userAgent: "test/1",
      sessionId: "s1",
      forwardedFor: "192.0.2.1",
      tunnelMark: "mark",
    });
  }));

test("401 names an error only when a token was presented", () =>
  withServer({}, async ({ port }) => {
    const challenge = async (headers: string): Promise<string | undefined> =>
      (await exchange(port, post("{}", { headers }))).headers.get("www-authenticate");
    assert.is(await challenge(""), 'Bearer realm="coding-tools-mcp"');
    assert.is(await challenge("Authorization: Basic eDp5\r\n"), 'Bearer realm="coding-tools-mcp"');
    const invalid = 'Bearer realm="coding-tools-mcp", error="invalid_token"';
    assert.is(await challenge("Authorization: Bearer wrong\r\n"), invalid);
    assert.is(await challenge("Authorization: Bearer schl\u00fcssel\r\n"), invalid);
  }));

test("a lower-case scheme is accepted, and nothing is needed where auth is off", async () => {
  await withServer({}, async ({ port }) => {
    const headers = postHeaders.replace("Bearer", "bearer");
    assert.is((await exchange(port, post("{}", { headers }))).status, 200);
  });
  const auth = createNoAuth({ id: "anonymous", label: "anonymous", workspaces: undefined, profile: "full" });
  await withServer({ current: () => ({ auth }) }, async ({ port, reached }) => {
    assert.is(
      (await exchange(port, post("{}", { headers: "Content-Type: application/json\r\n" }))).status,
      200,
    );
    assert.is(reached[0]?.principal.id, "anonymous");
  });
});

test("a preflight from an allowed page learns what it may send; a foreign page learns nothing", () =>
  withServer({}, async ({ port }) => {
    const preflight = (origin: string): string =>
      request("OPTIONS", "/mcp", `Origin: ${origin}\r\nAccess-Control-Request-Method: POST\r\n`);
    const allowed = await exchange(port, preflight("https://app.example.org"));
    assert.is(allowed.status, 204);
    assert.is(allowed.headers.get("access-control-allow-origin"), "https://app.example.org");
    assert.match(allowed.headers.get("access-control-allow-headers") ?? "", "Mcp-Method");
    assert.match(allowed.headers.get("access-control-allow-methods") ?? "", "POST");
    const foreign = await exchange(port, preflight("https://evil.example"));
    assert.is(foreign.status, 403);
    assert.is(foreign.headers.get("access-control-allow-headers"), undefined);
  }));

test("the page of an allowed origin can read a 401 too", () =>
  withServer({}, async ({ port }) => {
    const answer = await exchange(port, post("{}", { headers: "Origin: http://localhost:1\r\n" }));
    assert.is(answer.status, 401);
    assert.is(answer.headers.get("access-control-allow-origin"), "http://localhost:1");
    assert.match(answer.headers.get("access-control-expose-headers") ?? "", "WWW-Authenticate");
  }));

test("a request ends under the snapshot it began with", async () => {
  let reads = 0;
  const current = (): { card: Buffer } => ({ card: Buffer.from(`{"read":${++reads}}`) });
  await withServer({ current }, async ({ port, reached }) => {
    await exchange(port, post("{}"));
    assert.is(reads, 1);
    assert.is(reached[0]?.snapshot.card.toString(), '{"read":1}');
  });
});

test("while draining, health and new MCP requests say so; the rest goes on", async () => {
  let draining = false;
  await withServer({ draining: () => draining }, async ({ port, reached }) => {
    draining = true;
    assert.is((await exchange(port, request("GET", "/healthz"))).status, 503);
    const refused = await exchange(port, post("{}"));
    assert.is(refused.status, 503);
    assert.is(refused.headers.get("retry-after"), "1");
    assert.is(refused.headers.get("connection"), "close");
    assert.is(reached.length, 0);
    assert.is((await exchange(port, request("GET", "/.well-known/mcp.json"))).status, 200);
  });
});

for (const [name, fail] of [
  ["rejects", () => Promise.reject(new Error("inner detail"))],
  [
    "throws",
    () => {
      throw new Error("inner detail");
    },
  ],
] as const) {
  test(`an MCP side that ${name} is answered 500 without its words, and is logged`, () =>
    withServer({ handle: fail }, async ({ port, log }) => {
      const answer = await exchange(port, post("{}"));
      assert.is(answer.status, 500);
      assert.is(rpcCode(answer), -32603);
      assert.not.match(answer.body, "inner detail");
      assert.match(JSON.stringify(log.recent()), "inner detail");
    }));
}

test("an MCP side that fails in the middle of its answer loses the connection, not the server", () =>
  withServer(
    {
      handle: ({ res }) => {
        res.writeHead(200, { "Content-Length": "100" });
        res.write("part");
        throw new Error("inner detail");
      },
    },
    async ({ port }) => {
      assert.ok((await exchange(port, post("{}"))).body.length < 100);
      assert.is((await exchange(port, request("GET", "/healthz"))).status, 200);
    },
  ));

test("an MCP side that writes after its end is logged and ends nothing", () =>
  withServer(
    {
      handle: ({ res }) => {
        sendJson(res, 200, {});
        res.write("late");
      },
    },
    async ({ port, log }) => {
      assert.is((await exchange(port, post("{}"))).status, 200);
      assert.is((await exchange(port, request("GET", "/healthz"))).status, 200);
      assert.match(JSON.stringify(log.recent()), "ERR_STREAM_WRITE_AFTER_END");
    },
  ));

test("ready JSON is sent as it is", () =>
  withServer({ handle: ({ res }) => sendJson(res, 200, Buffer.from('{"é":1}')) }, async ({ port }) => {
    const answer = await exchange(port, post("{}"));
    assert.is(Buffer.from(answer.body, "latin1").toString("utf8"), '{"é":1}');
  }));

test.run();
