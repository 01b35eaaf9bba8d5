import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type DaemonProcess, withDaemonProcess } from "../support/daemon-process.js";
import type { Place } from "../support/place.js";
import { mainOf, startProgram } from "../support/program.js";
import { call } from "../support/rpc.js";
import { startTmux } from "../support/tmux.js";

const files = [
  "about.json",
  "attempts.json",
  "audit.json",
  "clients.json",
  "config.yaml",
  "doctor.json",
  "log.txt",
  "metrics.txt",
  "service.txt",
  "status.json",
  "tunnel.json",
];
const host = "secret-name.example.invalid";
const tunnelSecret = "tunnel-canary-0123456789";
const variable = "variable-canary-0123456789";
const origin = "pages.example.invalid";
const commandLine = "sleep 1234.5";

/** A daemon whose tunnel's program prints its own secret, with another one for commands. */
const talkative = {
  hostname: host,
  allowed_origins: [`https://${origin}`],
  log: { level: "debug" },
  workspaces: [{ id: "app", path: "app", profile: "full", exec: { env: { SETTING: variable } } }],
  tunnel: {
    provider: "command",
    argv: ["/bin/sh", "-c", "echo up with $TUNNEL_SECRET; exec sleep 1000"],
    env: { TUNNEL_SECRET: tunnelSecret },
    ready_pattern: "up with",
  },
};

async function bugreport(place: Place, args: readonly string[], path = "") {
  const program = startProgram(mainOf("ctmcpctl"), {
    args: ["--config", place.configPath, "bugreport", ...args],
    env: { HOME: place.dir, PATH: `${path}${process.env.PATH}` },
    cwd: place.dir,
  });
  const { code } = await program.exit;
  return { code, stdout: program.stdout(), stderr: program.stderr() };
}

function unpack(place: Place, archive: string): Record<string, string> {
  const to = join(place.dir, "unpacked");
  mkdirSync(to);
  execFileSync("tar", ["-xzf", archive, "-C", to]);
  const [folder = ""] = readdirSync(to);
  return Object.fromEntries(
    readdirSync(join(to, folder)).map((name) => [name, readFileSync(join(to, folder, name), "utf8")]),
  );
}

function mustNotHold({ token, dir }: DaemonProcess): Record<string, string> {
  return {
    token: token(),
    tunnelSecret,
    variable,
    host,
    origin,
    commandLine,
    home: dir,
    machine: hostname(),
    user: `/${userInfo().username}/`,
  };
}

test("the report has everything in it, and nothing that is nobody's business", () =>
  withDaemonProcess(talkative, async (daemon) => {
    await call(daemon.endpoint, "read_file", { path: "hello.txt" });
    await call(daemon.endpoint, "exec_command", { cmd: commandLine, yield_time_ms: 0 });
    const { code, stdout, stderr } = await bugreport(daemon, ["--yes", "--output", "report.tar.gz"]);
    assert.is(code, 0, stderr);
    const archive = join(daemon.dir, "report.tar.gz");
    assert.is(stdout, `${archive}\n`);
    assert.is(statSync(archive).mode & 0o777, 0o600);
    for (const name of files)
      assert.match(stderr, new RegExp(`^${name.replace(".", "\\.")} +(\\d+ bytes|-) `, "m"));
    const parts = unpack(daemon, archive);
    assert.equal(Object.keys(parts).sort(), files);
    assert.is(JSON.parse(parts["status.json"] ?? "").state, "ready");
    assert.ok(JSON.parse(parts["doctor.json"] ?? "").rows.length > 5);
    assert.match(parts["tunnel.json"] ?? "", "up with ***");
    assert.match(parts["config.yaml"] ?? "", "hostname: HOST");
    assert.match(parts["log.txt"] ?? "", "ready");
    assert.is(JSON.parse(parts["audit.json"] ?? "").counts["call read_file ok"], 1);
    assert.match(parts["service.txt"] ?? "", "not there: ");
    const all = JSON.stringify(parts);
    const before =
      daemon.program.stderr() +
      readFileSync(daemon.configPath, "utf8") +
      JSON.stringify(await daemon.admin.status());
    for (const text of [host, daemon.dir, origin, commandLine]) assert.match(before, text);
    assert.is(JSON.parse(parts["status.json"] ?? "").commands[0].workspace, "app");
    for (const [name, text] of Object.entries(mustNotHold(daemon))) assert.not.ok(all.includes(text), name);

    const again = await bugreport(daemon, ["--yes", "--output", "report.tar.gz"]);
    assert.is(again.code, 1);
    assert.match(again.stderr, "is there already");
  }));

test("nobody who can be asked: the contents are shown, and nothing is written", () =>
  withDaemonProcess({}, async (daemon) => {
    const before = readdirSync(daemon.dir);
    const { code, stdout, stderr } = await bugreport(daemon, []);
    assert.is(code, 2);
    assert.is(stdout, "");
    assert.match(stderr, /^status\.json +\d+ bytes/m);
    const printed = await bugreport(daemon, ["--print"]);
    assert.is(printed.code, 0);
    for (const name of files) assert.match(printed.stdout, `==> ${name} <==\n`);
    assert.equal(readdirSync(daemon.dir), before);
  }));

test("a daemon that does not run: what it kept tells, and a log that holds a secret does not tell it", () =>
  withDaemonProcess({}, async (daemon) => {
    await daemon.stop();
    const bin = join(daemon.dir, "bin");
    const units = join(daemon.dir, ".config/systemd/user");
    mkdirSync(bin);
    mkdirSync(units, { recursive: true });
    writeFileSync(join(units, "coding-tools-mcp.service"), `ExecStart="${daemon.dir}/bin/node" "x"\n`);
    const journal = `#!/bin/sh\necho 'ended: token ${daemon.token()} in ${daemon.dir}/app'\n`;
    writeFileSync(join(bin, "journalctl"), journal, { mode: 0o755 });
    const { code, stderr } = await bugreport(daemon, ["--yes", "--output", "report.tgz"], `${bin}:`);
    assert.is(code, 0, stderr);
    const parts = unpack(daemon, join(daemon.dir, "report.tgz"));
    assert.is(parts["log.txt"], "from the journal:\nended: token *** in ~/app\n");
    assert.match(parts["status.json"] ?? "", "not there: no daemon is running");
    assert.is(parts["service.txt"], 'ExecStart="~/bin/node" "x"\n');
    assert.match(parts["config.yaml"] ?? "", "path: ~/app");
  }));

test("on a terminal it asks", () =>
  withDaemonProcess({}, async (daemon) => {
    const tmux = await startTmux({
      dir: daemon.dir,
      columns: 100,
      rows: 30,
      env: { PATH: process.env.PATH ?? "" },
    });
    try {
      const command = `'${process.execPath}' '${mainOf("ctmcpctl")}' --config '${daemon.configPath}' bugreport --output r.tgz`;
      for (const [answer, isThere] of [
        ["n", false],
        ["y", true],
      ] as const) {
        await tmux.type(`clear; tmux clear-history; ${command}; echo code $?`);
        await tmux.until(/r\.tgz\? \[y\/N\] $/m);
        await tmux.type(answer);
        await tmux.until(/code \d/);
        assert.is(existsSync(join(daemon.dir, "r.tgz")), isThere);
      }
    } finally {
      await tmux.close();
    }
  }));

test.run();
