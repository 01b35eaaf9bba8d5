import { type ChildProcess, spawn } from "node:child_process";
import { rm } from "node:fs/promises";
import type { Clock } from "../clock/clock.js";
import { Fault, messageOf } from "../errs/errs.js";
import type { Backend } from "./backend.js";
import { findPrograms, inspectMachine, makeDirectory, type Programs } from "./machine.js";
import { streamOutput } from "./output.js";
import { createPool, type Pool, type PoolDeps } from "./pool.js";
import { hostSpawnerScript } from "./script.js";
import { levelOf, runProbes } from "./self-test.js";
import { connectSpawner, type Spawner } from "./spawner.js";
import type { PtyModule } from "./terminal.js";
import type { Probe, Sandbox, SandboxLevel, SandboxPolicy, SandboxStatus } from "./types.js";

export interface SandboxDeps {
  /** Commands are refused below this level. */
  readonly minimum: () => SandboxLevel;
  /** Private; pipes and the self-test's files are made in it. Hidden from commands. */
  readonly runtimeDir: string;
  /** The user's home directory. */
  readonly homeDirectory: string;
  readonly clock: Clock;
  readonly uid: number;
  readonly platform?: NodeJS.Platform;
  /** Architecture, as node names it. */
  readonly arch?: string;
  /** The node that runs the self-test. */
  readonly execPath?: string;
  readonly programs?: Programs;
  readonly loadPty?: () => Promise<PtyModule>;
}

interface Entry {
  readonly policy: SandboxPolicy;
  readonly pool: Pool;
  cancelIdle: () => void;
}

const levels: readonly SandboxLevel[] = ["none", "filesystem-only", "namespaces", "strong"];
const selfTestEveryMs = 10 * 60_000;
const selfTestLimitMs = 30_000;
/** After so long without a command a policy's processes end. */
const idleMs = 10 * 60_000;
/** Ready slots a policy in use keeps: calls come one after another, or a few at once. */
const spareSlots = 2;
/** What the sandbox's own processes see, and thus what a command finds in /proc/1/environ. */
const bareEnvironment = { PATH: "/usr/bin:/bin" };

/** The sandbox of this machine. `close` ends every process of it. */
export function createSandbox(deps: SandboxDeps): Sandbox {
  const { minimum, clock, uid, homeDirectory, platform = process.platform, arch = process.arch } = deps;
  const { programs = findPrograms(), execPath = process.execPath } = deps;
  const { loadPty = () => import("node-pty") } = deps;
  const { bash = "/bin/bash", mkfifo = "/usr/bin/mkfifo" } = programs;
  const directory = makeDirectory(deps.runtimeDir);
  const machine = inspectMachine({ programs, platform, arch, uid, homeDirectory, directory });
  const closing = new AbortController();
  const entries = new Map<string, Entry>();
  /** Replaced, but with commands that still run. */
  let draining: readonly Entry[] = [];
  let lastId = 0;
  let child: ChildProcess | undefined;
  let hostSpawner: Spawner | undefined;
  let backend: Backend | undefined;
  let testing: Promise<SandboxStatus> | undefined;
  let cancelNextTest = (): void => undefined;
  let current = statusOf([], "not tested yet");

  const nextId = (): number => ++lastId;

  function spawner(): Spawner {
    if (hostSpawner !== undefined) return hostSpawner;
    closing.signal.throwIfAborted();
    const args = ["--norc", "-c", hostSpawnerScript, bash, directory, mkfifo];
    // In a session of its own: a terminal's ^C is meant for the daemon alone.
    const started = spawn(bash, args, {
      detached: true,
      cwd: "/",
      env: bareEnvironment,
      stdio: ["pipe", "pipe", "ignore"],
    });
    started.on("error", () => undefined);
    const connected = connectSpawner({
      input: started.stdin,
      output: streamOutput(started.stdout),
      directory,
      nextId,
    });
    void connected.closed.then(() => {
      hostSpawner = undefined;
    });
    child = started;
    hostSpawner = connected;
    return connected;
  }

  function poolDeps(of: Backend, spare: number): PoolDeps {
    const root = uid === 0;
    return {
      backend: of,
      spawner,
      bash,
      mkfifo,
      directory,
      nextId,
      env: bareEnvironment,
      root,
      clock,
      spare,
      loadPty,
    };
  }

  function statusOf(probes: readonly Probe[], reason: string | undefined): SandboxStatus {
    const level = levelOf(probes);
    return { level, probes, checkedAt: new Date(clock.now()).toISOString(), reason };
  }

  async function test(): Promise<SandboxStatus> {
    const failures: string[] = [];
    for (const candidate of machine.confining) {
      try {
        const probes = await probe(candidate);
        use(candidate);
        return statusOf(probes, whyWeak(probes));
      } catch (error) {
        failures.push(messageOf(error));
      }
    }
    use(machine.bare);
    return statusOf(
      [],
      machine.lacks ??
        `${failures[0]} (user namespaces must be allowed: on Ubuntu by an AppArmor profile for bwrap, in a container by its security options)`,
    );
  }

  async function probe(candidate: Backend): Promise<Probe[]> {
    const pools: Pool[] = [];
    const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(selfTestLimitMs)]);
    try {
      return await runProbes({
        start(policy, request) {
          const pool = createPool(policy, poolDeps(candidate, 0));
          pools.push(pool);
          return pool.start(request);
        },
        directory,
        homeDirectory,
        execPath,
        bwrap: programs.bwrap,
        platform,
        signal,
      });
    } finally {
      for (const pool of pools) pool.kill();
    }
  }

  function whyWeak(probes: readonly Probe[]): string | undefined {
    const open = probes.filter(({ outcome }) => outcome !== "held");
    if (open.length === 0) return undefined;
    return machine.lacks ?? `not held: ${open.map(({ name, detail }) => `${name} (${detail})`).join(", ")}`;
  }

  function use(next: Backend): void {
    if (next !== backend) for (const id of [...entries.keys()]) drain(id);
    backend = next;
  }

  function entryOf(policy: SandboxPolicy, of: Backend): Entry {
    const existing = entries.get(policy.id);
    if (existing !== undefined && samePolicy(existing.policy, policy)) return existing;
    drain(policy.id);
    const hidden = { ...policy, masks: [...policy.masks, directory] };
    const pool = createPool(hidden, poolDeps(of, spareSlots));
    const entry: Entry = { policy, pool, cancelIdle: () => undefined };
    entries.set(policy.id, entry);
    return entry;
  }

  /** Forgets a policy; its commands run on. */
  function drain(id: string): void {
    const entry = entries.get(id);
    if (entry === undefined) return;
    entries.delete(id);
    entry.cancelIdle();
    entry.pool.drain();
    draining = [...draining.filter(({ pool }) => pool.running() > 0), entry];
  }

  function retire(id: string): void {
    drain(id);
    for (const { policy, pool } of draining) if (policy.id === id) pool.kill();
  }

  /** Ends an unused policy's processes; asks again later while commands run. */
  function watchIdle(entry: Entry): void {
    entry.cancelIdle();
    entry.cancelIdle = clock.after(idleMs, () => {
      if (entry.pool.running() > 0) watchIdle(entry);
      else if (entries.get(entry.policy.id) === entry) drain(entry.policy.id);
    });
  }

  function selfTest(): Promise<SandboxStatus> {
    testing ??= test().then((status) => {
      testing = undefined;
      current = status;
      cancelNextTest();
      if (!closing.signal.aborted) cancelNextTest = clock.after(selfTestEveryMs, () => void selfTest());
      return status;
    });
    return testing;
  }

  return {
    status: () => current,
    selfTest,
    async start(policy, request) {
      if (backend === undefined) await selfTest();
      request.signal.throwIfAborted();
      if (closing.signal.aborted || backend === undefined) {
        throw new Fault("SANDBOX_UNAVAILABLE", "the sandbox is closed");
      }
      const least = minimum();
      if (levels.indexOf(current.level) < levels.indexOf(least)) throw belowMinimum(current, least);
      const entry = entryOf(policy, backend);
      watchIdle(entry);
      return entry.pool.start(request);
    },
    retire,
    async close() {
      closing.abort(new Fault("SANDBOX_UNAVAILABLE", "the sandbox is closed"));
      cancelNextTest();
      for (const id of [...entries.keys()]) drain(id);
      for (const { pool } of draining) pool.kill();
      await testing;
      // Its input's end is its own, and then that of all it started.
      child?.stdin?.end();
      await hostSpawner?.closed;
      // A start that was under way may still put a file there.
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function belowMinimum({ level, reason }: SandboxStatus, minimum: SandboxLevel): Fault {
  const message = `commands need a sandbox of level ${minimum}; here it is ${level}: ${reason ?? ""}`;
  return new Fault("SANDBOX_UNAVAILABLE", message, {
    hint: "put that right, or lower sandbox.minimum in the configuration",
    details: { level, minimum },
  });
}

function samePolicy(a: SandboxPolicy, b: SandboxPolicy): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
