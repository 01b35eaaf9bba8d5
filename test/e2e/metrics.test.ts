import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type DaemonProcess, withDaemonProcess } from "../support/daemon-process.js";

import { exchange, request } from "../support/raw-http.js";
import { freePort } from "../support/resources.js";
import { post } from "../support/rpc.js";

/** The value of a series; undefined when it is not there. */
function sampleOf(text: string, series: string): number | undefined {
  const line = text.split("\n").find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

async function call({ endpoint }: DaemonProcess, name: string, args: object): Promise<void> {
  await post(endpoint, { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args } });
}

test("numbers move with what happens, on the socket", () =>
  withDaemonProcess({}, async (daemon) => {
    const before = await daemon.admin.metrics();
    assert.is(sampleOf(before, 'ctmcp_tool_calls_total{tool="read_file",outcome="ok"}'), undefined);
    assert.is(sampleOf(before, "ctmcp_config_generation"), 1);
    assert.is(sampleOf(before, 'ctmcp_tunnel_state{state="off"}'), 1);
    await call(daemon, "read_file", { path: "hello.txt" });
    await call(daemon, "read_file", { path: "hello.txt" });
    await call(daemon, "read_file", { path: "missing" });
    for (const name of ["no_such_tool", "none_either"]) await call(daemon, name, {});
    await post({ ...daemon.endpoint, token: "wrong" }, { jsonrpc: "2.0", id: 1, method: "ping" });
    daemon.configure({ log: { level: "debug" } });
    await daemon.admin.reload({ dryRun: false });
    writeFileSync(daemon.configPath, "version: 1\nworkspaces: []\n");
    await daemon.admin.reload({ dryRun: false }).catch(() => {});
    const after = await daemon.admin.metrics();
    assert.is(sampleOf(after, 'ctmcp_tool_calls_total{tool="read_file",outcome="ok"}'), 2);
    assert.is(sampleOf(after, 'ctmcp_tool_calls_total{tool="read_file",outcome="failed"}'), 1);
    // Names of a client's own making make no series.
    assert.is(sampleOf(after, 'ctmcp_tool_calls_total{tool="none",outcome="refused"}'), 2);
    assert.not.match(after, "no_such_tool");
    assert.is(sampleOf(after, 'ctmcp_auth_failures_total{step="mcp"}'), 1);
    assert.is(sampleOf(after, "ctmcp_config_generation"), 2);
    assert.is(sampleOf(before, "ctmcp_config_last_reload_successful"), 1);
    assert.is(sampleOf(after, "ctmcp_config_last_reload_successful"), 0);
    assert.is(sampleOf(after, "ctmcp_clients_active"), 1);
    assert.ok((sampleOf(after, "ctmcp_process_resident_memory_bytes") ?? 0) > 1e7);
  }));

test("every line is of the text format", () =>
  withDaemonProcess({}, async (daemon) => {
    await call(daemon, "read_file", { path: "hello.txt" });
    const text = await daemon.admin.metrics();
    const types = new Map<string, string>();
    for (const line of text.trimEnd().split("\n")) {
      const [, name, type] = /^# TYPE ([a-z_]+) (counter|gauge)$/.exec(line) ?? [];
      if (name !== undefined && type !== undefined) types.set(name, type);
      else if (!/^# HELP [a-z_]+ \S.*\.$/.test(line)) {
        const [, series = ""] =
          /^([a-z_]+)(?:\{[a-z]+="[^"\\]*"(?:,[a-z]+="[^"\\]*")*\})? [0-9.e+-]+$/.exec(line) ?? [];
        assert.ok(types.has(series), line);
        assert.is(types.get(series) === "counter", series.endsWith("_total"), line);
      }
    }
    assert.ok(types.size > 15);
  }));

test("the documentation has every number with its meaning, and no other", () =>
  withDaemonProcess({}, async (daemon) => {
    const text = await daemon.admin.metrics();
    const served = [...text.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)$/gm)].map(
      ([, name, help, type]) => [name, type, help],
    );
    const docs = readFileSync(new URL("../../../docs/operations.md", import.meta.url), "utf8");
    const documented = [...docs.matchAll(/^\| `(ctmcp_\w+)(?:\{[\w, ]+\})?` \| (\w+) \| (.*) \|$/gm)];
    assert.equal(
      documented.map(([, name, type, help]) => [name, type, help]),
      served,
    );
  }));

test("a tunnel whose program ends shows", () => {
  const tunnel = { provider: "command", argv: ["/bin/false"], url: "https://mcp.example.invalid" };
  return withDaemonProcess({ hostname: "mcp.example.invalid", tunnel }, async (daemon) => {
    for (;;) {
      const text = await daemon.admin.metrics();
      if ((sampleOf(text, "ctmcp_tunnel_restarts") ?? 0) >= 2) break;
      await setTimeout(50);
    }
  });
});

test("the listener is there when it is asked for, for this machine's programs only", async () => {
  const port = await freePort();
  await withDaemonProcess({ metrics: { listen: `127.0.0.1:${port}` } }, async (daemon) => {
    const get = (path: string, host = "localhost") =>
      exchange(port, request("GET", path).replace(/Host: [^\r]+/i, `Host: ${host}`));
    const { status, headers } = await get("/metrics");
    assert.is(status, 200);
    assert.match(headers.get("content-type") ?? "", "text/plain; version=0.0.4");
    assert.is((await get("/")).status, 404);
    assert.is((await get("/metrics", "attacker.example")).status, 403);
    const page = "Origin: http://localhost\r\n";
    assert.is((await exchange(port, request("GET", "/metrics", page))).status, 403);
    assert.is((await exchange(port, request("POST", "/metrics"))).status, 405);
    const text = execFileSync("curl", ["-s", `http://127.0.0.1:${port}/metrics`], { encoding: "utf8" });
    assert.is(sampleOf(text, 'ctmcp_build_info{version="1.0.0-alpha.1"}'), 1);

    // A port that somebody else has: the configuration in force stays, whole.
    const holder = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => holder.once("listening", resolve));
    const { port: held } = holder.address() as { port: number };
    daemon.configure({ metrics: { listen: `127.0.0.1:${held}` }, log: { level: "debug" } });
    const failure = await daemon.admin.reload({ dryRun: false }).catch((error) => error);
    assert.is(failure.code, "ADDRESS_IN_USE");
    assert.is((await get("/metrics")).status, 200);
    assert.is((await daemon.admin.status()).generation, 1);
    holder.close();

    daemon.configure({});
    await daemon.admin.reload({ dryRun: false });
    const refused = await get("/metrics").catch((error) => error.code);
    assert.is(refused, "ECONNREFUSED");
  });
});

test("an address that others reach is refused", () =>
  withDaemonProcess({}, async (daemon) => {
    daemon.configure({ metrics: { listen: "0.0.0.0:9464" } });
    const failure = await daemon.admin.reload({ dryRun: false }).catch((error) => error);
    assert.is(failure.code, "CONFIG_INVALID");
  }));

test.run();
