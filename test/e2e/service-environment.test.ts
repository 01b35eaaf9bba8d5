// time limit: 180 s
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mainOf } from "../support/program.js";
import { type Ran, startUserManager, type UserManager } from "../support/user-manager.js";

/* What a shell has and a service has not, and the other way round. */
let home: string;
let manager: UserManager;
const unit = "coding-tools-mcp.service";

test.before(async () => {
  home = realpathSync(mkdtempSync(join(tmpdir(), "ctmcp-env-")));
  mkdirSync(join(home, "app"));
  manager = await startUserManager(home);
});
test.after.each(async () => {
  await ctl(["uninstall", "--purge"]);
  rmSync(join(home, ".config"), { recursive: true, force: true });
});
test.after(async () => {
  await manager.close();
  rmSync(home, { recursive: true, force: true });
});

function ctl(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  return manager.run(
    process.execPath,
    [mainOf("ctmcpctl"), "--config", join(home, "config.yaml"), ...args],
    env,
  );
}

function configure(more = ""): void {
  const text = `version: 1\nlisten: 127.0.0.1:0\nworkspaces: [{ path: app }]\n${more}`;
  writeFileSync(join(home, "config.yaml"), text, { mode: 0o600 });
}

/** Drops a file beside the unit, where `systemctl edit` would. */
function drop(settings: string): void {
  const folder = join(home, ".config", "systemd", "user", `${unit}.d`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "mine.conf"), `[Service]\n${settings}\n`);
}

test("the service keeps its state where the shell that installed it says", async () => {
  configure();
  const env = { XDG_STATE_HOME: join(home, "states") };
  const { code, stderr } = await ctl(["install"], env);
  assert.is(code, 0, stderr);
  assert.ok(existsSync(join(home, "states", "coding-tools-mcp", "bearer-token")));
  assert.not.ok(existsSync(join(home, ".local", "state", "coding-tools-mcp")));
  const { stdout } = await ctl(["uninstall", "--purge"], env);
  assert.match(stdout, `removed ${join(home, "states", "coding-tools-mcp")}`);
});

test("the unit lies where the manager looks, whatever the shell's XDG_CONFIG_HOME", async () => {
  configure();
  const env = { XDG_CONFIG_HOME: join(home, "configs") };
  const { code, stdout, stderr } = await ctl(["install"], env);
  assert.is(code, 0, stderr);
  assert.match(stdout, `wrote ${join(home, ".config", "systemd", "user", unit)}\n`);
  assert.is(await manager.show("ActiveState"), "active");
  assert.match((await ctl(["doctor", "--json"], env)).stdout, "service: installed, active");
  const gone = await ctl(["uninstall"], env);
  assert.match(gone.stdout, `removed ${join(home, ".config", "systemd", "user", unit)}\n`);
  assert.is(await manager.show("LoadState"), "not-found");
});

test("a variable that only the shell has is named before anything is started or ended", async () => {
  configure();
  assert.is((await ctl(["install"])).code, 0);
  const pid = await manager.show("MainPID");
  configure(`state_dir: "\${env:MY_STATE}/kept"\n`);
  const env = { MY_STATE: home };
  assert.is((await ctl(["config", "check"], env)).code, 0);
  const { code, stderr } = await ctl(["install"], env);
  assert.is(code, 78);
  assert.match(stderr, /state_dir needs the environment variable MY_STATE, which is not set/);
  assert.match(stderr, /hint: .*systemctl --user edit coding-tools-mcp.*Environment=.*LoadCredential=/);
  assert.is(await manager.show("MainPID"), pid);
});

const sources: Readonly<Record<string, () => Promise<void>>> = {
  "a drop-in": async () => drop(`Environment="MY_STATE=${home}"`),
  "a file of a drop-in": async () => {
    writeFileSync(join(home, "variables"), `MY_STATE="${home}"\n`);
    drop(`EnvironmentFile=${home}/variables`);
  },
  "the manager": async () => {
    assert.is((await manager.systemctl("set-environment", `MY_STATE=${home}`)).code, 0);
  },
};
for (const [source, give] of Object.entries(sources)) {
  test(`a variable that the service has from ${source} will do`, async () => {
    configure(`state_dir: "\${env:MY_STATE}/kept"\n`);
    await give();
    const given = source === "a file of a drop-in" ? { MY_STATE: home } : {};
    // The drop-in of a unit that is not there yet is not known to the manager: the shell has it, too, the first time.
    const { code, stderr } = await ctl(["install"], source === "the manager" ? {} : { MY_STATE: home });
    assert.is(code, 0, stderr);
    const again = await ctl(["install"], given);
    assert.is(again.code, 0, again.stderr);
    assert.is(await manager.show("ActiveState"), "active");
    assert.ok(existsSync(join(home, "kept", "bearer-token")));
    await manager.systemctl("unset-environment", "MY_STATE");
  });
}

test.run();
