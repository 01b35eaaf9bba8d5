import { type ChildProcess, type SpawnOptions, spawn as spawnProcess } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, isAbsolute, join } from "node:path";
import type { Clock } from "../clock/clock.js";
import { errnoOf, Fault, messageOf } from "../errs/errs.js";

/** The ripgrep program and where it came from: the npm package, or a directory of PATH. */
export interface RipgrepProgram {
  readonly path: string;
  readonly source: "package" | "PATH";
}

export type Spawn = (file: string, args: readonly string[], options: SpawnOptions) => ChildProcess;

export interface RipgrepRun {
  readonly args: readonly string[];
  /** Where it runs; see pinnedPath. */
  readonly cwd: string;
  readonly signal: AbortSignal;
  /** Takes the next bytes of standard output; true: enough, stop. */
  readonly take: (chunk: Buffer) => boolean;
}

export interface RipgrepEnd {
  /** `done`: it ran to its end; `enough`: `take` stopped it; `timeout`: it was killed. */
  readonly how: "done" | "enough" | "timeout";
  /** Some file or directory could not be read. */
  readonly unreadable: boolean;
}

export interface Ripgrep {
  /** Undefined when none is installed; `run` then refuses. */
  readonly program: RipgrepProgram | undefined;
  /**
   * Runs it once, always without its configuration files and with an empty environment. Faults: CANCELLED on abort,
   * INVALID_ARGUMENT with its own words for a pattern or glob it refuses, SEARCH_FAILED.
   */
  run(run: RipgrepRun): Promise<RipgrepEnd>;
}

export interface RipgrepDeps {
  readonly program: RipgrepProgram | undefined;
  readonly clock: Clock;
  readonly spawn?: Spawn;
  /** Milliseconds a run may take; 10,000 unless told. */
  readonly timeoutMs?: number;
}

export interface FindRipgrepOptions {
  /** The value of the PATH variable. */
  readonly searchPath: string | undefined;
  /** Resolves a module path; throws when there is none. */
  readonly resolve?: (specifier: string) => string;
}

const maxStderrBytes = 4096;

/** Finds the program: the platform package of @vscode/ripgrep, else `rg` on PATH. */
export function findRipgrep({
  searchPath,
  resolve = resolveModule,
}: FindRipgrepOptions): RipgrepProgram | undefined {
  // The package's own entry point throws while it is imported when the platform package is missing.
  try {
    return { path: resolve(`@vscode/ripgrep-${process.platform}-${process.arch}/bin/rg`), source: "package" };
  } catch {
    const path = (searchPath ?? "")
      .split(delimiter)
      .filter(isAbsolute)
      .map((dir) => join(dir, "rg"))
      .find(isProgram);
    return path === undefined ? undefined : { path, source: "PATH" };
  }
}

function resolveModule(specifier: string): string {
  const require = createRequire(import.meta.url);
  try {
    return require.resolve(specifier);
  } catch {
    // Layouts that do not hoist keep the platform package where only its parent sees it.
    return createRequire(require.resolve("@vscode/ripgrep")).resolve(specifier);
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

export function createRipgrep({
  program,
  clock,
  spawn = spawnProcess,
  timeoutMs = 10_000,
}: RipgrepDeps): Ripgrep {
  async function run({ args, cwd, signal, take }: RipgrepRun): Promise<RipgrepEnd> {
    if (program === undefined) throw notInstalled();
    if (signal.aborted) throw cancelled();
    let ended: "enough" | "timeout" | "cancelled" | undefined;
    let child: ChildProcess | undefined;
    const stop = (how: typeof ended): void => {
      ended ??= how;
      child?.kill("SIGKILL");
    };
    const onAbort = (): void => stop("cancelled");
    const stopTimer = clock.after(timeoutMs, () => stop("timeout"));
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      child = spawn(program.path, ["--no-config", "--no-messages", ...args], {
        cwd,
        env: {},
        stdio: ["ignore", "pipe", "pipe"],
      });
      const exit = await outcome(child, (chunk) => {
        if (ended === undefined && take(chunk)) stop("enough");
      });
      if (ended === "cancelled") throw cancelled();
      return ended === undefined ? endOf(exit) : { how: ended, unreadable: false };
    } catch (error) {
      throw startFault(error, program);
    } finally {
      // Where `take` has thrown, what is still in the pipe must not reach it: its caller has let go of everything.
      stop("cancelled");
      stopTimer();
      signal.removeEventListener("abort", onAbort);
    }
  }

  return { program, run };
}

interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stderr: string;
}

/** Settles when the process is gone and its output read; rejects when it cannot start or `take` throws. */
function outcome(child: ChildProcess, take: (chunk: Buffer) => void): Promise<Exit> {
  return new Promise((resolve, reject) => {
    let stderr = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      try {
        take(chunk);
      } catch (error) {
        reject(error);
      }
    });
    child.stderr?.on("data", (chunk: Buffer) => {
      if (stderr.length < maxStderrBytes) stderr += chunk.toString();
    });
    child.on("error", reject);
    child.on("close", (code, signal) =>
      resolve({ code, signal, stderr: stderr.slice(0, maxStderrBytes).trim() }),
    );
  });
}

function endOf({ code, signal, stderr }: Exit): RipgrepEnd {
  if (code === 0 || code === 1) return { how: "done", unreadable: false };
  // With --no-messages the only words left are those of errors that end the run.
  if (code === 2 && stderr === "") return { how: "done", unreadable: true };
  const words = stderr.replace(/^rg: /, "") || `ended by ${signal ?? `exit code ${code}`}`;
  if (code === 2 && /regex|glob|literal|pattern/i.test(words)) {
    throw new Fault("INVALID_ARGUMENT", withoutFlags(words), {
      hint: "patterns use Rust regex syntax: one line, no look-around, no backreferences; regex false searches the text as it is",
    });
  }
  throw new Fault("SEARCH_FAILED", `ripgrep failed: ${words}`);
}

/** Advice about command line flags helps nobody who cannot set them. */
function withoutFlags(words: string): string {
  return words.replace(/\n\nConsider enabling [\s\S]*$/, "");
}

function startFault(error: unknown, program: RipgrepProgram): unknown {
  if (errnoOf(error) === undefined || error instanceof Fault) return error;
  if (errnoOf(error) === "E2BIG") return new Fault("INVALID_ARGUMENT", "query or globs are too long");
  return new Fault("SEARCH_FAILED", `cannot run ${program.path}: ${messageOf(error)}`, {
    hint: "reinstall the server's packages, or install ripgrep so that rg is on PATH",
    cause: error,
  });
}

function notInstalled(): Fault {
  return new Fault("SEARCH_FAILED", "ripgrep is not installed", {
    hint: `install the npm package @vscode/ripgrep-${process.platform}-${process.arch}, or ripgrep so that rg is on PATH`,
  });
}

function cancelled(): Fault {
  return new Fault("CANCELLED", "the call was cancelled");
}
