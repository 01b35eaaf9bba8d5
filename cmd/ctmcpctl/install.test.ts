import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ctl, type Home, makeHome } from "./ctl.test.util.js";

let home: Home;
test.before.each(() => {
  home = makeHome();
});
test.after.each(() => home.remove());

/** PATH of the unit that is written when the folder is served so. The manager is a stand-in that agrees to everything. */
async function unitPath(profile: string, PATH: readonly string[]): Promise<readonly string[]> {
  const bin = join(home.dir, "bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, "systemctl"), "#!/bin/sh\nexit 0\n", { mode: 0o755 });
  writeFileSync(join(bin, "loginctl"), "#!/bin/sh\necho yes\n", { mode: 0o755 });
  mkdirSync(dirname(home.configPath), { recursive: true });
  writeFileSync(home.configPath, `version: 1\nworkspaces: [{ path: ~/src, profile: ${profile} }]\n`);
  const env = { PATH: [...PATH, bin, "/usr/bin", "/bin"].join(":") };
  const { code, stderr } = await ctl(home, ["install", "--no-start"], { env });
  assert.is(code, 0, stderr);
  const unit = readFileSync(join(home.dir, ".config/systemd/user/coding-tools-mcp.service"), "utf8");
  const [, path = ""] = /^Environment="PATH=([^"]*)"$/m.exec(unit) ?? [];
  assert.ok(path.split(":").includes(bin), "what is nobody's stays");
  return path.split(":");
}

if (process.platform === "linux") {
  test("folders of PATH that clients may change do not get into the unit", async () => {
    const venv = join(home.folder, ".venv/bin");
    mkdirSync(venv, { recursive: true });
    const link = join(home.dir, "link");
    symlinkSync(venv, link);
    const control = await unitPath("read-only", [venv, link]);
    assert.equal(control.slice(0, 2), [venv, link], "control: of a folder that is only read they do");
    const path = await unitPath("full", [venv, link]);
    assert.not.ok(path.includes(venv) || path.includes(link), path.join(":"));
    assert.ok(path.includes("/usr/bin"));
  });
}

test.run();
