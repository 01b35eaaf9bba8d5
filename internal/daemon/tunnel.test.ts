import { readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { installFake } from "../../test/fakes/install.js";
import { type FixtureDaemon, withDaemon } from "../../test/support/daemon-in-process.js";
import type { Json } from "../../test/support/mcp-harness.js";
import { exchange, request } from "../../test/support/raw-http.js";
import type { TunnelReport } from "../tunnel/types.js";

const app = { id: "app", path: "app" };

/** A program that says it is ready and stays, as tunnels do. */
const staying = {
  provider: "command",
  argv: [process.execPath, "-e", 'console.log("up on port {port}"); setInterval(() => {}, 1000)'],
  ready_pattern: "up on port [0-9]+",
};

async function report({ admin }: FixtureDaemon): Promise<TunnelReport | null> {
  return (await admin.tunnel()).tunnel;
}

/** Waits until the report is as wanted; the file's time limit ends what never comes. */
async function until(
  daemon: FixtureDaemon,
  wanted: (report: TunnelReport) => boolean,
): Promise<TunnelReport> {
  for (;;) {
    const now = await report(daemon);
    if (now !== null && wanted(now)) return now;
    await setTimeout(20);
  }
}

async function statusFor(daemon: FixtureDaemon, host: string): Promise<number> {
  const { port } = daemon.daemon.address();
  const answer = await exchange(port, request("GET", "/healthz").replace(/Host: [^\r]+/i, `Host: ${host}`));
  return answer.status;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("a change that is none of the tunnel's business leaves its program alone, another ends it first", async () => {
  const hostname = "mcp.example.invalid";
  await withDaemon({ config: { hostname, tunnel: staying } }, async (daemon) => {
    const { pid } = await until(daemon, ({ pid }) => pid !== null);
    daemon.configure({ hostname, tunnel: staying, workspaces: [{ ...app, profile: "full" }] });
    assert.is((await daemon.admin.reload({ dryRun: false })).result, "applied");
    assert.is((await report(daemon))?.pid, pid);

    daemon.configure({ hostname, tunnel: { ...staying, down_pattern: "lost" } });
    await daemon.admin.reload({ dryRun: false });
    const other = await until(daemon, (now) => now.pid !== null && now.pid !== pid);
    assert.not.ok(isAlive(pid ?? 0), "two at the same time");

    daemon.configure({ hostname });
    await daemon.admin.reload({ dryRun: false });
    while (isAlive(other.pid ?? 0)) await setTimeout(20);
    assert.is(await report(daemon), null);
  });
});

test("while one program takes its time to end, what is reported is the next", async () => {
  const hostname = "mcp.example.invalid";
  const stubborn = {
    ...staying,
    argv: ["/bin/sh", "-c", "trap 'echo told >&2' TERM; echo up on port {port}; while :; do sleep 0.1; done"],
  };
  await withDaemon({ config: { hostname, tunnel: stubborn } }, async (daemon) => {
    const { pid } = await until(daemon, ({ state }) => state === "connected" || state === "degraded");
    daemon.configure({ hostname, tunnel: staying });
    await daemon.admin.reload({ dryRun: false });
    const next = await report(daemon);
    assert.ok(isAlive(pid ?? 0), "it is still there");
    assert.equal([next?.state, next?.pid], ["starting", null]);
    await until(daemon, (now) => now.pid !== null && now.pid !== pid);
    assert.not.ok(isAlive(pid ?? 0));
  });
});

test("a file of the tunnel's that cannot be reached blocks the tunnel, and not the daemon", async () => {
  await withDaemon({ config: {} }, async (daemon) => {
    const tunnel = {
      provider: "ssh",
      destination: "nobody@127.0.0.1",
      remote_port: 9,
      identity_file: "/etc/passwd/key",
    };
    daemon.configure({ hostname: "mcp.example.invalid", tunnel });
    assert.is((await daemon.admin.reload({ dryRun: false })).result, "applied");
    const { fault } = await until(daemon, ({ state }) => state === "blocked");
    assert.is(fault?.code, "SSH_KEY_MISSING");
  });
});

test("a name that only the tunnel knows is served for as long as it is there", async () => {
  const name = "found.example.invalid";
  await withDaemon({ config: {} }, async (daemon) => {
    assert.is(await statusFor(daemon, name), 403);
    daemon.configure({ tunnel: { ...staying, url: `https://${name}` } });
    await daemon.admin.reload({ dryRun: false });
    while ((await statusFor(daemon, name)) !== 200) await setTimeout(20);
    const status = await daemon.admin.status();
    assert.is(status.listen.public_url, `https://${name}/mcp`);

    daemon.configure({});
    await daemon.admin.reload({ dryRun: false });
    while ((await statusFor(daemon, name)) !== 403) await setTimeout(20);
    assert.is((await daemon.admin.status()).listen.public_url, null);
  });
});

test("a blocked tunnel says why in the warnings and starts again when its credentials change", async () => {
  await withDaemon({ config: {} }, async (daemon) => {
    const key = join(daemon.dir, "key");
    writeFileSync(key, "no key", { mode: 0o600 });
    const tunnel = {
      provider: "ssh",
      destination: "nobody@127.0.0.1",
      port: 1,
      remote_port: 9,
      identity_file: key,
      program: join(daemon.dir, "ssh"),
    };
    daemon.configure({ hostname: "mcp.example.invalid", tunnel });
    await daemon.admin.reload({ dryRun: false });
    const { fault } = await until(daemon, ({ state }) => state === "blocked");
    const { warnings } = await daemon.admin.status();
    assert.ok(warnings.some(({ code, fix }) => code === fault?.code && fix === fault?.hint));

    // The program appears, which alone is no reason to try again; new credentials are.
    writeFileSync(tunnel.program, `#!/bin/sh\nsleep 60\n`, { mode: 0o700 });
    // What is wrong elsewhere in the configuration has nothing to do with it.
    writeFileSync(daemon.configPath, "version: 2\n");
    utimesSync(key, new Date(), new Date(Date.now() + 5_000));
    await until(daemon, ({ pid }) => pid !== null);
  });
});

test("a tunnel whose URL changes says so", async () => {
  const tunnel = { provider: "cloudflared", ephemeral: true, program: "no-such-program" };
  await withDaemon({ config: { tunnel } }, async (daemon) => {
    await until(daemon, ({ state }) => state === "blocked");
    const codes = async (): Promise<string[]> =>
      (await daemon.admin.status()).warnings.map(({ code }) => code);
    assert.ok((await codes()).includes("TUNNEL_URL_CHANGES"));
    daemon.configure({});
    await daemon.admin.reload({ dryRun: false });
    while ((await codes()).includes("TUNNEL_URL_CHANGES")) await setTimeout(20);
  });
});

test("where there is no public url, a client's request through the tunnel proves it", async () => {
  await withDaemon({ config: {} }, async (daemon) => {
    const key = join(daemon.dir, "key");
    writeFileSync(key, "api-key-of-a-test", { mode: 0o600 });
    const program = installFake(daemon.dir, "tunnel-client");
    const tunnel = { provider: "openai", id: `tunnel_${"0".repeat(32)}`, token_file: key, program };
    daemon.configure({ tunnel });
    await daemon.admin.reload({ dryRun: false });
    const { pid } = await until(daemon, ({ state }) => state === "connected");
    // What its program adds to each request; only that process and the daemon know it.
    const [, mark = ""] =
      /CTMCP_TUNNEL_MARK=([^\0]+)/.exec(readFileSync(`/proc/${pid}/environ`, "utf8")) ?? [];
    const { url, token } = daemon.endpoint();
    async function send(method: string, value: string): Promise<void> {
      const headers = {
        "Content-Type": "application/json",
        Authorization: `Bearer ${token}`,
        "X-Ctmcp-Tunnel": value,
      };
      const params = {
        protocolVersion: "2025-11-25",
        capabilities: {},
        clientInfo: { name: "t", version: "1" },
      };
      const body = JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        method,
        ...(method === "initialize" && { params }),
      });
      assert.is((await fetch(url, { method: "POST", headers, body })).status, 200);
    }
    await send("tools/list", `not ${mark}`);
    await send("initialize", mark);
    assert.is((await report(daemon))?.state, "connected");
    await send("tools/list", mark);
    assert.is((await report(daemon))?.state, "verified");
  });
});

test("with a profile, what the tunnel brings needs no sign-in: up to that profile, as long as it runs", async () => {
  const full = { workspaces: [{ ...app, profile: "full" }] };
  await withDaemon({ config: full }, async (daemon) => {
    const key = join(daemon.dir, "key");
    writeFileSync(key, "api-key-of-a-test", { mode: 0o600 });
    const program = installFake(daemon.dir, "tunnel-client");
    const base = { provider: "openai", id: `tunnel_${"0".repeat(32)}`, token_file: key, program };
    const { url } = daemon.endpoint();
    /** What its program adds to each request. */
    const brought = async (): Promise<string> => {
      const { pid } = await until(daemon, ({ state }) => state === "connected");
      const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
      return /CTMCP_TUNNEL_MARK=([^\0]+)/.exec(environment)?.[1] ?? "";
    };
    const tools = async (authorization: string): Promise<string[] | number> => {
      const headers = { "Content-Type": "application/json", Authorization: authorization };
      const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" });
      const answer = await fetch(url, { method: "POST", headers, body });
      if (answer.status !== 200) return answer.status;
      return ((await answer.json()) as Json).result.tools.map(({ name }: Json) => name);
    };
    const mayWrite = async (authorization: string): Promise<boolean | number> => {
      const names = await tools(authorization);
      return typeof names === "number" ? names : names.includes("apply_patch");
    };

    daemon.configure({ ...full, tunnel: { ...base, profile: "read-only" } });
    await daemon.admin.reload({ dryRun: false });
    const first = await brought();
    assert.is(await mayWrite(first), false);
    assert.is((await report(daemon))?.state, "verified");
    assert.is(await tools("Bearer of-nobody"), 401);

    daemon.configure({ ...full, tunnel: { ...base, profile: "full" } });
    await daemon.admin.reload({ dryRun: false });
    assert.is(await tools(first), 401, "at once");
    const second = await brought();
    assert.is(await mayWrite(second), true);
    await daemon.admin.restartTunnel();
    const third = await brought();
    assert.is.not(third, second);
    assert.is(await tools(second), 401);

    daemon.configure({ ...full, tunnel: base });
    await daemon.admin.reload({ dryRun: false });
    assert.is(await tools(third), 401);
    assert.not.match(await brought(), /^Bearer/);
  });
});

test("the program ends with the daemon", async () => {
  let pid = 0;
  await withDaemon({ config: { hostname: "mcp.example.invalid", tunnel: staying } }, async (daemon) => {
    pid = (await until(daemon, (now) => now.pid !== null)).pid ?? 0;
    assert.ok(isAlive(pid));
  });
  assert.not.ok(isAlive(pid));
});

test.run();
