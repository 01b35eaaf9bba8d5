// time limit: 240 s
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { legacy } from "../support/mcp-harness.js";
import { type Outage, watchOutage } from "../support/outage.js";
import { makePlace, type Place } from "../support/place.js";
import { mainOf } from "../support/program.js";
import { begin, call, get } from "../support/rpc.js";
import { lastingPort } from "../support/sign-in.js";
import { type Ran, startUserManager, type UserManager } from "../support/user-manager.js";

const unit = "coding-tools-mcp.service";
let place: Place;
let manager: UserManager;
let unitFile: string;
let port: number;
/** What the daemon says. */
let log: string;

test.before(async () => {
  place = makePlace();
  port = await lastingPort();
  place.configure({ listen: `127.0.0.1:${port}` });
  unitFile = join(place.dir, ".config", "systemd", "user", unit);
  // No journal runs there.
  log = join(place.dir, "log");
  mkdirSync(`${unitFile}.d`, { recursive: true });
  writeFileSync(join(`${unitFile}.d`, "log.conf"), `[Service]\nStandardError=append:${log}\n`);
  manager = await startUserManager(place.dir);
});
test.after(async () => {
  await manager.close();
  place.remove();
});

function ctl(...args: readonly string[]): Promise<Ran> {
  return manager.run(process.execPath, [mainOf("ctmcpctl"), "--config", place.configPath, ...args]);
}

/** Installs anew while requests come; up to three times, since other work may slow the machine down, until it is as quick as wanted. */
async function upgrade(wanted: (outage: Outage) => boolean): Promise<Outage> {
  for (let left = 3; ; left -= 1) {
    const pid = await manager.show("MainPID");
    const { outcome, outage } = await watchOutage(healthz(), ctl("install"));
    assert.is(outcome.code, 0, `${outcome.stderr}${readFileSync(log, "utf8")}`);
    assert.is.not(await manager.show("MainPID"), pid);
    if (wanted(outage)) return outage;
    assert.ok(left > 1, JSON.stringify(outage));
  }
}

function healthz(): string {
  return `http://127.0.0.1:${port}/healthz`;
}

/** What a request with that bearer token is answered with. */
async function tokenStatus(token: string): Promise<number> {
  const headers = {
    Authorization: `Bearer ${token}`,
    "Content-Type": "application/json",
    Accept: "application/json",
  };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
  return (await fetch(`http://127.0.0.1:${port}/mcp`, { method: "POST", headers, body })).status;
}

async function install(...flags: readonly string[]): Promise<void> {
  const { code, stderr } = await ctl("install", ...flags);
  assert.is(code, 0, `${stderr}${readFileSync(log, "utf8")}`);
}

test("install: it runs when the command ends, and says what it serves", async () => {
  const { code, stdout, stderr } = await ctl("install");
  assert.is(code, 0, stderr);
  assert.match(stdout, /running: http:\/\/127\.0\.0\.1:\d+\/mcp/);
  assert.match(stderr, /loginctl enable-linger/);
  assert.is(await manager.show("ActiveState"), "active");
  assert.is(await manager.show("UnitFileState"), "enabled");
  assert.match(await manager.show("StatusText"), /^serving http:\/\/127\.0\.0\.1:\d+\/mcp$/);
});

test("reload: by systemctl without a change of the file, and a wrong file is told and changes nothing", async () => {
  const pid = await manager.show("MainPID");
  const tokenFile = join(place.dir, "token");
  writeFileSync(tokenFile, "the-first-token-of-this-test", { mode: 0o600 });
  place.configure({ listen: `127.0.0.1:${port}`, auth: { token_file: tokenFile } });
  while ((await tokenStatus("the-first-token-of-this-test")) !== 200);
  // Nobody watches this file; the next configuration has what it holds then.
  writeFileSync(tokenFile, "the-other-token-of-this-test");
  assert.is(await tokenStatus("the-other-token-of-this-test"), 401);
  assert.is((await manager.systemctl("reload", unit)).code, 0);
  while ((await tokenStatus("the-other-token-of-this-test")) !== 200);
  const { stdout } = await ctl("logs", "--json");
  assert.match(stdout, /"message":"configuration applied","trigger":"signal"/);

  writeFileSync(place.configPath, "version: 1\nworkspaces: []\n");
  await manager.systemctl("reload", unit);
  const told = await manager.until("StatusText", (text) => text.includes("not applied"));
  assert.match(told, /^serving http/);
  place.configure({ listen: `127.0.0.1:${port}` });
  await manager.until("StatusText", (text) => !text.includes("not applied"));
  assert.is(await manager.show("MainPID"), pid);
});

test("kill -9: it is started again, and the state is kept", async () => {
  const token = place.token();
  const pid = await manager.show("MainPID");
  await manager.run("kill", ["-9", pid]);
  await manager.until("MainPID", (now) => now !== pid && now !== "0");
  await manager.until("ActiveState", (state) => state === "active");
  assert.is(await manager.show("NRestarts"), "1");
  assert.is(place.token(), token);
});

test("an upgrade is the same command, what was written stays the same, and it is back within 2 s", async () => {
  const before = readFileSync(unitFile, "utf8");
  const pid = await manager.show("MainPID");
  const outage = await upgrade(({ longestMs }) => longestMs < 2_000);
  // Otherwise nothing was seen of the restart.
  assert.ok(outage.refused.length > 0);
  assert.is(readFileSync(unitFile, "utf8"), before);
  assert.is.not(await manager.show("MainPID"), pid);
  assert.is(await manager.show("NRestarts"), "0");
});

test("a blocked event loop is noticed by the watchdog", async () => {
  // The loop is blocked from within, by a module that only this unit loads, when the daemon is sent a signal.
  const block = join(place.dir, "block.mjs");
  writeFileSync(block, 'process.on("SIGUSR2", () => { for (;;); });\n');
  const results = join(place.dir, "results");
  const dropIn = `${unitFile}.d`;
  writeFileSync(
    join(dropIn, "test.conf"),
    `[Service]
WatchdogSec=2
Environment=NODE_OPTIONS=--import=${block}
ExecStopPost=/bin/sh -c 'echo $$SERVICE_RESULT >>${results}'
`,
  );
  await install();
  rmSync(results, { force: true });
  const pid = await manager.show("MainPID");
  // Control: while the loop turns, several periods pass in peace.
  const begun = Date.now();
  while (Date.now() - begun < 5_000) assert.is(await manager.show("MainPID"), pid);
  await manager.run("kill", ["-USR2", pid]);
  await manager.until("MainPID", (now) => now !== pid && now !== "0");
  assert.is(await manager.show("NRestarts"), "1");
  assert.is(readFileSync(results, "utf8"), "watchdog\n");
});

test("what always fails is not started for ever", async () => {
  const dropIn = join(`${unitFile}.d`, "test.conf");
  writeFileSync(dropIn, "[Service]\nExecStart=\nExecStart=/bin/false\nType=exec\nRestartSec=10ms\n");
  await manager.systemctl("daemon-reload");
  await manager.systemctl("restart", unit);
  await manager.until("ActiveState", (state) => state === "failed");
  assert.ok(Number(await manager.show("NRestarts")) <= 5);
  // An installation that is asked for begins anew.
  writeFileSync(dropIn, "");
  await install();
  assert.is(await manager.show("ActiveState"), "active");
});

test("a configuration that is wrong at the start is not tried again", async () => {
  writeFileSync(place.configPath, "version: 1\nworkspaces: []\n");
  const { code, stderr } = await manager.systemctl("restart", unit);
  assert.is.not(code, 0, stderr);
  assert.is(await manager.show("ActiveState"), "failed");
  assert.is(await manager.show("ExecMainStatus"), "78");
  assert.is(await manager.show("NRestarts"), "0");
  place.configure({ listen: `127.0.0.1:${port}` });
  // Nor is one that others can write, which is not read at all.
  chmodSync(place.configPath, 0o666);
  assert.is.not((await manager.systemctl("restart", unit)).code, 0);
  assert.is(await manager.show("ExecMainStatus"), "77");
  assert.is(await manager.show("NRestarts"), "0");
  place.configure({ listen: `127.0.0.1:${port}` });
  assert.is((await manager.systemctl("restart", unit)).code, 0);
});

test("every unit is to systemd's liking, and an upgrade keeps them until told otherwise", async () => {
  await install("--hold-port", "--read-only");
  const folder = dirname(unitFile);
  const files = [unit, join(`${unit}.d`, "readonly.conf"), "coding-tools-mcp.socket"].map((name) =>
    join(folder, name),
  );
  const texts = (): string[] => files.map((file) => (existsSync(file) ? readFileSync(file, "utf8") : ""));
  const written = texts();
  assert.not.ok(written.includes(""));
  for (const name of [unit, "coding-tools-mcp.socket"]) {
    const { code, stderr } = await manager.run("systemd-analyze", ["--user", "verify", join(folder, name)]);
    assert.is(stderr, "");
    assert.is(code, 0);
  }
  await install();
  assert.equal(texts(), written);
  await install("--no-hold-port", "--no-read-only");
  assert.equal(texts(), [written[0], "", ""]);
  await install();
  assert.equal(texts(), [written[0], "", ""]);
  const { code, stderr } = await ctl("install", "--hold-port", "--no-hold-port");
  assert.is(code, 2, stderr);
});

test("while the port is held, connections wait through a restart and through an upgrade", async () => {
  await install("--hold-port");
  const { outcome, outage } = await watchOutage(healthz(), manager.systemctl("restart", unit));
  assert.is(outcome.code, 0, `${outcome.stderr}${readFileSync(log, "utf8")}`);
  assert.equal(outage.refused, []);
  const held = await upgrade(({ slowestMs }) => slowestMs < 2_000);
  assert.equal(held.refused, []);

  // Nor does the daemon send newcomers away while it ends what it has begun: the next one serves them.
  const stops = (): number => readFileSync(log, "utf8").split('"message":"stopping"').length;
  const before = stops();
  const endpoint = { url: `http://127.0.0.1:${port}/mcp`, token: place.token() };
  const underWay = await begin(endpoint);
  const restarting = manager.systemctl("restart", unit);
  while (stops() === before) await setImmediate();
  const newcomer = get(endpoint, "/healthz");
  // By its second answer the daemon has looked at what came in before.
  for (const _ of [1, 2]) assert.is((await place.admin.status()).state, "draining");
  assert.is((await underWay.finish(legacy("ping"))).status, 200);
  assert.is((await newcomer).status, 200);
  assert.is((await restarting).code, 0);
  const codes = async (): Promise<string[]> => {
    const { stdout: text } = await ctl("status", "--json");
    return JSON.parse(text).warnings.map((warning: { code: string }) => warning.code);
  };
  assert.not.ok((await codes()).includes("SOCKET_UNIT_STALE"));
  place.configure({ listen: "127.0.0.1:0" });
  await manager.systemctl("restart", unit);
  assert.ok((await codes()).includes("SOCKET_UNIT_STALE"));
});

test("stopped or killed, nothing that it started lives on", async () => {
  const marker = "sleep 7654321";
  const tunnel = {
    provider: "command",
    argv: ["/bin/sh", "-c", `echo up; exec ${marker}0`],
    ready_pattern: "up",
  };
  const workspaces = [{ id: "app", path: "app", profile: "full" }];
  const exec = { permission_mode: "trusted" };
  place.configure({ listen: `127.0.0.1:${port}`, hostname: "mcp.example.invalid", tunnel, workspaces, exec });
  const to = { url: `http://127.0.0.1:${port}/mcp`, token: place.token() };
  const living = async (): Promise<number> =>
    (await manager.run("pgrep", ["-f", `^${marker}`])).stdout.split("\n").filter(Boolean).length;
  const fill = async (): Promise<void> => {
    const { structuredContent } = await call(to, "exec_command", {
      cmd: `exec ${marker}1`,
      yield_time_ms: 0,
    });
    assert.ok(structuredContent.ok, JSON.stringify(structuredContent));
    while ((await living()) < 2);
  };
  await install("--hold-port");
  await fill();
  await manager.systemctl("stop", unit);
  assert.is(await living(), 0);

  await install("--hold-port");
  await fill();
  const pid = await manager.show("MainPID");
  await manager.run("kill", ["-9", pid]);
  await manager.until("MainPID", (now) => now !== pid && now !== "0");
  await manager.until("ActiveState", (state) => state === "active");
  // Of the tunnel there is a new one, of the command none.
  assert.is((await manager.run("pgrep", ["-f", `^${marker}1`])).stdout, "");
});

test("uninstall: nothing is left but the configuration, and the state until it is purged", async () => {
  const pid = await manager.show("MainPID");
  const { code, stderr } = await ctl("uninstall");
  assert.is(code, 0, stderr);
  assert.is(await manager.show("LoadState"), "not-found");
  assert.is.not((await manager.run("kill", ["-0", pid])).code, 0);
  const folder = dirname(unitFile);
  const left = existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith("coding")) : [];
  // The drop-in of this test is not ours to remove.
  assert.equal(left, [`${unit}.d`]);
  assert.ok(existsSync(place.configPath));
  assert.ok(existsSync(join(place.dir, "state", "bearer-token")));
  const again = await ctl("uninstall");
  assert.is(again.code, 0, again.stderr);
});

test.run();
