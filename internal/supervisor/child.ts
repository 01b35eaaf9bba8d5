import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import type { Readable } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import type { Clock } from "../clock/clock.js";
import { errnoOf, messageOf } from "../errs/errs.js";

export interface ChildOptions {
  /** The program's absolute path and its arguments. */
  readonly argv: readonly [string, ...string[]];
  /** The whole environment; the shell that goes before the program may add PWD and the like. */
  readonly env: Readonly<Record<string, string>>;
  /** Its working directory; undefined: the daemon's. */
  readonly directory?: string;
  readonly clock: Clock;
  /** Takes the secrets out of what `lines` shows. */
  readonly redact: (text: string) => string;
  /** Called with each line of standard output and error that is not empty: as it is, without control characters. */
  readonly onLine: (line: string) => void;
}

export interface ChildExit {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A running program with everything it started. */
export interface Child {
  /** Of the program, which leads a process group of its own. */
  readonly pid: number;
  /** Resolves when the program has ended, its group is gone and its last line was told. */
  readonly exit: Promise<ChildExit>;
  /** The last 100 lines, at most 1,024 characters of each, redacted. */
  lines(): readonly string[];
  /** SIGTERM to the group, and SIGKILL 10 s later; resolves like `exit`. */
  stop(): Promise<ChildExit>;
}

/** `missing` and `not-executable` do not go away by themselves; `failed`: the system would not start a process now. */
export type ChildStart =
  | { readonly ok: true; readonly child: Child }
  | {
      readonly ok: false;
      readonly reason: "missing" | "not-executable" | "failed";
      readonly message: string;
    };

export type SpawnChild = (options: ChildOptions) => Promise<ChildStart>;

const keptLines = 100;
const longestLine = 8 * 1024;
const longestShown = 1024;
const graceMs = 10_000;
const drainMs = 1_000;

/**
 * The guardian waits in the program's group for the end of its descriptor 3, whose other end only the daemon holds: that
 * comes also when the daemon is killed. It is forked twice, so that the program has no child it does not know of, and it
 * outlives SIGTERM, which keeps the group's number from being given to others before the group is killed.
 */
const guarded = `( ( trap '' HUP INT TERM
read -r _ <&3
kill -s TERM -- "-$$"
/bin/sleep 2
kill -s KILL -- "-$$" ) </dev/null >/dev/null 2>&1 & )
exec "$@" 3<&-`;

/**
 * Starts a program that ends with the daemon, however that ends, together with all that stays in its process group. It
 * has no standard input. No line is told before the promise has resolved. Runs on any POSIX shell; macOS is not tried.
 */
export async function spawnChild(options: ChildOptions): Promise<ChildStart> {
  const [program] = options.argv;
  const problem = await problemOf(program);
  if (problem !== undefined) return problem;
  try {
    const child = spawn("/bin/sh", ["-c", guarded, "sh", ...options.argv], {
      detached: true,
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      env: options.env,
      ...(options.directory !== undefined && { cwd: options.directory }),
    });
    await new Promise<void>((resolve, reject) => child.once("spawn", resolve).once("error", reject));
    return { ok: true, child: attach(child, options) };
  } catch (error) {
    return { ok: false, reason: "failed", message: messageOf(error) };
  }
}

/** Found out beforehand, because behind a shell it is an exit code like any other. */
async function problemOf(program: string): Promise<ChildStart | undefined> {
  try {
    await access(program, constants.X_OK);
    if ((await stat(program)).isFile()) return undefined;
    return { ok: false, reason: "not-executable", message: `${program} is not a file` };
  } catch (error) {
    const isThere = errnoOf(error) === "EACCES";
    return { ok: false, reason: isThere ? "not-executable" : "missing", message: messageOf(error) };
  }
}

function attach(child: ChildProcess, { clock, redact, onLine }: ChildOptions): Child {
  const pid = child.pid as number;
  const stdout = child.stdout as Readable;
  const stderr = child.stderr as Readable;
  const guard = child.stdio[3] as Readable;
  const kept: string[] = [];
  const closed = new Promise<ChildExit>((resolve) => {
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
  let isRunning = true;
  let stopping = false;

  for (const stream of [stdout, stderr]) {
    eachLine(stream, (line) => {
      kept.push(line);
      if (kept.length > keptLines) kept.shift();
      onLine(line);
    });
  }
  guard.on("error", () => undefined);
  child.once("exit", () => {
    isRunning = false;
    killGroup(pid, "SIGKILL");
    guard.destroy();
    // What left the group may hold the output open for ever.
    const cancel = clock.after(drainMs, () => {
      for (const stream of [stdout, stderr]) stream.destroy();
    });
    void closed.then(cancel);
  });

  return {
    pid,
    exit: closed,
    lines: () => kept.map((line) => redact(line).slice(0, longestShown)),
    stop() {
      if (isRunning && !stopping) {
        stopping = true;
        killGroup(pid, "SIGTERM");
        const cancel = clock.after(graceMs, () => killGroup(pid, "SIGKILL"));
        void closed.then(cancel);
      }
      return closed;
    },
  };
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left in it.
  }
}

/** Calls `take` with each line, cut at the longest one kept; what follows on that line is dropped. */
function eachLine(stream: Readable, take: (line: string) => void): void {
  let line = "";
  const finish = (): void => {
    const clean = stripVTControlCharacters(line).replace(/[^\P{Cc}\t]/gu, "");
    line = "";
    if (clean.trim() !== "") take(clean);
  };
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    for (const [at, part] of text.split(/[\r\n]/).entries()) {
      if (at > 0) finish();
      line += part.slice(0, longestLine - line.length);
    }
  });
  stream.once("close", finish);
  stream.on("error", () => undefined);
}
