import { test } from "uvu";
import * as assert from "uvu/assert";
import { acceptsResource } from "./resource.js";

const origin = "https://mcp.example.com";

/** Spellings seen from clients, and their neighbours. */
const rows: readonly (readonly [string, boolean])[] = [
  ["https://mcp.example.com", true],
  ["https://mcp.example.com/", true],
  ["https://mcp.example.com/mcp", true],
  ["https://mcp.example.com/mcp/", true],
  ["https://mcp.example.com/mcp?v=2", true],
  ["https://mcp.example.com/w/app/mcp", true],
  ["https://mcp.example.com/w/app/mcp/", true],
  ["https://MCP.Example.COM/mcp", true],
  ["HTTPS://mcp.example.com:443/mcp", true],
  ["http://mcp.example.com/mcp", false],
  ["https://mcp.example.com:8443/mcp", false],
  ["https://mcp.example.com.evil.example/mcp", false],
  ["https://evil.example/mcp", false],
  ["https://mcp.example.com@evil.example/mcp", false],
  ["https://user@mcp.example.com/mcp", false],
  ["https://user:pass@mcp.example.com/mcp", false],
  ["https://:pass@mcp.example.com/mcp", false],
  ["https://mcp.example.com/mcp#part", false],
  ["https://mcp.example.com/other", false],
  ["https://mcp.example.com/mcp/other", false],
  ["https://mcp.example.com/w/APP/mcp", false],
  ["https://mcp.example.com/w//mcp", false],
  ["/mcp", false],
  ["mcp.example.com/mcp", false],
  ["", false],
];
for (const [text, accepted] of rows) {
  test(`"${text}" ${accepted ? "is" : "is not"} this server`, () => {
    assert.is(acceptsResource(text, { origin }), accepted);
  });
}

test("on loopback the port counts", () => {
  const loopback = { origin: "http://127.0.0.1:8765" };
  assert.is(acceptsResource("http://127.0.0.1:8765/mcp", loopback), true);
  assert.is(acceptsResource("http://127.0.0.1:8766/mcp", loopback), false);
  assert.is(acceptsResource("http://127.0.0.1/mcp", loopback), false);
});

test.run();
