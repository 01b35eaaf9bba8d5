import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { makePlace, type Place } from "../support/place.js";
import { mainOf } from "../support/program.js";
import { call } from "../support/rpc.js";
import { type Ran, startUserManager, type UserManager } from "../support/user-manager.js";

const unit = "coding-tools-mcp.service";
let place: Place;
let manager: UserManager;
let unitFile: string;

test.before(async () => {
  place = makePlace();
  unitFile = join(place.dir, ".config", "systemd", "user", unit);
  manager = await startUserManager(place.dir);
});
test.after(async () => {
  await manager.close();
  place.remove();
});

function ctl(...args: readonly string[]): Promise<Ran> {
  return manager.run(process.execPath, [mainOf("ctmcpctl"), "--config", place.configPath, ...args]);
}

async function install(...flags: readonly string[]): Promise<void> {
  const { code, stderr } = await ctl("install", ...flags);
  assert.is(code, 0, stderr);
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

test("reload: by systemctl, and a wrong file is told and changes nothing", async () => {
  const pid = await manager.show("MainPID");
  place.configure({ log: { level: "debug" } });
  assert.is((await manager.systemctl("reload", unit)).code, 0);
  await manager.until("ActiveState", (state) => state === "active");
  writeFileSync(place.configPath, "version: 1\nworkspaces: []\n");
  await manager.systemctl("reload", unit);
  const told = await manager.until("StatusText", (text) => text.includes("not applied"));
  assert.match(told, /^serving http/);
  place.configure();
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

test("an upgrade is the same command, and what was written stays the same", async () => {
  const before = readFileSync(unitFile, "utf8");
  const pid = await manager.show("MainPID");
  await install();
  assert.is(readFileSync(unitFile, "utf8"), before);
  assert.is.not(await manager.show("MainPID"), pid);
  assert.is(await manager.show("NRestarts"), "0");
});

test("a blocked event loop is noticed by the watchdog", async () => {
  // The loop is blocked from within, by a module that only this unit loads, when the daemon is sent a signal.
  const block = join(place.dir, "block.mjs");
  writeFileSync(block, 'process.on("SIGUSR2", () => { for (;;); });\n');
  const dropIn = `${unitFile}.d`;
  mkdirSync(dropIn, { recursive: true });
  writeFileSync(
    join(dropIn, "test.conf"),
    `[Service]\nWatchdogSec=2\nEnvironment=NODE_OPTIONS=--import=${block}\n`,
  );
  await install();
  const pid = await manager.show("MainPID");
  // Control: while the loop turns, several periods pass in peace.
  const begun = Date.now();
  while (Date.now() - begun < 5_000) assert.is(await manager.show("MainPID"), pid);
  await manager.run("kill", ["-USR2", pid]);
  await manager.until("MainPID", (now) => now !== pid && now !== "0");
  assert.is(await manager.show("NRestarts"), "1");
  const { stdout } = await manager.systemctl("show", unit, "--property=ExecMainStatus,Result,NRestarts");
  assert.match(stdout, /NRestarts=1/);
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
  place.configure();
  assert.is((await manager.systemctl("restart", unit)).code, 0);
});

test("every unit is to systemd's liking", async () => {
  const port = 18_765;
  place.configure({ listen: `127.0.0.1:${port}` });
  await install("--hold-port", "--read-only");
  const folder = dirname(unitFile);
  assert.equal(
    readdirSync(folder)
      .filter((name) => name.startsWith("coding"))
      .sort(),
    [unit, `${unit}.d`, "coding-tools-mcp.socket"].sort(),
  );
  for (const name of [unit, "coding-tools-mcp.socket"]) {
    const { code, stderr } = await manager.run("systemd-analyze", ["--user", "verify", join(folder, name)]);
    assert.is(stderr, "");
    assert.is(code, 0);
  }
});

test("while the port is held, connections wait through a restart", async () => {
  const { code, stdout } = await manager.run("sh", [
    "-c",
    `systemctl --user restart --no-block ${unit}
    for i in $(seq 40); do curl -s -o /dev/null -w '%{http_code}\\n' -m 10 http://127.0.0.1:18765/healthz || echo refused; done | sort | uniq -c`,
  ]);
  assert.is(code, 0);
  assert.match(stdout.trim(), /^40 200$/);
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
  place.configure({ listen: "127.0.0.1:18765", hostname: "mcp.example.invalid", tunnel, workspaces, exec });
  const to = { url: "http://127.0.0.1:18765/mcp", token: place.token() };
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
