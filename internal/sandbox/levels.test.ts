/** What is left of confinement where parts of it are missing, and what that is called. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Fault } from "../errs/errs.js";
import { findPrograms } from "./machine.js";
import { firstLine, makePlace, processesWith, until } from "./sandbox.test.util.js";
import { levelOf } from "./self-test.js";
import type { Probe } from "./types.js";

const programs = findPrograms();
const directory = mkdtempSync(join(tmpdir(), "levels-"));
test.after(() => rmSync(directory, { recursive: true }));

/** A bwrap with other arguments than it was given, by a line of shell that changes them. */
function altered(name: string, change: string): string {
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/bash\n${change}\nexec ${programs.bwrap} "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}

async function refused(run: Promise<unknown>): Promise<Fault> {
  return run.then(
    () => assert.unreachable() as never,
    (error: Fault) => error,
  );
}

test("without bubblewrap there is no sandbox: commands are refused, and the reason says what to install", async () => {
  const place = makePlace({ programs: { ...programs, bwrap: undefined } });
  const { level, probes, reason } = await place.sandbox.selfTest();
  assert.equal([level, probes], ["none", []]);
  assert.match(reason ?? "", "install bubblewrap");
  const fault = await refused(place.run("true"));
  assert.is(fault.code, "SANDBOX_UNAVAILABLE");
  assert.match(fault.message, "install bubblewrap");
  await place.close();
});

test("a bubblewrap that fails is told with its own words", async () => {
  const bwrap = altered("failing", "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1");
  const place = makePlace({ programs: { ...programs, bwrap } });
  const { level, reason } = await place.sandbox.selfTest();
  assert.is(level, "none");
  assert.match(reason ?? "", "setting up uid map: Permission denied");
  await place.close();
});

test("with the minimum lowered to none, commands run as they are", async () => {
  const place = makePlace({ minimum: () => "none", programs: { ...programs, bwrap: undefined } });
  const { out, err, code } = await place.run(
    "pwd; echo $HOME; echo named >/dev/stdout; cat; echo e >&2; exit 3",
    {
      input: "in\n",
    },
  );
  const home = place.at("state/a/home");
  assert.equal([out, err, code], [`${place.at("root")}\n${home}\nnamed\nin\n`, "e\n", 3]);
  const terminal = await place.run("stty size", { tty: { cols: 70, rows: 20 } });
  assert.match(terminal.out, "20 70");
  // Signals reach the group, and the rest of the group ends with the command.
  const token = `97${process.pid}`;
  const command = await place.sandbox.start(place.policy(), {
    cmd: `trap 'exit 4' TERM; sleep ${token} & echo up; wait`,
    cwd: "",
    env: {},
    signal: new AbortController().signal,
  });
  await firstLine(command);
  command.kill("TERM");
  assert.is((await command.exit).code, 4);
  await until(() => processesWith(token).length === 0);
  await place.close();
});

test("without a filter for the architecture the level is namespaces", async () => {
  const place = makePlace({ arch: "mips", minimum: () => "namespaces" });
  const { level, probes, reason } = await place.sandbox.selfTest();
  assert.is(level, "namespaces");
  const open = probes.filter(({ outcome }) => outcome !== "held").map(({ name }) => name);
  assert.equal(open, ["system call filter"]);
  assert.match(reason ?? "", "mips");
  assert.is((await place.run("echo runs")).out, "runs\n");
  await place.close();
});

test("where a sandbox cannot be nested, each command has a loopback of its own and all else holds", async () => {
  const bwrap = altered(
    "flat",
    'case " $* " in *" --dev-bind / / "*) echo "bwrap: no nesting" >&2; exit 1 ;; esac',
  );
  const place = makePlace({ programs: { ...programs, bwrap } });
  const { level, probes } = await place.sandbox.selfTest();
  assert.equal(
    probes.filter(({ outcome }) => outcome !== "held"),
    [],
  );
  assert.is(level, "strong");
  assert.is(
    (await place.run("grep -c : /proc/net/dev; grep Seccomp: /proc/self/status")).out,
    "1\nSeccomp:\t2\n",
  );
  assert.is((await place.run("tty >/dev/null && echo on", { tty: { cols: 80, rows: 24 } })).out, "on\r\n");
  await place.close();
});

test("a bubblewrap that leaves something out is found out", async () => {
  const drop = (option: string): string =>
    `args=(); for a in "$@"; do [ "$a" = ${option} ] || args+=("$a"); done; set -- "\${args[@]}"`;
  const place = makePlace({ programs: { ...programs, bwrap: altered("shared-net", drop("--unshare-net")) } });
  const { level, reason } = await place.sandbox.selfTest();
  assert.is(level, "filesystem-only");
  assert.match(reason ?? "", "daemon's port");
  assert.is((await refused(place.run("true"))).code, "SANDBOX_UNAVAILABLE");
  await place.close();
});

test("a probe that could not be tried proves nothing", () => {
  const probe = (name: string, outcome: Probe["outcome"]): Probe => ({ name, outcome, detail: "" });
  assert.is(levelOf([probe("environment", "held"), probe("hidden files", "held")]), "strong");
  assert.is(levelOf([probe("environment", "error"), probe("hidden files", "held")]), "filesystem-only");
  assert.is(levelOf([probe("environment", "held"), probe("hidden files", "error")]), "none");
});

test("toolchains below the home directory run, their credentials are hidden", async () => {
  const place = makePlace();
  const home = place.at("home");
  spawnSync("mkdir", ["-p", `${home}/.cargo/bin`, `${home}/.rustup`, `${home}/bin`, `${home}/.ssh`]);
  for (const name of [".cargo/bin/tool", "bin/own"]) {
    writeFileSync(join(home, name), "#!/bin/sh\necho ran $0\n", { mode: 0o755 });
  }
  for (const name of [".cargo/credentials.toml", ".rustup/settings", ".ssh/id", "private"]) {
    writeFileSync(join(home, name), "content\n");
  }
  const path = `${home}/.cargo/bin:${home}/bin:/usr/bin:/bin`;
  const { out } = await place.run(
    "tool; own; cat ~/.rustup/settings ~/.cargo/credentials.toml; ls -A ~ | tr '\\n' ' '",
    {
      policy: place.policy({ path }),
    },
  );
  assert.is(out, `ran ${home}/.cargo/bin/tool\nran ${home}/bin/own\ncontent\n.cache .cargo .rustup bin `);
  assert.is.not((await place.run("echo x >~/.cargo/bin/tool", { policy: place.policy({ path }) })).code, 0);
  await place.close();
});

test("a worktree can be committed to; a pointer that its repository does not confirm opens nothing", async () => {
  const place = makePlace();
  const git = (...args: string[]): void => {
    const { status, stderr } = spawnSync("git", args, { encoding: "utf8" });
    assert.is(status, 0, stderr);
  };
  const main = place.at("home/main");
  const root = place.at("tree");
  git("init", "-q", main);
  for (const [key, value] of [
    ["user.name", "A"],
    ["user.email", "a@example.com"],
  ] as const) {
    git("-C", main, "config", key, value);
  }
  git("-C", main, "commit", "-q", "--allow-empty", "-m", "first");
  git("-C", main, "worktree", "add", "-q", root);
  const policy = place.policy({ id: "tree", root });
  const commit = await place.run("git commit -q --allow-empty -m second && git log --format=%s", { policy });
  assert.is(commit.out, "second\nfirst\n", commit.err);
  assert.is.not((await place.run("git config core.fsmonitor ./evil", { policy })).code, 0);
  assert.is.not((await place.run("echo x >.git", { policy })).code, 0);
  // The same pointer from elsewhere.
  writeFileSync(place.at("root/.git"), `gitdir: ${main}/.git/worktrees/tree\n`);
  assert.is.not((await place.run("git log")).code, 0);
  await place.close();
});

test.run();
