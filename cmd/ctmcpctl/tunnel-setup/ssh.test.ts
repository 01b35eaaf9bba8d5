import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { loadConfig } from "../../../internal/config/load.js";
import { ctl, type Home, makeHome, onTerminal } from "../ctl.test.util.js";
import { addProgram, writeConfig } from "./vendor.test.util.js";

/** A real sshd on loopback, with a host key and a list of accepted keys of its own. */
interface Server {
  readonly port: number;
  readonly fingerprint: string;
  readonly authorizedKeys: string;
}

let home: Home;
let server: Server;
let sshd: ChildProcess;

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

async function startServer(): Promise<void> {
  const dir = join(home.dir, "server");
  mkdirSync(dir, { mode: 0o700 });
  const key = join(dir, "key");
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
  const authorizedKeys = join(dir, "authorized_keys");
  writeFileSync(authorizedKeys, "", { mode: 0o600 });
  const port = await freePort();
  const settings = [
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${key}`,
    `AuthorizedKeysFile ${authorizedKeys}`,
    "StrictModes no",
    "UsePAM no",
    "PidFile none",
    "PasswordAuthentication no",
    "LogLevel INFO",
  ];
  writeFileSync(join(dir, "config"), `${settings.join("\n")}\n`);
  // Its privilege separation wants this directory, which only root can make and which an installed service has.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  sshd = spawn("/usr/sbin/sshd", ["-D", "-e", "-f", join(dir, "config")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  for await (const text of sshd.stderr?.setEncoding("utf8") ?? []) if (/listening/.test(text)) break;
  const [, fingerprint = ""] = execFileSync("ssh-keygen", ["-lf", key], { encoding: "utf8" }).split(" ");
  server = { port, fingerprint, authorizedKeys };
}

test.before.each(async () => {
  home = makeHome();
  await startServer();
});
test.after.each(async () => {
  const ended = once(sshd, "exit");
  sshd.kill();
  await ended;
  home.remove();
});

/** A setup without questions, but for the server's key. */
function argsFor(remotePort: number): string[] {
  return [
    ...["tunnel", "setup", "ssh", "--yes", "--hostname", "mcp.example.com"],
    ...["--destination", `${userInfo().username}@127.0.0.1`, "--ssh-port", String(server.port)],
    ...["--remote-port", String(remotePort)],
  ];
}

function run(remotePort: number, more: readonly string[] = ["--fingerprint", server.fingerprint]) {
  return ctl(home, [...argsFor(remotePort), ...more]);
}

/** Puts the line that ctmcpctl showed where it said. */
function addLine(shown: string): void {
  writeFileSync(server.authorizedKeys, `${/restrict,.* coding-tools-mcp/.exec(shown)?.[0]}\n`);
}

test("a key is made and shown, and once the server has it the forward is tried and written down", async () => {
  const before = writeConfig(home);
  const port = await freePort();
  const refused = await run(port);
  assert.is(refused.code, 1);
  assert.match(refused.stderr, /hint: add this line to ~\/\.ssh\/authorized_keys there: restrict,/);
  assert.is(readFileSync(home.configPath, "utf8"), before);
  const key = join(home.dir, ".ssh", "coding-tools-mcp");
  assert.is(statSync(key).mode & 0o777, 0o600);
  const known = readFileSync(`${key}.known_hosts`, "utf8");
  const made = readFileSync(key, "utf8");

  addLine(refused.stderr);
  // The server's key is pinned by now, so that nobody has to confirm it.
  const { code, stderr } = await run(port, []);
  assert.is(code, 0, stderr);
  assert.is(readFileSync(key, "utf8"), made);
  assert.is(readFileSync(`${key}.known_hosts`, "utf8"), known);
  const uid = process.getuid?.() ?? 0;
  const { config } = loadConfig({ path: home.configPath, env: {}, home: home.dir, uid });
  assert.equal(config.tunnel, {
    provider: "ssh",
    program: undefined,
    destination: `${userInfo().username}@127.0.0.1`,
    port: server.port,
    remoteHost: "127.0.0.1",
    remotePort: port,
    identityFile: key,
    knownHostsFile: `${key}.known_hosts`,
  });
});

test("a server's key is taken by its fingerprint only: not unseen, not another one, not a changed one", async () => {
  writeConfig(home);
  const knownHosts = join(home.dir, ".ssh", "coding-tools-mcp.known_hosts");
  const port = await freePort();
  for (const more of [[], ["--fingerprint", `SHA256:${"A".repeat(43)}`]]) {
    const { code, stderr } = await run(port, more);
    assert.is(code, 1);
    assert.match(stderr, server.fingerprint);
    assert.not(existsSync(knownHosts));
  }
  addLine((await run(port)).stderr);
  const [name, type] = readFileSync(knownHosts, "utf8").split(" ");
  const [, other = ""] = readFileSync(join(home.dir, ".ssh", "coding-tools-mcp.pub"), "utf8").split(" ");
  writeFileSync(knownHosts, `${name} ${type} ${other}\n`);
  const changed = await run(port, []);
  assert.is(changed.code, 1);
  assert.match(changed.stderr, "Host key verification failed");
});

test("a connection that the owner has open already does not make up for the daemon's own key", async () => {
  writeConfig(home);
  const [control, own] = [join(home.dir, "control"), join(home.dir, "own")];
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", own]);
  writeFileSync(server.authorizedKeys, readFileSync(`${own}.pub`, "utf8"));
  const settings = join(home.dir, "ssh_config");
  writeFileSync(settings, `ControlMaster auto\nControlPath ${control}\n`);
  const env = addProgram(home, "ssh", `exec /usr/bin/ssh -F '${settings}' "$@"`);
  const hosts = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"].flatMap((it) => ["-o", it]);
  const login = ["-F", settings, "-N", ...hosts, "-i", own, "-p", String(server.port), "127.0.0.1"];
  const master = spawn("/usr/bin/ssh", login, { stdio: "ignore" });
  try {
    while (!existsSync(control)) await sleep(20);
    const more = ["--fingerprint", server.fingerprint];
    const refused = await ctl(home, [...argsFor(await freePort()), ...more], { env });
    assert.is(refused.code, 1, refused.stderr);
    assert.match(refused.stderr, "does not know the key yet");
  } finally {
    master.kill();
    await once(master, "exit");
  }
});

test("a port that is taken on the server, and a server that is not there", async () => {
  writeConfig(home);
  const holder = createServer().listen(0, "127.0.0.1");
  await once(holder, "listening");
  const { port } = holder.address() as AddressInfo;
  try {
    addLine((await run(port)).stderr);
    const taken = await run(port);
    assert.is(taken.code, 1);
    assert.match(taken.stderr, /hint: .*--remote-port\n$/);
  } finally {
    holder.close();
  }
  const nobody = ["--fingerprint", server.fingerprint, "--ssh-port", String(await freePort())];
  assert.match((await run(port, nobody)).stderr, "shows no ssh key");
});

test("on a terminal the owner confirms the server's key, and adds the daemon's while it waits", async () => {
  writeConfig(home);
  let shown = "";
  const port = await freePort();
  const ended = await onTerminal(home, argsFor(port), {
    answers: [
      { see: "are they those of your server? [y/N] ", type: "y\r" },
      {
        see: "is it there now? [y/N] ",
        type: "y\r",
        first: () => {
          shown = readFileSync(join(home.dir, ".ssh", "coding-tools-mcp.pub"), "utf8").trim();
          writeFileSync(
            server.authorizedKeys,
            `restrict,port-forwarding,permitlisten="127.0.0.1:${port}" ${shown}\n`,
          );
        },
      },
    ],
  });
  assert.is(ended.code, 0, ended.shown);
  assert.match(ended.shown, shown);
});

test("values that make no sense are refused before anything is run", async () => {
  writeConfig(home);
  for (const more of [
    ["--destination", "-oProxyCommand=x"],
    ["--ssh-port", "0"],
    ["--remote-port", "70000"],
  ]) {
    assert.is((await run(1, [...more, "--fingerprint", "x"])).code, 2, more[0]);
  }
  assert.not(existsSync(join(home.dir, ".ssh")));
});

test.run();
