import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { updatedCode } from "../../test/fakes/endings.js";
import { installFake } from "../../test/fakes/install.js";
import { withDaemon } from "../../test/support/daemon-in-process.js";
import type { Json } from "../../test/support/mcp-harness.js";
import { readAudit } from "../audit/read.js";
import { ask, isAlive, report, statusFor, staying, until } from "./tunnel.test.util.js";

test("clients sign in under a name that only the tunnel knows, for as long as it is there", async () => {
  const name = "found.example.invalid";
  const auth = { mode: "oauth" };
  const paths = ["oauth-authorization-server", "oauth-protected-resource/mcp", "oauth-protected-resource"];
  await withDaemon({ config: { auth } }, async (daemon) => {
    const { host, port } = daemon.daemon.address();
    const local = `${host}:${port}`;
    /** Who the documents say that the server is, to a client that calls it so. */
    const told = async (by: string): Promise<unknown[]> =>
      Promise.all(
        paths.map(async (path) => {
          const { status, body } = await ask(daemon, by, `/.well-known/${path}`);
          if (status !== 200) return status;
          const { issuer, resource, authorization_servers: servers } = JSON.parse(body);
          return issuer ?? [resource, servers];
        }),
      );
    const of = (origin: string): unknown[] => [
      origin,
      [`${origin}/mcp`, [origin]],
      [`${origin}/mcp`, [origin]],
    ];
    assert.equal(await told(local), of(`http://${local}`));
    assert.equal(await told(name), [403, 403, 403]);

    daemon.configure({ auth, tunnel: { ...staying, url: `https://${name}` } });
    await daemon.admin.reload({ dryRun: false });
    while ((await statusFor(daemon, name)) !== 200) await setTimeout(20);
    for (const by of [name, local]) assert.equal(await told(by), of(`https://${name}`), by);

    daemon.configure({ auth });
    await daemon.admin.reload({ dryRun: false });
    while ((await statusFor(daemon, name)) !== 403) await setTimeout(20);
    assert.equal(await told(local), of(`http://${local}`));
    assert.equal(await told(name), [403, 403, 403]);
  });
});

test("a program that ends to be started anew, as cloudflared does after an update, is", async () => {
  await withDaemon({ config: {} }, async (daemon) => {
    const token = join(daemon.dir, "token");
    writeFileSync(token, "token-of-a-test", { mode: 0o600 });
    const program = installFake(daemon.dir, "cloudflared", `exit ${updatedCode}`);
    const tunnel = { provider: "cloudflared", token_file: token, program };
    daemon.configure({ hostname: "mcp.example.invalid", tunnel });
    await daemon.admin.reload({ dryRun: false });
    const { fault } = await until(daemon, ({ restarts, state }) => restarts >= 2 && state === "backoff");
    assert.equal([fault?.class, /exit code 11\b/.test(fault?.text ?? "")], ["backoff", true]);
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

test("by its name no program is run that clients may change, from the reload on that lets them", async () => {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "tunnel-path-")));
  const file = (name: string): string => join(base, name, "my-tunnel");
  const text = '#!/bin/sh\necho "up on port 1, from $0"\nwhile :; do sleep 1; done\n';
  for (const name of ["theirs", "links", "mine"]) mkdirSync(join(base, name));
  for (const name of ["theirs", "mine"]) writeFileSync(file(name), text, { mode: 0o755 });
  symlinkSync(file("theirs"), file("links"));
  const served = (profile: string) => ({
    hostname: "mcp.example.invalid",
    tunnel: { ...staying, argv: ["my-tunnel"] },
    workspaces: [
      { id: "app", path: "app" },
      { id: "theirs", path: join(base, "theirs"), profile },
    ],
  });
  const before = process.env.PATH;
  process.env.PATH = [...["theirs", "links", "mine"].map((name) => join(base, name)), before].join(":");
  try {
    await withDaemon({ config: served("read-only") }, async (daemon) => {
      const from = (name: string) =>
        until(daemon, ({ lines }) => lines.some((line) => line.endsWith(`from ${file(name)}`)));
      await from("theirs");
      daemon.configure(served("full"));
      await daemon.admin.reload({ dryRun: false });
      await daemon.admin.restartTunnel();
      await from("mine");
    });
  } finally {
    process.env.PATH = before;
    rmSync(base, { recursive: true });
  }
});

test("what becomes of the tunnel is recorded", async () => {
  const hostname = "mcp.example.invalid";
  const blocked = { ...staying, argv: ["no-such-program"] };
  await withDaemon({ config: { hostname, tunnel: staying } }, async (daemon) => {
    const audit = readAudit(join(daemon.dir, "state/audit"), { follow: new AbortController().signal });
    const next = async (state: string): Promise<unknown> => {
      for (;;) {
        const { value } = await audit.next();
        if (value?.event === "tunnel_state" && value.state === state) return [value.url, value.code];
      }
    };
    const url = `https://${hostname}/mcp`;
    assert.equal(await next("connected"), [url, undefined]);
    daemon.configure({ hostname, tunnel: blocked });
    await daemon.admin.reload({ dryRun: false });
    assert.equal(await next("off"), [url, undefined]);
    assert.equal(await next("blocked"), [url, "PROGRAM_MISSING"]);
    await audit.return(undefined);
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
  const full = { workspaces: [{ id: "app", path: "app", profile: "full" }] };
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

test("without a public url, and with one that does not lead here, nothing is proven", async () => {
  await withDaemon({ config: {} }, async (daemon) => {
    const none = await daemon.admin.prove();
    assert.equal([none.url, none.fault?.code], [null, "PUBLIC_URL_UNKNOWN"]);
    daemon.configure({ hostname: "mcp.example.invalid" });
    await daemon.admin.reload({ dryRun: false });
    const elsewhere = await daemon.admin.prove();
    assert.is(elsewhere.url, null);
    assert.match(elsewhere.fault?.code ?? "", /^PUBLIC_/);
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
