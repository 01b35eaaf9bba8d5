import { test } from "uvu";
import * as assert from "uvu/assert";
import { status, tunnel } from "../../../internal/admin/admin.test.util.js";
import type { ClientRecord } from "../../../internal/clients/clients.js";
import { ownAgent } from "../../../internal/tunnel/exchange.js";
import { checkAddress } from "./address.js";
import { checkCatalogue } from "./catalogue.js";

test("a URL that not everybody can use is told, wherever it comes from", () => {
  const at = (url: string | null) => ({ listen: { ...status.listen, public_url: url }, tunnel: null });
  const through = (url: string | null) => ({ ...at(null), tunnel: { ...tunnel, url } });
  const port = "address.port:warn";
  const page = "address.interstitial:ok";
  for (const [url, expected] of [
    [null, []],
    ["https://mcp.example.com/mcp", []],
    ["https://mcp.example.com:443/mcp", []],
    ["https://mcp.example.com:8443/mcp", [port]],
    ["https://a.ngrok-free.app/mcp", [page]],
    ["https://a.ngrok-free.dev/mcp", [page]],
    ["https://a.ngrok.app/mcp", []],
    ["https://ngrok-free.app.example.com/mcp", []],
  ] as const) {
    for (const report of [at(url), through(url)]) {
      const rows = checkAddress(report);
      assert.equal(
        rows.map((row) => `${row.id}:${row.status}`),
        expected,
        String(url),
      );
      for (const { text } of rows) assert.match(text, /port 443 only|once in 7 days/);
    }
  }
  // The same one told twice is one.
  const url = "https://mcp.example.com:8443/mcp";
  assert.is(checkAddress({ ...at(url), tunnel: { ...tunnel, url } }).length, 1);
});

test("the catalogue is told, and which one each client has", async () => {
  const { hash } = status.catalogue;
  const came = (name: string | null, agent: string, catalogue: string | null): ClientRecord => ({
    principal: "owner",
    user_agent: agent,
    name,
    version: null,
    era: null,
    protocol_version: null,
    first_seen: "2026-01-02T03:04:05.000Z",
    last_seen: "2026-01-02T03:04:05.000Z",
    last_method: "tools/list",
    last_tool: null,
    requests: 1,
    tool_calls: 0,
    catalogue,
  });
  for (const [clients, expected] of [
    [[came(null, ownAgent, hash), came("early", "x", null)], "no client has fetched it"],
    [[came("Claude", "Claude-User", hash), came(null, "curl/8", "0ld")], "Claude has it, curl/8 has 0ld"],
  ] as const) {
    const row = await checkCatalogue({ clients: async () => ({ schema: 1, clients }) }, status);
    assert.equal([row.id, row.status], ["catalogue", "ok"]);
    assert.match(row.text, `${status.catalogue.count} tools, ${hash}; ${expected}`);
  }
});

test.run();
