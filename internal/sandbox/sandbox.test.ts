import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Fault } from "../errs/errs.js";
import { textOf } from "./output.js";
import { firstLine, makePlace } from "./sandbox.test.util.js";

process.env.CTMCP_TEST_CANARY = "canary";
const place = makePlace();
const { sandbox, at, policy, run } = place;
test.after(place.close);

test("every probe holds", async () => {
  assert.is(sandbox.status().level, "none");
  const { level, probes, reason } = await sandbox.selfTest();
  assert.equal(
    probes.filter(({ outcome }) => outcome !== "held"),
    [],
  );
  assert.ok(probes.length >= 10);
  assert.is(level, "strong");
  assert.is(reason, undefined);
  assert.is(sandbox.status().level, "strong");
});

test("output, input and exit code pass through, and the pipes can be opened by name", async () => {
  const { out, err, code, signal } = await run(
    "cat; echo named >/dev/stdout; echo error >/dev/stderr; tee /dev/stderr <<<both; exit 3",
    { input: "input\n" },
  );
  assert.equal([out, err, code, signal], ["input\nnamed\nboth\n", "error\nboth\n", 3, null]);
});

test("5 MB of output arrive whole", async () => {
  const { out } = await run("head -c 5000000 /dev/zero | tr '\\0' x");
  assert.is(out.length, 5_000_000);
});

test("a command sees its own variables and nothing of the daemon's", async () => {
  const { out } = await run("env; tr '\\0' '\\n' </proc/1/environ", { env: { GIVEN: "it's\n$(x)\\" } });
  assert.match(out, "GIVEN=it's\n$(x)\\\n");
  assert.match(out, "LANG=C.UTF-8");
  assert.match(out, `HOME=${at("home")}`);
  assert.not.match(out, "CANARY");
});

test("a command has no descriptors but its three", async () => {
  // The fourth is the listing's own.
  assert.is((await run("ls /proc/self/fd | tr '\\n' ' '")).out, "0 1 2 3 ");
  const terminal = await run("ls /proc/self/fd | tr '\\n' ' '", { tty: { cols: 80, rows: 24 } });
  assert.is(terminal.out, "0 1 2 3 ");
});

test("a shell error reads as from bash -c", async () => {
  assert.is((await run("absent-program")).err, "bash: line 1: absent-program: command not found\n");
});

test("each command is a process of its own, in its own directory", async () => {
  mkdirSync(at("root/sub dir"));
  const first = await run("pwd; left=over; cd /", { cwd: "sub dir" });
  assert.is(first.out, `${at("root/sub dir")}\n`);
  assert.is((await run('pwd; echo "$left"')).out, `${at("root")}\n\n`);
  assert.is((await run("true", { cwd: "absent" })).code, 126);
});

test("home, cache and /tmp last, and are the policy's own", async () => {
  await run("for d in ~ ~/.cache /tmp; do echo kept >$d/file; done");
  assert.is((await run("cat ~/file ~/.cache/file /tmp/file")).out, "kept\nkept\nkept\n");
  const other = policy({
    id: "b",
    home: at("state/b/home"),
    tmp: at("state/b/tmp"),
    cache: at("state/b/cache"),
  });
  assert.is((await run("ls ~ ~/.cache /tmp | grep file", { policy: other })).out, "");
  sandbox.retire("b");
});

test("many commands at once each get a sandbox", async () => {
  const results = await Promise.all(Array.from({ length: 20 }, (_, index) => run(`echo ${index}`)));
  assert.equal(
    results.map(({ out }) => out),
    results.map((_, index) => `${index}\n`),
  );
});

test("commands of one workspace meet on loopback, others and the host do not", async () => {
  const host = createServer((socket) => socket.end("host")).listen(0, "127.0.0.1");
  await new Promise((resolve) => host.once("listening", resolve));
  const { port } = host.address() as { port: number };
  const server = await sandbox.start(policy(), {
    cmd: `exec node -e 'require("net").createServer((s) => s.end("hello")).listen(${port}, "127.0.0.1", () => console.log("up"))'`,
    cwd: "",
    env: {},
    signal: new AbortController().signal,
  });
  await firstLine(server);
  const client = `exec 9<>/dev/tcp/127.0.0.1/${port} && cat <&9`;
  const other = policy({ id: "b" });
  assert.is((await run(client)).out, "hello");
  assert.match((await run(client, { policy: other })).err, "refused");
  // The control: with the host's network the same call reaches the host.
  assert.is((await run(client, { policy: policy({ id: "host", network: "host" }) })).out, "host");
  // A terminal is in the same network.
  assert.is((await run(client, { tty: { cols: 80, rows: 24 } })).out, "hello");
  for (const id of ["b", "host"]) sandbox.retire(id);
  server.kill("KILL");
  host.close();
});

test("a repository can be committed to, but not be made to run anything", async () => {
  const git = (...args: string[]): unknown => spawnSync("git", ["-C", at("root"), ...args]);
  git("init", "-q");
  git("config", "user.name", "A");
  git("config", "user.email", "a@example.com");
  const commit = await run(
    "echo text >file && git add file && git commit -qm message && git log --format=%s",
  );
  assert.is(commit.out, "message\n", commit.err);
  const attacks = [
    "mv .git away",
    "echo x >.git/hooks/pre-commit",
    "git config core.fsmonitor ./evil",
    "rm -rf .git/hooks",
  ];
  for (const attack of attacks) assert.is.not((await run(attack)).code, 0, attack);
  assert.not.match(readFileSync(at("root/.git/config"), "utf8"), "evil");
  assert.ok(existsSync(at("root/.git/hooks")));
});

test("a repository made by one command is pinned for the next", async () => {
  const root = at("fresh");
  mkdirSync(root);
  const fresh = policy({ id: "fresh", root });
  assert.is((await run("git init -q && echo x >.git/hooks/own", { policy: fresh })).code, 0);
  assert.is.not((await run("echo x >.git/hooks/own", { policy: fresh })).code, 0);
  sandbox.retire("fresh");
});

test("a read-only policy writes nothing in the workspace", async () => {
  const { code, err } = await run("touch new", { policy: policy({ id: "ro", readOnly: true }) });
  assert.is.not(code, 0);
  assert.match(err, "Read-only file system");
  sandbox.retire("ro");
});

test("masks hide, the more specific of two paths wins", async () => {
  for (const name of ["secret", "secret/open", "other"]) mkdirSync(at(name));
  for (const name of ["secret/file", "secret/open/file", "other/file"]) writeFileSync(at(name), "content");
  const given = policy({
    id: "masked",
    masks: [at("secret"), at("other/file")],
    read: [at("secret/open"), at("other")],
  });
  const { out } = await run(
    `cat ${at("secret/file")} ${at("other/file")} ${at("secret/open/file")}; echo x >${at("other/new")}`,
    { policy: given },
  );
  assert.is(out, "content");
  assert.not(existsSync(at("other/new")));
  sandbox.retire("masked");
});

test("what is hidden in the workspace stays so when a command moves the folders around it", async () => {
  mkdirSync(at("root/own/deep/state"), { recursive: true });
  mkdirSync(at("root/plain"));
  writeFileSync(at("root/own/deep/state/token"), "content");
  const masks = [at("root/own/deep/state")];
  const { out } = await run(
    "mv own away; mv own/deep own/away; mv plain moved; ls -d moved; echo x >own/deep/new",
    { policy: policy({ id: "moving", masks }) },
  );
  assert.is(out, "moved\n", "control: a folder around nothing hidden is moved");
  // A slot that started before the move would carry the mask along.
  assert.is((await run("cat */*/state/token", { policy: policy({ id: "moved", masks }) })).out, "");
  assert.is(readFileSync(at("root/own/deep/new"), "utf8"), "x\n");
  for (const id of ["moving", "moved"]) sandbox.retire(id);
});

test("a changed policy holds from the next command on; what runs goes on", async () => {
  const before = await sandbox.start(policy({ id: "c", env: { A: "1" } }), {
    cmd: 'read line; echo "$A $line"',
    cwd: "",
    env: {},
    signal: new AbortController().signal,
  });
  assert.is((await run("echo $A", { policy: policy({ id: "c", env: { A: "2" } }) })).out, "2\n");
  before.stdin.end("goes on\n");
  assert.is(await textOf(before.stdout), "1 goes on\n");
  sandbox.retire("c");
});

test("what cannot be a variable or a command is refused", async () => {
  for (const request of [{ env: { "a-b": "x" } }, { env: { A: "a\0b" } }]) {
    await run("true", request).then(
      () => assert.unreachable(),
      (error: Fault) => assert.is(error.code, "INVALID_ARGUMENT"),
    );
  }
});

test("a start ends with its signal", async () => {
  const reason = new Error("enough");
  const controller = new AbortController();
  const waiting = run("true", { signal: controller.signal, policy: policy({ id: "never" }) });
  controller.abort(reason);
  await waiting.then(
    () => assert.unreachable(),
    (error: unknown) => assert.is(error, reason),
  );
  sandbox.retire("never");
});

test.run();
