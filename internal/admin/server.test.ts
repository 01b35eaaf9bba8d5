import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { connect, createServer as createNetServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ask, faultOf, makeBackend, makeDir } from "./admin.test.util.js";
import { type AdminServer, createAdminServer } from "./server.js";

const uid = process.getuid?.() ?? 0;

// Other processes of the tests below are this file run again.
if (process.argv[2] === "starter") await runStarter(process.argv[3] ?? "");
else if (process.argv[2] === "watcher") runWatcher(process.argv[3] ?? "");
else runTests();

function serve(socketPath: string): Promise<AdminServer> {
  return createAdminServer({ socketPath, uid, backend: makeBackend(), version: "1", onError: () => {} });
}

function runTests(): void {
  let dir = "";
  let path = "";
  test.before.each(() => {
    dir = makeDir();
    path = join(dir, "admin.sock");
  });
  test.after.each(() => rmSync(dir, { recursive: true }));

  test("makes a private directory and socket, and leaves nothing behind", async () => {
    const deep = join(dir, "run", "admin.sock");
    const umask = process.umask(0o022);
    const server = await serve(deep);
    assert.is(statSync(join(dir, "run")).mode & 0o777, 0o700);
    assert.is(lstatSync(deep).mode & 0o777, 0o600);
    assert.is(process.umask(umask), 0o022);
    assert.is((await ask({ socketPath: deep, path: "/v1/status" })).status, 200);
    await server.close();
    assert.equal(readdirSync(join(dir, "run")), []);
  });

  test("at no moment may anybody else open the socket", async () => {
    const modes = await watchModes(dir, async () => {
      const server = await serve(path);
      await server.close();
    });
    assert.equal([...modes], [0o600]);
  });

  test("control: the same watcher sees the open moment of a chmod that follows listen", async () => {
    const umask = process.umask(0o022);
    const modes = await watchModes(dir, async () => {
      const server = createServer().listen(path);
      await once(server, "listening");
      chmodSync(path, 0o600);
      await new Promise((closed) => server.close(closed));
    });
    process.umask(umask);
    assert.ok(modes.has(0o755), `modes seen: ${[...modes].map((mode) => mode.toString(8))}`);
  });

  test("refuses a directory that others can enter", async () => {
    chmodSync(dir, 0o755);
    assert.is((await faultOf(() => serve(path))).code, "PERMISSION");
  });

  test("a second server is refused with the pid of the first, which goes on", async () => {
    const server = await serve(path);
    const fault = await faultOf(() => serve(path));
    assert.is(fault.code, "ALREADY_RUNNING");
    assert.is(fault.details.pid, process.pid);
    assert.is((await ask({ socketPath: path, path: "/v1/status" })).status, 200);
    await server.close();
  });

  test("takes the place of a server that was killed", async () => {
    const first = await startChild(path);
    assert.is(first.outcome.code, "up");
    first.child.kill("SIGKILL");
    await once(first.child, "exit");
    assert.ok(existsSync(path));
    const server = await serve(path);
    assert.is((await ask({ socketPath: path, path: "/v1/status" })).status, 200);
    await server.close();
    assert.equal(readdirSync(dir), []);
  });

  test("does not push aside a live socket whose lock is gone, and gives its own lock back", async () => {
    const other = createNetServer().listen(path);
    await once(other, "listening");
    assert.is((await faultOf(() => serve(path))).code, "ALREADY_RUNNING");
    assert.equal(readdirSync(dir), ["admin.sock"]);
    await new Promise((closed) => other.close(closed));
  });

  test("does not remove what is no socket", async () => {
    writeFileSync(path, "mine");
    assert.is((await faultOf(() => serve(path))).code, "ADDRESS_IN_USE");
    assert.ok(lstatSync(path).isFile());
  });

  // Only root can give a file away.
  if (uid === 0) {
    test("does not remove a stale socket of somebody else", async () => {
      await leaveStaleSocket(path);
      chownSync(path, 65_534, 65_534);
      assert.is((await faultOf(() => serve(path))).code, "PERMISSION");
      assert.ok(existsSync(path));
    });
  }

  test("of several that start at once over a dead daemon's remains exactly one runs", async () => {
    const dead = spawnSync(process.execPath, ["--version"]).pid;
    for (let round = 0; round < 3; round += 1) {
      await leaveStaleSocket(path);
      symlinkSync(`${dead}@1`, `${path}.lock.1`);
      const starters = await Promise.all(Array.from({ length: 4 }, () => startChild(path)));
      const up = starters.filter(({ outcome }) => outcome.code === "up");
      assert.is(up.length, 1);
      for (const { outcome } of starters) {
        if (outcome.code !== "up") assert.equal(outcome, { code: "ALREADY_RUNNING", pid: up[0]?.child.pid });
      }
      assert.is((await ask({ socketPath: path, path: "/v1/status" })).status, 200);
      for (const { child } of starters) child.kill("SIGKILL");
      await Promise.all(
        starters.map(({ child }) => child.exitCode ?? child.signalCode ?? once(child, "exit")),
      );
    }
  });

  test("close leaves a socket alone that has taken its place", async () => {
    const server = await serve(path);
    rmSync(path);
    const other = createNetServer().listen(path);
    await once(other, "listening");
    await server.close();
    assert.ok(existsSync(path));
    await new Promise((closed) => other.close(closed));
  });

  test("control: a bare server's close removes whatever lies in its place", async () => {
    const bare = createNetServer().listen(path);
    await once(bare, "listening");
    renameSync(path, `${path}.old`);
    writeFileSync(path, "");
    await new Promise((closed) => bare.close(closed));
    assert.not(existsSync(path));
  });

  test("close waits for neither a silent connection nor a reader that does not read", async () => {
    const endless = async function* () {
      for (;;) yield { time: "t", level: "info" as const, message: "x".repeat(65_536) };
    };
    const backend = makeBackend({ logs: endless });
    const server = await createAdminServer({
      socketPath: path,
      uid,
      backend,
      version: "1",
      onError: () => {},
    });
    const silent = connect(path);
    const deaf = connect(path, () => deaf.write("GET /v1/logs HTTP/1.1\r\nHost: ctmcp.local\r\n\r\n"));
    await once(deaf, "readable");
    await server.close();
    assert.not(existsSync(path));
    for (const socket of [silent, deaf]) socket.on("error", () => {}).destroy();
  });

  test.run();
}

interface Started {
  readonly child: ChildProcess;
  readonly outcome: { readonly code: string; readonly pid?: number };
}

async function startChild(path: string): Promise<Started> {
  const child = fork(fileURLToPath(import.meta.url), ["starter", path]);
  const [outcome] = await once(child, "message");
  return { child, outcome: outcome as Started["outcome"] };
}

async function runStarter(path: string): Promise<void> {
  try {
    await serve(path);
    process.send?.({ code: "up" });
  } catch (error) {
    const { code, details } = error as { code: string; details?: { pid?: number } };
    process.send?.({ code, pid: details?.pid });
    process.disconnect();
  }
}

/** A socket that nobody listens on, as a killed process leaves it. */
async function leaveStaleSocket(path: string): Promise<void> {
  const server = createNetServer().listen(`${path}.live`);
  await once(server, "listening");
  renameSync(`${path}.live`, path);
  await new Promise((closed) => server.close(closed));
}

/** Every mode that any socket in `dir` was seen with while `act` was done again and again. */
async function watchModes(dir: string, act: () => Promise<void>): Promise<Set<number>> {
  const watcher = fork(fileURLToPath(import.meta.url), ["watcher", dir]);
  await once(watcher, "message");
  for (let i = 0; i < 300; i += 1) await act();
  const answer = once(watcher, "message");
  watcher.send("stop");
  const [modes] = await answer;
  return new Set(modes as number[]);
}

function runWatcher(dir: string): void {
  const modes = new Set<number>();
  let stopped = false;
  const look = (): void => {
    if (stopped) return;
    for (let i = 0; i < 100; i += 1) {
      for (const name of readdirSync(dir)) {
        const stat = lstatSync(join(dir, name), { throwIfNoEntry: false });
        if (stat?.isSocket()) modes.add(stat.mode & 0o777);
      }
    }
    setImmediate(look);
  };
  process.once("message", () => {
    stopped = true;
    process.send?.([...modes]);
    process.disconnect();
  });
  process.send?.("ready");
  look();
}
