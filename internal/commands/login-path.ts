import { type ChildProcess, type SpawnOptions, spawn as spawnProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { userInfo } from "node:os";
import { isAbsolute } from "node:path";
import type { Clock } from "../clock/clock.js";
import { messageOf } from "../errs/errs.js";
import { withoutService } from "./environment.js";

/** The login shell of the user this process runs as; undefined for a uid without an entry, as containers have them. */
export function ownShell(): string | undefined {
  try {
    return userInfo().shell ?? undefined;
  } catch {
    return undefined;
  }
}

/** Where programs are found. */
export interface LoginPath {
  /** Absolute directories, each once. */
  readonly path: string;
  readonly source: "login shell" | "environment";
  /** Why the login shell was of no use; undefined when it was. */
  readonly problem: string | undefined;
}

export interface LoginPathOptions {
  /** Absolute path of the user's shell; undefined: unknown. */
  readonly shell: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** PATH of the shell itself, whose profile runs programs outside of the sandbox; default: that of `env`. */
  readonly startPath?: string;
  readonly clock: Clock;
  readonly timeoutMs?: number;
  readonly spawn?: (file: string, args: readonly string[], options: SpawnOptions) => ChildProcess;
}

/** Where programs are on every system, for an environment that says nothing. */
const fallbackPath = "/usr/local/bin:/usr/bin:/bin";
const maxOutput = 1 << 20;

/**
 * Asks the user's shell, started as for a login, for its PATH: a service's own PATH lacks what version managers and the
 * user's profile add. What the profile prints is told apart by random marks. The shell is killed with everything it
 * started after the answer, or after `timeoutMs` (10 s). Never rejects: without an answer it is the PATH of `env`.
 */
export async function resolveLoginPath(options: LoginPathOptions): Promise<LoginPath> {
  const fallback = cleanPath(options.env.PATH ?? "") || fallbackPath;
  const failed = (problem: string): LoginPath => ({ path: fallback, source: "environment", problem });
  if (options.shell === undefined || !isAbsolute(options.shell)) return failed("the login shell is unknown");
  try {
    const path = cleanPath(await askShell(options.shell, options));
    return path === ""
      ? failed(`${options.shell} has an empty PATH`)
      : { path, source: "login shell", problem: undefined };
  } catch (error) {
    return failed(`${options.shell}: ${messageOf(error)}`);
  }
}

function askShell(
  shell: string,
  { env, startPath = env.PATH, clock, timeoutMs = 10_000, spawn = spawnProcess }: LoginPathOptions,
): Promise<string> {
  const mark = randomBytes(16).toString("hex");
  return new Promise((resolve, reject) => {
    // Interactive too, since many version managers are set up there only. A session of its own keeps it from the
    // terminal of a daemon started by hand, and lets it be killed as a group.
    const child = spawn(shell, ["-l", "-i", "-c", `printf '%s' ${mark} "$PATH" ${mark}`], {
      env: {
        ...withoutService(env),
        PATH: startPath || fallbackPath,
        TERM: "dumb",
        DISABLE_AUTO_UPDATE: "true",
      },
      stdio: ["ignore", "pipe", "ignore"],
      detached: true,
    });
    const stopTimer = clock.after(timeoutMs, () => end(new Error(`no answer within ${timeoutMs / 1000} s`)));
    let output = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      const [, path, rest] = output.split(mark);
      if (path !== undefined && rest !== undefined) end(path);
      else if (output.length > maxOutput) end(new Error("its profile prints too much"));
    });
    child.on("error", end);
    child.on("close", (code, signal) => end(new Error(`it ended with ${signal ?? `exit code ${code}`}`)));

    function end(outcome: string | Error): void {
      stopTimer();
      child.stdout?.destroy();
      killGroup(child.pid);
      if (typeof outcome === "string") resolve(outcome);
      else reject(outcome);
    }
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // All of it has ended.
  }
}

/** Relative entries would mean another program in each directory. */
function cleanPath(path: string): string {
  return [...new Set(path.split(":").filter(isAbsolute))].join(":");
}
