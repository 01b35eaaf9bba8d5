import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { textOf } from "./output.js";
import type { ProbePlan } from "./probe-child.js";
import { quote } from "./script.js";
import type { Probe, RunningProcess, SandboxLevel, SandboxPolicy, StartRequest } from "./types.js";

export interface SelfTestDeps {
  /** Runs the probes' program under this policy. */
  readonly start: (policy: SandboxPolicy, request: StartRequest) => Promise<RunningProcess>;
  /** Private; hidden from commands. */
  readonly directory: string;
  readonly homeDirectory: string;
  readonly execPath: string;
  readonly bwrap: string | undefined;
  readonly platform: NodeJS.Platform;
  readonly signal: AbortSignal;
}

const childFile = fileURLToPath(new URL("./probe-child.js", import.meta.url));

/** The id of the policy that probes run under. */
const selfTestPolicy = "self-test";

/** In most homes one of these is there. */
const personal = [".bashrc", ".profile", ".zshrc", ".gitconfig", ".ssh/known_hosts", ".ssh/id_ed25519"];

/**
 * Sets up what must not be reached, and has a command in the sandbox try to. Rejects when the command does not start or
 * reports nothing.
 */
export async function runProbes(deps: SelfTestDeps): Promise<Probe[]> {
  const base = mkdtempSync(join(deps.directory, "test-"));
  const at = (name: string): string => join(base, name);
  const servers: Server[] = [];
  try {
    for (const name of ["root/.git/hooks", "hidden", "readable"]) {
      mkdirSync(at(name), { recursive: true });
    }
    for (const name of ["root/.git/config", "hidden/secret"]) writeFileSync(at(name), "secret\n");
    const abstractSocket = `\0ctmcp-${basename(base)}`;
    servers.push(await listening(0), await listening(at("socket")));
    if (deps.platform === "linux") servers.push(await listening(abstractSocket));
    const policy: SandboxPolicy = {
      id: selfTestPolicy,
      root: at("root"),
      readOnly: false,
      network: "none",
      read: [at("readable"), deps.execPath, ...(deps.bwrap === undefined ? [] : [deps.bwrap])],
      write: [],
      masks: [deps.directory],
      home: at("home"),
      tmp: at("tmp"),
      cache: at("cache"),
      path: "/usr/bin:/bin",
      env: {},
    };
    const plan: ProbePlan = {
      hidden: [at("hidden/secret"), ...personal.map((name) => join(deps.homeDirectory, name))],
      readable: at("readable"),
      repository: at("root/.git"),
      port: portOf(servers[0]),
      socket: at("socket"),
      abstractSocket,
      daemon: { pid: process.pid, startTime: startTime(deps.platform) },
      environment: ["HOME", "TMPDIR", "XDG_CACHE_HOME"],
      bwrap: deps.bwrap,
    };
    return await probesOf(deps, policy, plan);
  } finally {
    for (const server of servers) server.close();
    await rm(base, { recursive: true, force: true });
  }
}

async function probesOf(deps: SelfTestDeps, policy: SandboxPolicy, plan: ProbePlan): Promise<Probe[]> {
  const child = await deps.start(policy, {
    cmd: `exec ${quote(deps.execPath)} --input-type=module -`,
    cwd: "",
    env: { CTMCP_PROBES: JSON.stringify(plan) },
    signal: deps.signal,
  });
  const kill = (): void => child.kill("KILL");
  deps.signal.addEventListener("abort", kill, { once: true });
  child.stdin.end(await readFile(childFile));
  const [output, errors] = await Promise.all([textOf(child.stdout), textOf(child.stderr), child.exit]);
  deps.signal.removeEventListener("abort", kill);
  deps.signal.throwIfAborted();
  if (output === "") throw new Error(`the probes reported nothing: ${errors.slice(0, 2000).trim()}`);
  return JSON.parse(output) as Probe[];
}

/** What the probes prove. A probe that could not be tried counts as one that went through. */
export function levelOf(probes: readonly Probe[]): SandboxLevel {
  const open = probes.filter(({ outcome }) => outcome !== "held").map(({ name }) => name);
  if (probes.length === 0) return "none";
  if (open.length === 0) return "strong";
  if (open.every((name) => name === "system call filter")) return "namespaces";
  return open.some((name) => fileProbes.includes(name)) ? "none" : "filesystem-only";
}

const fileProbes = ["hidden files", "read-only files", "git hooks and configuration"];

function listening(at: number | string): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const ready = (): void => resolve(server);
    if (typeof at === "number") server.listen(at, "127.0.0.1", ready);
    else server.listen(at, ready);
  });
}

function portOf(server: Server | undefined): number {
  const address = server?.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

function startTime(platform: NodeJS.Platform): string {
  return platform === "linux" ? (readFileSync("/proc/self/stat", "utf8").split(" ")[21] ?? "") : "";
}
