import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../clock/clock.js";
import { textOf } from "./output.js";
import { createSandbox, type SandboxDeps } from "./sandbox.js";
import type { ProcessExit, RunningProcess, Sandbox, SandboxPolicy, StartRequest } from "./types.js";

export interface Finished extends ProcessExit {
  readonly out: string;
  readonly err: string;
}

export interface Place {
  readonly sandbox: Sandbox;
  /** A path in the fixture. */
  at(name: string): string;
  policy(changes?: Partial<SandboxPolicy>): SandboxPolicy;
  /** Runs a command to its end, its input being what is given, under `policy()` unless said. */
  run(
    cmd: string,
    changes?: Partial<StartRequest> & { input?: string; policy?: SandboxPolicy },
  ): Promise<Finished>;
  close(): Promise<void>;
}

/** A sandbox with a workspace in a directory of its own. */
export function makePlace(changes: Partial<SandboxDeps> = {}): Place {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "sandbox-test-")));
  const at = (name: string): string => join(base, name);
  for (const name of ["root", "home"]) mkdirSync(at(name));
  const sandbox = createSandbox({
    minimum: () => "strong",
    runtimeDir: at("run"),
    homeDirectory: at("home"),
    clock: systemClock,
    uid: process.getuid?.() ?? 0,
    ...changes,
  });
  const policy = (changes: Partial<SandboxPolicy> = {}): SandboxPolicy => ({
    id: "a",
    root: at("root"),
    readOnly: false,
    network: "none",
    read: [process.execPath],
    write: [],
    masks: [at("run"), at("state")],
    home: at("state/a/home"),
    tmp: at("state/a/tmp"),
    cache: at("state/a/cache"),
    path: "/usr/local/bin:/usr/bin:/bin",
    env: { LANG: "C.UTF-8" },
    ...changes,
  });
  return {
    sandbox,
    at,
    policy,
    async run(cmd, { input = "", policy: given = policy(), ...request } = {}) {
      const child = await sandbox.start(given, {
        cmd,
        cwd: "",
        env: {},
        signal: new AbortController().signal,
        ...request,
      });
      if (request.tty === undefined) child.stdin.end(input);
      const [out, err, exit] = await Promise.all([textOf(child.stdout), textOf(child.stderr), child.exit]);
      return { out, err, ...exit };
    },
    async close() {
      await sandbox.close();
      rmSync(base, { recursive: true, force: true });
    },
  };
}

/** Resolves with the first line that a command writes. */
export function firstLine({ stdout }: RunningProcess): Promise<string> {
  let seen = "";
  return new Promise((resolve) => {
    void stdout.read((bytes) => {
      seen += bytes.toString();
      const end = seen.indexOf("\n");
      if (end !== -1) resolve(seen.slice(0, end));
    });
  });
}

/** Numbers of the live processes on this machine whose arguments hold `token`. */
export function processesWith(token: string): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(token);
      } catch {
        return false;
      }
    });
}

/** Resolves once `condition` holds; what it looks at sends no events. The test's own limit ends the wait. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
