import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../clock/clock.js";
import { commandEnvironment, type EnvironmentRules, withoutService } from "./environment.js";
import { resolveLoginPath } from "./login-path.js";

const base = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "login-")));
test.after(() => fs.rmSync(base, { recursive: true, force: true }));

const rules: EnvironmentRules = {
  inherit: "core",
  includeOnly: [],
  exclude: [],
  set: {},
  isSensitive: (name) => /token/i.test(name),
};
const own = {
  PATH: "/bin",
  LANG: "C.UTF-8",
  LC_ALL: "C",
  TERM: "xterm",
  HOME: "/home/me",
  EDITOR: "vi",
  API_TOKEN: "t0ken",
  NOTIFY_SOCKET: "/run/notify",
  LISTEN_FDS: "1",
  WATCHDOG_USEC: "1",
  CODING_TOOLS_MCP_AUTH_TOKEN: "secret",
  CTMCP_CONFIG: "/etc/x",
  GONE: undefined,
};

function names(change: Partial<EnvironmentRules>): string[] {
  return Object.keys(commandEnvironment(own, { ...rules, ...change })).sort();
}

test("commands inherit the core, everything harmless, or nothing", () => {
  assert.equal(names({}), ["LANG", "LC_ALL", "PATH", "TERM"]);
  assert.equal(names({ inherit: "all" }), ["EDITOR", "HOME", "LANG", "LC_ALL", "PATH", "TERM"]);
  assert.equal(names({ inherit: "none", set: { A: "1" } }), ["A"]);
});

test("include and exclude globs take any case, and hold in this order", () => {
  assert.equal(names({ inherit: "all", includeOnly: ["l*", "E?ITOR"], exclude: ["LC_*"] }), [
    "EDITOR",
    "LANG",
  ]);
  assert.equal(names({ includeOnly: ["a.*"] }), []);
});

test("the service manager's variables and our own reach no command, whatever the rules", () => {
  const env = commandEnvironment(own, {
    ...rules,
    inherit: "all",
    isSensitive: () => false,
    set: { NOTIFY_SOCKET: "/run/other", API_TOKEN: "wanted" },
  });
  assert.equal(
    Object.keys(env).filter((name) => /NOTIFY|LISTEN|WATCHDOG|CODING|CTMCP/.test(name)),
    [],
  );
  assert.is(env.API_TOKEN, "wanted");
  assert.equal(withoutService({ INVOCATION_ID: "x", JOURNAL_STREAM: "1:2", A: "b" }), { A: "b" });
});

/** A login shell: prints and does what `body` says before it runs its command. */
function shell(name: string, body: string): string {
  const path = join(base, name);
  fs.writeFileSync(path, `#!/bin/bash\n${body}\nshift 3\neval "$1"\n`, { mode: 0o755 });
  return path;
}

function resolve(path: string | undefined, timeoutMs = 20_000) {
  return resolveLoginPath({
    shell: path,
    env: { PATH: "/from/env:relative:/from/env", NOTIFY_SOCKET: "/run/n" },
    clock: systemClock,
    timeoutMs,
  });
}

test("the login shell's PATH is found among what its profile prints", async () => {
  const noisy = shell(
    "noisy",
    'echo "Welcome! PATH=/wrong"; echo "notify=$NOTIFY_SOCKET" >&2; PATH=/opt/node/bin:.:/bin:/bin',
  );
  assert.equal(await resolve(noisy), {
    path: "/opt/node/bin:/bin",
    source: "login shell",
    problem: undefined,
  });
});

test("a real bash reads its profile", async () => {
  const home = join(base, "home");
  fs.mkdirSync(home);
  fs.writeFileSync(join(home, ".bash_profile"), 'echo hello; export PATH="$HOME/tools:$PATH"\n');
  const found = await resolveLoginPath({
    shell: "/bin/bash",
    env: { HOME: home, PATH: "/usr/bin:/bin" },
    clock: systemClock,
  });
  assert.is(found.source, "login shell");
  assert.ok(found.path.startsWith(`${home}/tools:`), found.path);
});

test("programs of the profile come from the PATH that is told, not from ours", async () => {
  const planted = join(base, "planted");
  fs.mkdirSync(planted);
  const program = '#!/bin/sh\necho planted >> "$0.ran"\n';
  fs.writeFileSync(join(planted, "dircolors"), program, { mode: 0o755 });
  const asking = shell("asking", "dircolors > /dev/null 2>&1; PATH=/opt/own/bin:/bin");
  const ran = (): boolean => fs.existsSync(join(planted, "dircolors.ran"));
  for (const startPath of ["/usr/bin:/bin", ""]) {
    const env = { PATH: `${planted}:/usr/bin:/bin` };
    const { path } = await resolveLoginPath({ shell: asking, env, startPath, clock: systemClock });
    assert.is(path, "/opt/own/bin:/bin");
    assert.not.ok(ran());
  }
  await resolveLoginPath({ shell: asking, env: { PATH: `${planted}:/bin` }, clock: systemClock });
  assert.ok(ran(), "control: by our own PATH it runs");
});

test("without an answer it is our own PATH, and the reason is told", async () => {
  const broken = ["exit 3", "PATH=", "/usr/bin/head -c 3000000 /dev/zero"].map((body, index) =>
    shell(`broken${index}`, body),
  );
  for (const path of [...broken, undefined, "bash", join(base, "missing")]) {
    const { path: found, source, problem } = await resolve(path);
    assert.equal([found, source, typeof problem], ["/from/env", "environment", "string"]);
  }
});

test("a shell that hangs is killed with everything it started", async () => {
  const pids = join(base, "pids");
  fs.writeFileSync(pids, "");
  const hanging = shell(
    "hanging",
    `trap '' TERM HUP; echo $$ > ${pids}; sleep 600 & echo $! >> ${pids}; wait`,
  );
  const written = new Promise<void>((done) => {
    const watcher = fs.watch(pids, () => {
      if (fs.readFileSync(pids, "utf8").trim().split("\n").length < 2) return;
      watcher.close();
      done();
    });
  });
  let fire = (): void => undefined;
  const clock = {
    ...systemClock,
    after(_: number, run: () => void) {
      fire = run;
      return () => undefined;
    },
  };
  let ended: Promise<unknown> | undefined;
  const resolving = resolveLoginPath({
    shell: hanging,
    env: { PATH: "/bin" },
    clock,
    spawn: (...args) => {
      const child = spawn(...args);
      ended = new Promise((done) => child.once("exit", done));
      return child;
    },
  });
  await written;
  fire();
  assert.is((await resolving).source, "environment");
  await ended;
  // No event tells of the end of somebody else's child.
  for (const pid of fs.readFileSync(pids, "utf8").trim().split("\n")) {
    while (isRunning(pid)) await new Promise(setImmediate);
  }
});

function isRunning(pid: string): boolean {
  try {
    return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

test.run();
