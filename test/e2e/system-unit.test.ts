// time limit: 180 s
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { call } from "../support/rpc.js";
import { lastingPort } from "../support/sign-in.js";
import { type Ran, startUserManager, type UserManager } from "../support/user-manager.js";

/*
 * A unit of the whole machine as root installs it for somebody, under a real manager: one of root's own, which can start
 * services as other users and change mounts just as that of the machine, but never touches the machine itself.
 */
const checkout = fileURLToPath(new URL("../../..", import.meta.url));
const uid = 4242;
const program = "/run/ctmcp/dist/bin/ctmcpctl.cjs";
const unitFile = "/etc/systemd/system/coding-tools-mcp.service";
let home: string;
let ann: string;
let manager: UserManager;
let port: number;
/** What the daemon says. */
let log: string;

test.before(async () => {
  home = realpathSync(mkdtempSync(join(tmpdir(), "ctmcp-unit-")));
  ann = join(home, "ann");
  log = join(home, "log");
  port = await lastingPort();
  manager = await startUserManager(home);
  await sh(`chmod 755 "$HOME" && chmod 711 /run/user/0 && chmod 777 /run/user/0/systemd/notify
    for folder in /etc/systemd/system /etc/systemd/user; do mkdir -p $folder; mount -t tmpfs tmpfs $folder; done
    mount --bind /etc/systemd/system /etc/systemd/user
    mkdir /run/ctmcp /run/bin && mount --bind '${checkout}' /run/ctmcp
    cp /etc/passwd /run/passwd && echo 'ann:x:${uid}:${uid}::${ann}:/bin/bash' >>/run/passwd && mount --bind /run/passwd /etc/passwd
    printf '#!/bin/sh\\nexec /bin/systemctl --user "$@"\\n' >/run/bin/systemctl && chmod 755 /run/bin/systemctl
    touch ${log} && mkdir ${unitFile}.d && printf '[Service]\\nStandardError=append:${log}\\n' >${unitFile}.d/log.conf`);
  for (const folder of ["", ".config", "app", "bin"]) mkdirSync(join(ann, folder));
  write(".bash_profile", 'PATH="$HOME/bin:$PATH"\n');
  write("app/hello.txt", "hello from ann\n");
  configure();
  await sh(`chown -R ${uid}:${uid} '${ann}' && chmod 700 '${ann}'
    setpriv --reuid ${uid} --regid ${uid} --clear-groups git init -q '${ann}/app'`);
});
test.after(async () => {
  await manager.close();
  rmSync(home, { recursive: true, force: true });
});

/** A file of hers that nobody else can read. */
function write(name: string, text: string): void {
  const path = join(ann, name);
  writeFileSync(path, text, { mode: 0o600 });
  chownSync(path, uid, uid);
}

function configure(more = ""): void {
  const served = "workspaces: [{ id: app, path: ~/app }]";
  write(".config/coding-tools-mcp.yaml", `version: 1\nlisten: 127.0.0.1:${port}\n${served}\n${more}`);
}

async function sh(script: string, env?: Readonly<Record<string, string>>): Promise<Ran> {
  const ran = await manager.run("sh", ["-ec", script], env);
  assert.is(ran.code, 0, `${script}\n${ran.stdout}${ran.stderr}`);
  return ran;
}

/** Root with a home, a PATH and variables of its own. */
function ctl(args: readonly string[], node = process.execPath): Promise<Ran> {
  const env = {
    PATH: `/run/bin:${home}/roots-bin:${process.env.PATH}`,
    XDG_STATE_HOME: join(home, "roots-state"),
    ROOTS_OWN: join(home, "roots-own"),
  };
  return manager.run(node, [program, ...args], env);
}

async function install(...flags: readonly string[]): Promise<Ran> {
  const ran = await ctl(["install", "--system", ...flags]);
  assert.is(ran.code, 0, `${ran.stderr}${readFileSync(log, "utf8")}`);
  return ran;
}

/** Drops a file beside the unit, as `systemctl edit` does, and starts it anew; the next one replaces it. */
async function edit(settings: string): Promise<void> {
  await sh(`printf '[Service]\\n${settings}\\n' >${unitFile}.d/test.conf
    /run/bin/systemctl daemon-reload && /run/bin/systemctl restart coding-tools-mcp || { cat ${log}; exit 1; }`);
}

async function token(): Promise<string> {
  return (await sh(`cat "$HOME"/.config/coding-tools-mcp/bearer-token`)).stdout.trim();
}

async function tool(name: string, args: object = {}, bearer?: string): ReturnType<typeof call> {
  return call({ url: `http://127.0.0.1:${port}/mcp`, token: bearer ?? (await token()) }, name, args);
}

async function warnings(): Promise<readonly string[]> {
  const { stdout } = await ctl(["--socket", "/run/user/0/coding-tools-mcp/admin.sock", "status", "--json"]);
  return JSON.parse(stdout).warnings.map((warning: { code: string }) => warning.code);
}

test("control: to root itself, ann's config is somebody else's", async () => {
  const { code, stderr } = await ctl([
    "--config",
    join(ann, ".config/coding-tools-mcp.yaml"),
    "config",
    "check",
  ]);
  assert.is(code, 77, stderr);
});

test("installed for ann it runs as her, with her config, her home and her PATH", async () => {
  await install("--user", "ann");
  const unit = (await sh(`cat ${unitFile}`)).stdout;
  assert.match(unit, `"--config" "${ann}/.config/coding-tools-mcp.yaml"`);
  assert.match(unit, `\nEnvironment="PATH=${ann}/bin:`);
  assert.not.match(unit, "roots-");
  const pid = await manager.show("MainPID");
  assert.match((await sh(`ps -o uid= -p ${pid}`)).stdout, String(uid));
  assert.match((await tool("read_file", { path: "hello.txt" })).structuredContent.content, "hello from ann");
});

test("a node that ann cannot run is told at once, and a user that is not there", async () => {
  await sh(
    `mkdir -m 700 /run/closed && touch /run/closed/node && mount --bind '${process.execPath}' /run/closed/node`,
  );
  const { code, stderr } = await ctl(["install", "--system", "--user", "ann"], "/run/closed/node");
  assert.is(code, 1);
  assert.match(stderr, "error: ann cannot run /run/closed/node\n");
  const nobody = await ctl(["install", "--system", "--user", "no-such-user"]);
  assert.is(nobody.code, 2);
  assert.match(nobody.stderr, "there is no user no-such-user");
});

test("what only root's shell has is not ann's", async () => {
  const pid = await manager.show("MainPID");
  configure(`state_dir: "\${env:ROOTS_OWN}"\n`);
  const { code, stderr } = await ctl(["install", "--system", "--user", "ann"]);
  assert.is(code, 78);
  assert.match(
    stderr,
    /ROOTS_OWN, which is not set(?:.|\n)*hint: .*systemctl edit .*ctmcpctl install --system/,
  );
  assert.is(await manager.show("MainPID"), pid);
  configure();
});

test("ann cannot add or take away a service of her own beside it by mistake", async () => {
  for (const verb of ["install", "uninstall"]) {
    const as = [
      "--reuid",
      String(uid),
      "--regid",
      String(uid),
      "--clear-groups",
      process.execPath,
      program,
      verb,
    ];
    const { code, stderr } = await manager.run("setpriv", as, { HOME: ann, PATH: process.env.PATH ?? "" });
    assert.is(code, 2, stderr);
    assert.match(stderr, /you have a service of the whole machine(?:.|\n)*ctmcpctl install --system/);
  }
  await sh(
    `mkdir -p '${ann}/.config/systemd/user' && touch '${ann}/.config/systemd/user/coding-tools-mcp.service'`,
  );
  const { code, stderr } = await ctl(["install", "--system"]);
  assert.is(code, 2);
  assert.match(stderr, "ann has a service of their own");
  await sh(`rm -r '${ann}/.config/systemd'`);
});

test("with the stricter settings git works; an upgrade keeps them, the user and the config", async () => {
  await install("--read-only");
  const settings = (await sh(`cat ${unitFile}.d/readonly.conf`)).stdout;
  assert.match(settings, "\nProtectSystem=strict\n");
  assert.not.match(settings, /^ProtectKernel(?:Tunables|Logs)=/m);
  const { structuredContent } = await tool("git_status");
  assert.ok(structuredContent.ok, JSON.stringify(structuredContent));
  assert.equal(await warnings(), []);
  const written = (await sh(`cat ${unitFile} ${unitFile}.d/readonly.conf`)).stdout;
  await install();
  assert.is((await sh(`cat ${unitFile} ${unitFile}.d/readonly.conf`)).stdout, written);
});

test("control: a /proc with something mounted over it takes git its sandbox, which is told though nobody may run commands", async () => {
  await install("--no-read-only");
  // What ProtectKernelTunables and ProtectKernelLogs come to.
  await sh("mount --bind /dev/null /proc/kallsyms");
  await edit("");
  const { structuredContent } = await tool("git_status");
  assert.is(structuredContent.error?.code, "SANDBOX_UNAVAILABLE", JSON.stringify(structuredContent));
  // Told by the self-test at the start, which may end after the call's own.
  while (!(await warnings()).includes("SANDBOX_TOO_WEAK")) await setTimeout(50);
  await sh("umount /proc/kallsyms");
  await edit("");
  assert.is((await manager.run("test", ["-e", `${unitFile}.d/readonly.conf`])).code, 1);
});

test("a credential is ann's to read, also when the file is root's and an access control list lets her", async () => {
  const text = "a-token-from-systemd-for-ann";
  // systemd gives the file away where its file system knows no lists, and else grants reading by one, as is done here by hand.
  const acl = `2, 1,4,0xffffffff, 2,4,${uid}, 4,0,0xffffffff, 16,4,0xffffffff, 32,0,0xffffffff`;
  const grant = `import os,struct; os.setxattr("/run/granted/t", "system.posix_acl_access", struct.pack("<I"+"HHI"*5, ${acl}))`;
  await sh(`mount --make-shared /run
    printf ${text} >"$HOME/secret" && chmod 600 "$HOME/secret"
    mkdir /run/granted && cp "$HOME/secret" /run/granted/t && python3 -c '${grant}'`);
  assert.is((await sh("stat -c '%a %u' /run/granted/t")).stdout, "440 0\n");
  configure(`auth: { token: "\${credential:t}" }\n`);
  for (const settings of [
    `LoadCredential=t:${home}/secret`,
    "Environment=CREDENTIALS_DIRECTORY=/run/granted",
  ]) {
    await edit(settings);
    const { structuredContent } = await tool("read_file", { path: "hello.txt" }, text);
    assert.match(structuredContent.content, "hello from ann");
  }
  configure();
  await edit("");
});

test("the unit's settings keep commands from gaining rights, and a drop-in ends that", async () => {
  const gains = async (): Promise<string> =>
    (await sh(`grep NoNewPrivs /proc/${await manager.show("MainPID")}/status`)).stdout.trim();
  assert.is(await gains(), "NoNewPrivs:\t1");
  const [, lines = ""] =
    /```ini\n# sudo outside the sandbox\n(.*?)```/s.exec(
      readFileSync(join(checkout, "docs/operations.md"), "utf8"),
    ) ?? [];
  await edit(lines.trim().split("\n").slice(1).join("\\n"));
  assert.is(await gains(), "NoNewPrivs:\t0");
  await edit("");
});

test("taken away with what it kept", async () => {
  const { code, stdout } = await ctl(["uninstall", "--system", "--purge"]);
  assert.is(code, 0);
  assert.match(stdout, `removed ${unitFile}\n`);
  assert.is(await manager.show("ActiveState"), "inactive");
  assert.is(dirname(ann), home);
});

test.run();
