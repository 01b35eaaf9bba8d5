// time limit: 150 s
import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { type AddressInfo, Socket } from "node:net";
import { dirname, join } from "node:path";
import { Client as Client2, StreamableHTTPClientTransport as Http2 } from "@modelcontextprotocol/client";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as Http1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type DaemonProcess, withDaemonProcess } from "../support/daemon-process.js";
import type { Json } from "../support/mcp-harness.js";
import { mainOf, startProgram } from "../support/program.js";
import { call, type Endpoint, get } from "../support/rpc.js";

const require = createRequire(import.meta.url);
const info = { name: "e2e", version: "1.0.0" };
const app = { id: "app", path: "app", profile: "full" };
const docs = { id: "docs", path: "docs", profile: "full" };
const safe = { workspaces: [app], exec: { permission_mode: "safe" } };
const trusted = { workspaces: [app], exec: { permission_mode: "trusted" } };

interface Connected {
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<Json>;
  close(): Promise<void>;
}

/** Client libraries that others wrote, one for each era of the protocol. */
const clients: Readonly<Record<string, (endpoint: Endpoint) => Promise<Connected>>> = {
  async "SDK 1.x"({ url, token }) {
    const client = new Client1(info);
    const requestInit = { headers: { Authorization: `Bearer ${token}` } };
    await client.connect(new Http1(new URL(url), { requestInit }) as Transport);
    return client;
  },
  async "client 2.x, auto"({ url, token }) {
    const client = new Client2(info, { versionNegotiation: { mode: "auto" } });
    const requestInit = { headers: { Authorization: `Bearer ${token}` } };
    await client.connect(new Http2(new URL(url), { requestInit }));
    assert.is(client.getProtocolEra(), "modern");
    return client;
  },
};

function git(folder: string, ...args: string[]): string {
  const env = { PATH: process.env.PATH, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
  return execFileSync("git", ["-C", folder, ...args], { env, encoding: "utf8" });
}

const errorsTest = `const { test } = require("node:test");
const assert = require("node:assert");
const { dequal } = require("..");

test("errors differ by their message", () => {
  assert.ok(dequal(new Error("one"), new Error("one")));
  assert.ok(!dequal(new Error("one"), new Error("two")));
  assert.ok(!dequal(new TypeError("one"), new TypeError("two")), "type errors are errors too");
});
`;

/** Makes `folder` a repository of a package that somebody else wrote, with a test that shows a fault it has. */
function clone(folder: string): void {
  cpSync(dirname(require.resolve("dequal/package.json")), folder, { recursive: true });
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const scripts = { test: "node --test" };
  writeFileSync(join(folder, "package.json"), `${JSON.stringify({ ...manifest, scripts }, undefined, 2)}\n`);
  mkdirSync(join(folder, "test"));
  writeFileSync(join(folder, "test", "errors.js"), errorsTest);
  git(folder, "init", "-q", "-b", "main");
  git(folder, "add", "-A");
  git(folder, "-c", "user.name=Owner", "-c", "user.email=owner@example.com", "commit", "-qm", "Import");
}

function update(path: string, ...lines: string[]): { patch: string } {
  return { patch: ["*** Begin Patch", `*** Update File: ${path}`, ...lines, "*** End Patch"].join("\n") };
}

/** Finds a fault, mends it wrongly, reads why the test fails, mends it, and commits. */
async function mend(client: Connected, folder: string): Promise<void> {
  const ask = async (name: string, args: Record<string, unknown>): Promise<Json> => {
    const { structuredContent } = await client.callTool({ name, arguments: args });
    assert.is(structuredContent.ok, true, JSON.stringify(structuredContent));
    return structuredContent;
  };
  const path = "dist/index.js";
  const regexp = "\t\tif (ctor === RegExp) return foo.toString() === bar.toString();";
  const wrong = "\t\tif (ctor === Error) return foo.message === bar.message;";
  const right = "\t\tif (foo instanceof Error) return foo.message === bar.message;";

  const found = await ask("search_text", { query: "ctor === RegExp", path: "dist", glob: "*.js" });
  assert.equal(
    found.matches.map((match: Json) => match.path),
    [path],
  );
  const read = await ask("read_file", { path });
  assert.is(read.content, readFileSync(join(folder, path), "utf8"));

  await ask("apply_patch", update(path, "@@", ` ${regexp}`, `+${wrong}`));
  const failed = await ask("exec_command", { cmd: "npm test", yield_time_ms: 45_000 });
  assert.is(failed.exit_code, 1);
  assert.match(failed.stdout, "type errors are errors too");

  await ask("apply_patch", update(path, "@@", `-${wrong}`, `+${right}`));
  const passed = await ask("exec_command", { cmd: "npm test", yield_time_ms: 45_000 });
  assert.is(passed.exit_code, 0, passed.stdout);
  assert.match(passed.stdout, /^# pass 1$/m);

  const status = await ask("git_status", {});
  assert.equal(
    status.entries.map((entry: Json) => [entry.path, entry.index_status, entry.worktree_status]),
    [[path, " ", "M"]],
  );
  const { diff } = await ask("git_diff", {});
  const changes = diff.split("\n").filter((line: string) => /^[+-](?!\+\+|--)/.test(line));
  assert.equal(changes, [`+${right}`]);

  const identity = "git -c user.name=Agent -c user.email=agent@example.com";
  const commit = await ask("exec_command", { cmd: `${identity} commit -qam 'Compare errors by message'` });
  assert.is(commit.exit_code, 0, commit.stderr);
  const { commits } = await ask("git_log", {});
  assert.equal(
    commits.map((entry: Json) => [entry.author_name, entry.subject]),
    [
      ["Agent", "Compare errors by message"],
      ["Owner", "Import"],
    ],
  );
  assert.is((await ask("git_status", {})).clean, true);
  assert.is(git(folder, "show", "--format=%an", "--name-only"), `Agent\n\n${path}\n`);
}

for (const [name, connect] of Object.entries(clients)) {
  test(`${name} mends a package in a sandbox`, async () => {
    await withDaemonProcess(safe, async (daemon) => {
      clone(daemon.app);
      const client = await connect(daemon.endpoint);
      await mend(client, daemon.app).finally(() => client.close());
      assert.equal([(await daemon.stop()).code, daemon.program.stderr().includes('"error"')], [0, false]);
    });
  });
}

/** Runs a command to its end, or until `more.wait_for`. */
async function execute({ endpoint }: DaemonProcess, cmd: string, more: Json = {}): Promise<Json> {
  const { structuredContent } = await call(endpoint, "exec_command", {
    cmd,
    yield_time_ms: 45_000,
    workspace: "app",
    ...more,
  });
  return structuredContent;
}

async function output(daemon: DaemonProcess, cmd: string): Promise<string> {
  const { exit_code, stdout, stderr } = await execute(daemon, cmd);
  assert.is(exit_code, 0, `${cmd}: ${stderr}`);
  return stdout;
}

test("make, python and what they leave behind work in the sandbox", async () => {
  await withDaemonProcess(trusted, async (daemon) => {
    const files: Readonly<Record<string, string>> = {
      "main.c": '#include <stdio.h>\nint main(void) { return puts("built") < 0; }\n',
      Makefile: "run: main\n\t./main\nmain: main.c\n\t$(CC) -o $@ $<\n",
      "test_sum.py":
        "import unittest\n\nclass Sum(unittest.TestCase):\n    def test_sum(self):\n        self.assertEqual(sum([1, 2]), 3)\n",
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(daemon.app, name), text);
    assert.match(await output(daemon, "make run"), /^built$/m);
    const tested = await execute(daemon, "python3 -m unittest");
    assert.equal([tested.exit_code, /Ran 1 test/.test(tested.stderr)], [0, true], tested.stderr);

    await output(daemon, "echo home > $HOME/kept; echo temporary > /tmp/kept");
    assert.is(await output(daemon, "cat $HOME/kept /tmp/kept"), "home\ntemporary\n");

    // What they print of a hidden file is nothing, whether it seems empty or missing.
    const { dir, configPath, app: project } = daemon;
    const read = (path: string): string => `python3 -c 'print(open("${path}").read(), end="")'`;
    for (const path of [configPath, join(dir, "state", "bearer-token")]) {
      assert.ok(readFileSync(path, "utf8").length > 0);
      assert.is((await execute(daemon, read(path))).stdout, "", path);
    }
    assert.is(await output(daemon, read(join(project, "hello.txt"))), "hello from app\n");
  });
});

test("commands reach each other on loopback, and neither the daemon nor the outside", async () => {
  const outside = createServer((_req, res) => res.end("outside"));
  await once(outside.listen(0, "127.0.0.1"), "listening");
  try {
    await withDaemonProcess(trusted, async (daemon) => {
      const serve = "python3 -u -m http.server 8123 --bind 127.0.0.1";
      const server = await execute(daemon, serve, { wait_for: "Serving HTTP" });
      assert.is(server.status, "running", JSON.stringify(server));
      const fetched = await output(daemon, "curl -sS http://127.0.0.1:8123/hello.txt");
      assert.is(fetched, readFileSync(join(daemon.app, "hello.txt"), "utf8"));

      const others = [
        new URL("/healthz", daemon.endpoint.url).href,
        `http://127.0.0.1:${(outside.address() as AddressInfo).port}/`,
      ];
      const reached = (): Promise<number[]> =>
        Promise.all(others.map(async (url) => (await execute(daemon, `curl -sS ${url}`)).exit_code));
      assert.is((await get(daemon.endpoint, "/healthz")).status, 200);
      const couldNotConnect = 7;
      assert.equal(await reached(), [couldNotConnect, couldNotConnect]);

      // The same commands where the owner gives them the network.
      daemon.configure({ ...trusted, exec: { ...trusted.exec, sandbox: { network: "host" } } });
      await daemon.program.until("stderr", /"configuration applied"/);
      assert.equal(await reached(), [0, 0]);
    });
  } finally {
    outside.close();
  }
});

/** Runs ctmcpctl on the daemon's place and returns its JSON. */
async function ctl({ configPath, dir }: DaemonProcess, ...args: string[]): Promise<Json> {
  const options = { args: [...args, "--json", "--config", configPath], env: { HOME: dir } };
  const program = startProgram(mainOf("ctmcpctl"), options);
  assert.is((await program.exit).code, 0, program.stderr());
  return JSON.parse(program.stdout());
}

test("the owner takes back a patch", async () => {
  await withDaemonProcess(safe, async (daemon) => {
    const path = join(daemon.app, "hello.txt");
    const before = readFileSync(path, "utf8");
    const patch = update("hello.txt", "@@", `-${before.trim()}`, "+changed");
    await call(daemon.endpoint, "apply_patch", patch);
    assert.is(readFileSync(path, "utf8"), "changed\n");
    const { entries } = await ctl(daemon, "undo", "--list");
    assert.equal(
      entries.map(({ workspace, tool }: Json) => [workspace, tool]),
      [["app", "apply_patch"]],
    );
    await ctl(daemon, "undo");
    assert.is(readFileSync(path, "utf8"), before);
    assert.equal((await ctl(daemon, "undo", "--list")).entries, []);
  });
});

test("the owner lets a refused command run once", async () => {
  await withDaemonProcess(safe, async (daemon) => {
    const build = (): boolean => readdirSync(daemon.app).includes("build");
    mkdirSync(join(daemon.app, "build"));
    const args = { cmd: "rm -rf build" };
    const ask = {
      tool_name: "exec_command",
      permission: "destructive_command",
      reason: "stale",
      arguments: args,
    };
    const run = async (): Promise<Json> =>
      (await call(daemon.endpoint, "exec_command", args)).structuredContent;
    const refused = await run();
    assert.equal([refused.error.code, build()], ["PERMISSION_REQUIRED", true]);
    assert.is(refused.permission_request.permission, ask.permission);

    const answer = call(daemon.endpoint, "request_permissions", ask);
    await daemon.program.until("stderr", /"permission request".*"pending"/);
    const [waiting] = (await ctl(daemon, "approvals")).approvals;
    assert.equal([waiting.state, waiting.permissions], ["pending", [ask.permission]]);
    await ctl(daemon, "approve", waiting.id);
    assert.is((await answer).structuredContent.status, "granted");

    assert.equal([(await run()).exit_code, build()], [0, false]);
    mkdirSync(join(daemon.app, "build"));
    assert.equal([(await run()).error.code, build()], ["PERMISSION_REQUIRED", true]);
  });
});

/** How many processes of this machine run with `argument` as their last one. */
function running(argument: string): number {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").endsWith(`\0live.sh\0${argument}\0`);
    } catch {
      return false;
    }
  }).length;
}

/** What ends the commands of workspace `docs`. */
const ends: Readonly<Record<string, (daemon: DaemonProcess) => unknown>> = {
  "a reload that removes the workspace": (daemon) => daemon.configure(trusted),
  "SIGKILL of the daemon": (daemon) => daemon.program.kill(),
};

for (const [index, [name, end]] of Object.entries(ends).entries()) {
  test(`${name} leaves no process behind`, async () => {
    await withDaemonProcess(trusted, async (daemon) => {
      const pipe = join(daemon.folder("docs"), "alive");
      execFileSync("mkfifo", [pipe]);
      daemon.configure({ ...trusted, workspaces: [app, docs] });
      await daemon.program.until("stderr", /"configuration applied"/);
      writeFileSync(join(daemon.dir, "docs", "live.sh"), "echo up\nread line <&9\n");
      const mark = `live-${process.pid}-${index}`;
      // In a session of its own, after its parent, and in the foreground; each holds the pipe open while it lives.
      const live = `sh live.sh ${mark}`;
      const cmd = `exec 9<>alive; setsid ${live} & (${live} &); ${live}; true`;
      const { status } = await execute(daemon, cmd, { workspace: "docs", wait_for: "(up\\s+){3}" });
      const alive = new Socket({ fd: openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK) });
      const ended = once(alive.resume(), "end");
      assert.equal([status, running(mark)], ["running", 3]);
      await end(daemon);
      await ended;
      assert.is(running(mark), 0);
    });
  });
}

/** What modes safe and trusted refuse, and what safe alone does. */
const refusals: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  trusted: {
    "sudo ls": "destructive_command",
    "git reset --hard": "destructive_command",
    "rm -rf pkg": "destructive_command",
    "rm -rf /": "filesystem_escape",
  },
  safe: {
    "curl https://example.com": "network",
    "node -e 'process.exit()'": "inline_script",
    "echo $(cat hello.txt)": "shell_expansion",
  },
};

const allowed: Readonly<Record<string, string>> = {
  "git commit -q --allow-empty -m 'fix su handling'": "",
  "node requests.js": "curl\n",
  "echo 'a b' | awk '{print $2}'": "b\n",
  // The braces are for awk to judge, and it does: the command ran.
  "awk '{print ${1}}' hello.txt 2>&1 || echo $?": awkOf(`{print \${1}}`),
  "cat pkg/../hello.txt": "hello from app\n",
  "echo 'sudo rm -rf / $(curl x)'": "sudo rm -rf / $(curl x)\n",
};

/** What the machine's awk says to `program`, and its exit code. */
function awkOf(program: string): string {
  const { stderr, status } = spawnSync("awk", [program, "/dev/null"], { encoding: "utf8" });
  return `${stderr}${status}\n`;
}

for (const mode of ["safe", "trusted", "dangerous"]) {
  test(`mode ${mode} judges what a command does and not the words in it`, async () => {
    await withDaemonProcess({ workspaces: [app], exec: { permission_mode: mode } }, async (daemon) => {
      git(daemon.app, "init", "-q", "-b", "main");
      git(daemon.app, "config", "user.name", "Owner");
      git(daemon.app, "config", "user.email", "owner@example.com");
      mkdirSync(join(daemon.app, "pkg"));
      writeFileSync(join(daemon.app, "requests.js"), 'console.log("curl");\n');
      for (const [cmd, stdout] of Object.entries(allowed)) assert.is(await output(daemon, cmd), stdout, cmd);
      assert.is(git(daemon.app, "log", "--format=%s"), "fix su handling\n");
      const refused = {
        ...(mode === "dangerous" ? {} : refusals.trusted),
        ...(mode === "safe" ? refusals.safe : {}),
      };
      for (const [cmd, permission] of Object.entries(refused)) {
        const { error } = await execute(daemon, cmd);
        assert.equal([error?.code, error?.details.permission], ["PERMISSION_REQUIRED", permission], cmd);
      }
      assert.ok(existsSync(join(daemon.app, "pkg")));
    });
  });
}

test.run();
