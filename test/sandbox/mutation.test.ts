// time limit: 240 s
/**
 * Drops each argument of bwrap in turn, and sees that a probe from inside goes red. The control is the whole argument
 * list, under which all of them hold.
 */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { holderArgv, slotArgv } from "../../internal/sandbox/argv.js";
import { filters } from "../../internal/sandbox/filters.js";
import { systemHost } from "../../internal/sandbox/host.js";
import { layOut } from "../../internal/sandbox/mounts.js";
import { streamOutput } from "../../internal/sandbox/output.js";
import { runProbes } from "../../internal/sandbox/self-test.js";
import type { RunningProcess, SandboxPolicy, StartRequest } from "../../internal/sandbox/types.js";
import { compileProbe } from "./compile.js";

// Not in /tmp, which every sandbox replaces: what else hides these files would not be seen to matter.
const base = realpathSync(mkdtempSync("/var/tmp/mutation-"));
const at = (name: string): string => join(base, name);
for (const name of ["run", "home/.cargo/bin", "home/.ssh", "tools"]) mkdirSync(at(name), { recursive: true });
const secrets = ["home/.ssh/id", "home/.cargo/credentials.toml"].map(at);
const shared = `/dev/shm/ctmcp-mutation-${process.pid}`;
for (const path of [...secrets, shared]) writeFileSync(path, "secret");
const probes = compileProbe("probes", at("tools"));
writeFileSync(at("filter"), Buffer.from(filters[process.arch] ?? "", "base64"));
const segment = spawnSync("ipcmk", ["--shmem", "1"], { encoding: "utf8" }).stdout.match(/\d+/)?.[0] ?? "";

test.after(() => {
  spawnSync("ipcrm", ["--shmem-id", segment]);
  rmSync(base, { recursive: true });
  rmSync(shared);
});

const emptied = ["/home", "/root", "/run", "/tmp"];

/** Entries that are there outside, and not what a command sees in the same place. */
function visibleEntries(): string[] {
  return emptied.flatMap((directory) => {
    try {
      return readdirSync(directory)
        .filter((name) => !base.startsWith(join(directory, name)))
        .slice(0, 1)
        .map((name) => join(directory, name));
    } catch {
      return [];
    }
  });
}

interface Outcome {
  /** What did not hold; the names of probes and checks. */
  readonly red: string[];
}

type Mutate = (argv: readonly string[]) => readonly string[];

/** Runs all probes under the sandbox's argument list after `mutate` had it. */
async function attack(mutate: Mutate, terminal = false): Promise<Outcome> {
  const red: string[] = [];
  let errors: Promise<string> = Promise.resolve("");
  let reports: Promise<string> = Promise.resolve("");
  let argv: readonly string[] = [];
  async function start(given: SandboxPolicy, request: StartRequest): Promise<RunningProcess> {
    const policy = {
      ...given,
      read: [...given.read, at("tools")],
      path: `${at("home/.cargo/bin")}:/usr/bin:/bin`,
    };
    for (const path of [policy.home, policy.tmp, policy.cache, policy.root]) {
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, "marker"), "");
    }
    const { mounts, home } = layOut(policy, { home: at("home"), emptied, host: systemHost });
    argv = mutate(
      slotArgv({
        bwrap: "/usr/bin/bwrap",
        mounts,
        chdir: policy.root,
        network: "private",
        terminal,
        filter: true,
      }),
    );
    const checks = [
      ...[...secrets, shared].map((path) => `[ ! -s "${path}" ] || echo "${path} open"`),
      ...visibleEntries().map((path) => `[ ! -e "${path}" ] || echo "${path} open"`),
      `[ -e marker ] || echo "workspace open"`,
      `[ -x ${probes} ] || echo "tools open"`,
      `[ -e /tmp/marker ] || echo "tmp open"`,
      `[ -e ${home}/marker ] || echo "home open"`,
      `[ -e ${home}/.cache/marker ] || echo "cache open"`,
      `[ -d ${home}/.cargo/bin ] || echo "toolchain open"`,
      `[ "$(cat /proc/sys/kernel/hostname)" != "${hostname()}" ] || echo "host name open"`,
      `[ "$(pwd)" = "${policy.root}" ] || echo "directory open"`,
      `[ "$(readlink /proc/self/ns/cgroup)" != "${readlinkSync("/proc/self/ns/cgroup")}" ] || echo "cgroup open"`,
      `${probes} ${process.pid}`,
    ];
    const [file = "", ...args] = argv;
    const filter = openSync(at("filter"), "r");
    const child = spawn(
      file,
      [...args, "/bin/bash", "-c", `exec 4>&- 5>&-\n{ ${checks.join("\n")}\n} >&2\n${request.cmd}`],
      {
        stdio: ["pipe", "pipe", "pipe", "ignore", "pipe", filter],
        env: { PATH: "/usr/bin:/bin", HOME: home, TMPDIR: "/tmp", ...request.env },
      },
    );
    const { stdin, stdout, stderr } = child as ChildProcessWithoutNullStreams;
    stdin.on("error", () => undefined);
    errors = text(stderr);
    reports = text(child.stdio[4] as Readable);
    const exit = new Promise<{ code: number | null; signal: string | null }>((resolve) =>
      child.once("close", (code, signal) => resolve({ code, signal })),
    );
    return {
      stdin,
      stdout: streamOutput(stdout),
      stderr: streamOutput(Readable.from([])),
      exit,
      kill: (signal) => child.kill(`SIG${signal}`),
      resize: () => undefined,
    };
  }
  try {
    const results = await runProbes({
      start,
      directory: at("run"),
      homeDirectory: at("home"),
      execPath: process.execPath,
      bwrap: "/usr/bin/bwrap",
      platform: "linux",
      signal: AbortSignal.timeout(20_000),
    });
    red.push(
      ...results.filter(({ outcome }) => outcome !== "held").map(({ name, detail }) => `${name}: ${detail}`),
    );
  } catch {
    red.push("it did not start");
  }
  const lines = (await errors).split("\n").filter((line) => / (open|error)\b/.test(line));
  // A terminal keeps its session for job control; the filter closes what that opens.
  red.push(...lines.filter((line) => !terminal || line !== "session open"));
  if (!terminal && !(await reports).includes("child-pid")) red.push("no report");
  return { red };
}

const operands: Record<string, number> = {
  "--cap-drop": 1,
  "--hostname": 1,
  "--ro-bind": 2,
  "--bind": 2,
  "--dev-bind": 2,
  "--tmpfs": 1,
  "--proc": 1,
  "--dev": 1,
  "--chdir": 1,
  "--seccomp": 1,
  "--json-status-fd": 1,
};

/** The options of an argument list, each with its operands; without bwrap itself and the final "--". */
function options(argv: readonly string[]): string[][] {
  const found: string[][] = [];
  for (let index = 1; index < argv.length - 1; ) {
    const count = 1 + (operands[argv[index] ?? ""] ?? 0);
    found.push(argv.slice(index, index + count));
    index += count;
  }
  return found;
}

for (const [what, terminal] of [
  ["a command", false],
  ["a terminal", true],
] as const) {
  test(`the whole argument list of ${what} holds against every probe`, async () => {
    assert.equal((await attack((argv) => argv, terminal)).red, []);
  });

  test(`without any one of the options of ${what}, some probe gets through`, async () => {
    let all: string[][] = [];
    await attack((argv) => {
      all = options(argv);
      return argv;
    }, terminal);
    assert.ok(all.length > 20, String(all.length));
    const unnoticed: string[] = [];
    for (const [index, option] of all.entries()) {
      if (isCoveredOtherwise(option)) continue;
      const { red } = await attack((argv) => without(argv, index), terminal);
      if (red.length === 0) unnoticed.push(option.join(" "));
    }
    assert.equal(unnoticed, []);
  });
}

function without(argv: readonly string[], dropped: number): readonly string[] {
  const kept = options(argv).filter((_, index) => index !== dropped);
  return [argv[0] ?? "", ...kept.flat(), "--"];
}

/** Which namespaces the holder of a policy shares with the host, and whether it starts and reports. */
function lookAtHolder(argv: readonly string[]): string[] {
  const kinds = ["user", "pid", "net"];
  const script = kinds.map((kind) => `readlink /proc/self/ns/${kind}`).join("; ");
  const [file = "", ...args] = argv;
  const stdio = ["ignore", "pipe", "ignore", "ignore", "pipe"] as const;
  const { status, output } = spawnSync(file, [...args, "/bin/sh", "-c", script], {
    stdio: [...stdio],
    encoding: "utf8",
  });
  if (status !== 0) return ["it did not start"];
  const lines = (output[1] ?? "").split("\n");
  const shared = kinds.filter((kind, index) => lines[index] === readlinkSync(`/proc/self/ns/${kind}`));
  return [...shared, ...((output[4] ?? "").includes("child-pid") ? [] : ["no report"])];
}

test("without any one of its options, the holder of a policy shares what it should not, or nothing starts", () => {
  const root = process.getuid?.() === 0;
  const argv = holderArgv({ bwrap: "/usr/bin/bwrap", network: "none", root });
  assert.equal(lookAtHolder(argv), []);
  const unnoticed = options(argv).filter(
    (option, index) => !isCoveredOtherwise(option) && lookAtHolder(without(argv, index)).length === 0,
  );
  assert.equal(unnoticed, []);
});

/** What cannot be seen to be missing here. */
function isCoveredOtherwise([name, first = ""]: string[]): boolean {
  // Seen in the test of process death.
  if (name === "--die-with-parent") return true;
  // An ordinary user has no capabilities to drop.
  if (name === "--cap-drop") return process.getuid?.() !== 0;
  // Nothing that this user can see is in it.
  return (
    name === "--tmpfs" &&
    emptied.includes(first) &&
    !visibleEntries().some((path) => path.startsWith(`${first}/`))
  );
}

test("with the host bound writable, a probe writes to it", async () => {
  chmodSync(at("tools"), 0o755);
  const { red } = await attack((argv) =>
    argv.map((word, index) => (word === "--ro-bind" && argv[index + 1] !== "/dev/null" ? "--bind" : word)),
  );
  assert.ok(
    red.some((line) => line.startsWith("read-only files")),
    red.join("\n"),
  );
  assert.ok(
    red.some((line) => line.startsWith("git hooks")),
    red.join("\n"),
  );
});

test.run();
