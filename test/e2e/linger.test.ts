import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { makePlace, type Place } from "../support/place.js";
import { mainOf } from "../support/program.js";
import { type Ran, startUserManager, type UserManager } from "../support/user-manager.js";

/* No logind runs here: a program in its place remembers whether the user lingers, and what it was asked. */
let place: Place;
let manager: UserManager;
let lingers: string;
let asked: string;
const hint = "to keep it running: loginctl enable-linger";

test.before(async () => {
  place = makePlace();
  lingers = join(place.dir, "lingers");
  asked = join(place.dir, "asked");
  mkdirSync(join(place.dir, "bin"));
  const loginctl = `#!/bin/sh
echo "$*" >>'${asked}'
case $1 in
  show-user) cat '${lingers}' ;;
  enable-linger) echo yes >'${lingers}' ;;
esac
`;
  writeFileSync(join(place.dir, "bin", "loginctl"), loginctl, { mode: 0o755 });
  manager = await startUserManager(place.dir);
});
test.before.each(() => {
  writeFileSync(lingers, "no\n");
  writeFileSync(asked, "");
});
test.after(async () => {
  await manager.close();
  place.remove();
});

/** Runs a line in sh, with `ctmcpctl` for the command. */
function shell(line: string): Promise<Ran> {
  const ctmcpctl = `'${mainOf("ctmcpctl")}' --config '${place.configPath}'`;
  const path = [join(place.dir, "bin"), dirname(process.execPath), "/usr/bin", "/bin"].join(":");
  return manager.run("sh", ["-c", line.replace("ctmcpctl", ctmcpctl)], { PATH: path });
}

function lingersNow(): boolean {
  return readFileSync(lingers, "utf8") === "yes\n";
}

test("without a terminal it is told, not done", async () => {
  const { code, stdout, stderr } = await shell("ctmcpctl install --no-start --json");
  assert.is(code, 0, stderr);
  assert.is(JSON.parse(stdout).lingers, false);
  assert.match(stderr, hint);
  assert.not.ok(lingersNow());
});

test("--linger does it, once", async () => {
  for (const wanted of [1, 1]) {
    const { stdout, stderr } = await shell("ctmcpctl install --no-start --linger --json");
    assert.is(JSON.parse(stdout).lingers, true);
    assert.not.match(stderr, hint);
    assert.is(
      readFileSync(asked, "utf8")
        .split("\n")
        .filter((line) => line === "enable-linger").length,
      wanted,
    );
  }
  assert.ok(lingersNow());
});

for (const [answer, isDone] of [
  ["y", true],
  ["n", false],
] as const) {
  test(`on a terminal it is offered, and the answer ${answer} heeded`, async () => {
    const { code, stdout } = await shell(
      `echo ${answer} | script -qec "ctmcpctl install --no-start" /dev/null`,
    );
    assert.is(code, 0, stdout);
    assert.match(stdout, "Keep it running (loginctl enable-linger)? [y/N]");
    assert.is(stdout.includes(hint), !isDone);
    assert.is(lingersNow(), isDone);
  });
}

test("what fails is told like what was not done", async () => {
  const loginctl = join(place.dir, "bin", "loginctl");
  const text = readFileSync(loginctl, "utf8");
  writeFileSync(loginctl, text.replace(/enable-linger\) .*/, "enable-linger) exit 1 ;;"));
  const { code, stderr } = await shell("ctmcpctl install --no-start --linger");
  writeFileSync(loginctl, text);
  assert.is(code, 0);
  assert.match(stderr, hint);
});

test("uninstall leaves it as it is, and says so where it is on", async () => {
  const note = "to end that: loginctl disable-linger";
  assert.not.match((await shell("ctmcpctl uninstall")).stderr, note);
  writeFileSync(lingers, "yes\n");
  assert.match((await shell("ctmcpctl uninstall")).stderr, note);
  assert.ok(lingersNow());
});

test.run();
