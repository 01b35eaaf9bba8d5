import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { Client as Client2, StreamableHTTPClientTransport as Http2 } from "@modelcontextprotocol/client";
import { StdioClientTransport as Stdio2 } from "@modelcontextprotocol/client/stdio";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as Stdio1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as Http1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type DaemonProcess, withDaemonProcess } from "../support/daemon-process.js";
import type { Json } from "../support/mcp-harness.js";
import { mainOf } from "../support/program.js";

const require = createRequire(import.meta.url);
/** A package tree that somebody else wrote. */
const tree = dirname(require.resolve("typescript/package.json"));
const info = { name: "e2e", version: "1.0.0" };

/** What every client library can do, whatever it calls it. */
interface Connected {
  readonly era: string | undefined;
  listTools(): Promise<{ readonly tools: readonly Json[] }>;
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<Json>;
  close(): Promise<void>;
}

/** A method and what it was sent with, for each HTTP request of a client. */
type Traffic = string[];

function recorded(traffic: Traffic): typeof fetch {
  return (input, init) => {
    const method = typeof init?.body === "string" ? (JSON.parse(init.body) as Json).method : "";
    traffic.push(`${init?.method ?? "GET"} ${method}`.trim());
    return fetch(input, init);
  };
}

const http: Readonly<Record<string, (daemon: DaemonProcess, traffic: Traffic) => Promise<Connected>>> = {
  async "SDK 1.x"({ endpoint: { url, token } }, traffic) {
    const client = new Client1(info);
    const requestInit = { headers: { Authorization: `Bearer ${token}` } };
    const transport = new Http1(new URL(url), { requestInit, fetch: recorded(traffic) });
    await client.connect(transport as Transport);
    return Object.assign(client, { era: undefined });
  },
  "client 2.x": (daemon, traffic) => connect2(daemon, traffic, "legacy"),
  "client 2.x, auto": (daemon, traffic) => connect2(daemon, traffic, "auto"),
  async "mcp-remote"({ endpoint: { url, token }, dir }) {
    const bridge = join(dirname(require.resolve("mcp-remote/package.json")), "dist", "proxy.js");
    const client = new Client1(info);
    const transport = new Stdio1({
      command: process.execPath,
      args: [bridge, url, "--transport", "http-only", "--header", `Authorization: Bearer ${token}`],
      env: { PATH: process.env.PATH ?? "", HOME: dir, MCP_REMOTE_CONFIG_DIR: join(dir, "mcp-remote") },
      stderr: "ignore",
    });
    await client.connect(transport);
    return Object.assign(client, { era: undefined });
  },
};

async function connect2(
  { endpoint: { url, token } }: DaemonProcess,
  traffic: Traffic,
  mode: "legacy" | "auto",
): Promise<Connected> {
  const client = new Client2(info, { versionNegotiation: { mode } });
  const requestInit = { headers: { Authorization: `Bearer ${token}` } };
  await client.connect(new Http2(new URL(url), { requestInit, fetch: recorded(traffic) }));
  return Object.assign(client, { era: client.getProtocolEra() });
}

const program = {
  command: process.execPath,
  args: [mainOf("coding-tools-mcp"), "--stdio", "--workspace", tree, "--tool-profile", "read-only"],
};

const stdio: Readonly<Record<string, () => Promise<Connected>>> = {
  async "SDK 1.x"() {
    const client = new Client1(info);
    await client.connect(new Stdio1(program));
    return Object.assign(client, { era: undefined });
  },
  "client 2.x": () => connectStdio2("legacy"),
  "client 2.x, auto": () => connectStdio2("auto"),
};

async function connectStdio2(mode: "legacy" | "auto"): Promise<Connected> {
  const client = new Client2(info, { versionNegotiation: { mode } });
  await client.connect(new Stdio2(program));
  return Object.assign(client, { era: client.getProtocolEra() });
}

/** Reads and searches the tree as a client would, and makes the two kinds of mistakes. */
async function exercise(client: Connected): Promise<void> {
  const { tools } = await client.listTools();
  const names: string[] = tools.map(({ name }) => name);
  for (const name of ["server_info", "read_file", "list_dir", "list_files", "search_text", "view_image"])
    assert.ok(names.includes(name), name);
  assert.ok(tools.every(({ annotations }) => annotations.readOnlyHint === true));

  const manifest = readFileSync(join(tree, "package.json"), "utf8");
  const read = await client.callTool({ name: "read_file", arguments: { path: "package.json" } });
  assert.is(read.structuredContent.content, manifest);
  assert.match(read.content[0].text, '"name": "typescript"');

  const listed = await client.callTool({
    name: "list_files",
    arguments: { patterns: ["lib/**/*.d.ts"], max_results: 50 },
  });
  const files: string[] = listed.structuredContent.files.map(({ path }: Json) => path);
  assert.ok(files.length > 0);
  assert.ok(files.every((path) => path.endsWith(".d.ts") && existsSync(resolve(tree, path))));

  const found = await client.callTool({
    name: "search_text",
    arguments: { query: "Microsoft Corporation", glob: "*.txt" },
  });
  const [match] = found.structuredContent.matches;
  const line = readFileSync(join(tree, match.path), "utf8").split("\n")[match.line - 1] ?? "";
  assert.match(line, /Microsoft Corporation/i);

  const missing = await client.callTool({ name: "read_file", arguments: { path: "no/such.file" } });
  assert.equal([missing.isError, missing.structuredContent.error.code], [true, "NOT_FOUND"]);
  const wrong: Readonly<Record<string, Record<string, unknown>>> = {
    read_file: { paht: "x" },
    no_such_tool: {},
  };
  for (const [name, args] of Object.entries(wrong)) {
    const refused = await client.callTool({ name, arguments: args }).catch((error) => error);
    assert.is(refused.code, -32602, name);
  }
}

const overHttp = { workspaces: [{ id: "ts", path: tree }] };

for (const [name, connect] of Object.entries(http)) {
  test(`${name} over HTTP with a token`, async () => {
    await withDaemonProcess(overHttp, async (daemon) => {
      const traffic: Traffic = [];
      const client = await connect(daemon, traffic);
      await exercise(client).finally(() => client.close());
      if (client.era === "modern") {
        assert.is(traffic[0], "POST server/discover");
        assert.equal(new Set(traffic.map((entry) => entry.split(" ")[0])), new Set(["POST"]));
      } else if (traffic.length > 0) assert.is(traffic[0], "POST initialize");
      assert.is(client.era ?? "legacy", name.endsWith("auto") ? "modern" : "legacy");
      assert.equal([(await daemon.stop()).code, daemon.program.stderr().includes('"error"')], [0, false]);
    });
  });
}

for (const [name, connect] of Object.entries(stdio)) {
  test(`${name} over stdio`, async () => {
    const client = await connect();
    await exercise(client).finally(() => client.close());
    assert.is(client.era ?? "legacy", name.endsWith("auto") ? "modern" : "legacy");
  });
}

test("a client that subscribes hears of a reload", async () => {
  await withDaemonProcess({}, async (daemon) => {
    const { url, token } = daemon.endpoint;
    let hear = (_tools: Json): void => {};
    const heard = new Promise<Json>((done) => {
      hear = done;
    });
    const client = new Client2(info, {
      versionNegotiation: { mode: "auto" },
      listChanged: { tools: { onChanged: (_error, tools) => hear(tools) } },
    });
    const requestInit = { headers: { Authorization: `Bearer ${token}` } };
    await client.connect(new Http2(new URL(url), { requestInit }));
    daemon.folder("docs");
    daemon.configure({
      workspaces: [
        { id: "app", path: "app" },
        { id: "docs", path: "docs" },
      ],
    });
    const tools: Json[] = await heard;
    assert.ok(tools.some((tool) => tool.name === "list_workspaces"));
    await client.close();
  });
});

test("each client that connects is given the project's instructions as they are now", async () => {
  await withDaemonProcess({}, async (daemon) => {
    for (const text of ["Run make test.", "Run make check, then make test."]) {
      writeFileSync(join(daemon.app, "AGENTS.md"), `${text}\n`);
      const client = new Client1(info);
      const requestInit = { headers: { Authorization: `Bearer ${daemon.endpoint.token}` } };
      await client.connect(new Http1(new URL(daemon.endpoint.url), { requestInit }) as Transport);
      assert.match(client.getInstructions() ?? "", text);
      await client.close();
    }
  });
});

test("a wrong token is refused in a way that each client reports", async () => {
  await withDaemonProcess({}, async (daemon) => {
    const wrong = { ...daemon, endpoint: { ...daemon.endpoint, token: "wrong" } };
    for (const name of ["SDK 1.x", "client 2.x", "client 2.x, auto"]) {
      const error = await http[name]?.(wrong, []).catch((reason: Error) => reason);
      assert.instance(error, Error);
      assert.match(String(error), /Unauthorized|401/);
    }
  });
});

test.run();
