import { constants } from "node:os";
import type { Clock } from "../clock/clock.js";
import { Fault } from "../errs/errs.js";
import type { Output, ProcessExit, RunningProcess, SandboxPolicy } from "../sandbox/types.js";
import type { StreamMatcher } from "./pattern.js";
import { createRing, type OutputRing, type RingSize } from "./ring.js";

export type StreamName = "stdout" | "stderr";
export type Signal = "TERM" | "KILL" | "INT";

export interface CommandState {
  readonly status: "running" | "exited" | "timeout" | "terminated";
  /** Null while it runs; minus the signal's number after a signal. */
  readonly exitCode: number | null;
  /** As in SIGTERM. */
  readonly signal: string | null;
  readonly timedOut: boolean;
  readonly elapsedMs: number;
}

/** Why a wait ended. */
export type WaitEnd = "ended" | "matched" | "exhausted" | "settled" | "time" | "aborted";

export interface Wait {
  readonly ms: number;
  /** Ends the wait when this is found in the output from the cursors on, or from its beginning. */
  readonly pattern?: (() => StreamMatcher) | undefined;
  readonly fromStart?: boolean;
  /** Ends the wait when output has come and then none for this long. */
  readonly settleMs?: number | undefined;
  readonly signal: AbortSignal;
}

/** A running or finished command. */
export interface Command {
  readonly id: string;
  readonly cmd: string;
  readonly cwd: string;
  readonly tty: boolean;
  readonly timeoutMs: number;
  /** What it was started under. */
  readonly policy: SandboxPolicy;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly streams: Readonly<Record<StreamName, OutputRing>>;
  /** Up to where callers have been shown each stream; the callers of a command share it. */
  readonly cursors: Record<StreamName, number>;
  state(): CommandState;
  /** Milliseconds since the epoch when it ended, its output complete; undefined while it runs. */
  endedAt(): number | undefined;
  /** Resolves when it has ended. Never rejects. */
  readonly ended: Promise<void>;
  wait(wait: Wait): Promise<WaitEnd>;
  /** Faults: COMMAND_CLOSED when nothing reads it any more, SERVER_BUSY when it does not read what it got. */
  write(chars: string): void;
  /** Ends its input; on a terminal, types the end-of-file character. */
  closeStdin(): void;
  resize(cols: number, rows: number): void;
  /** Signals its process group; with `graceMs`, kills what is left after that time. */
  stop(signal: Signal, graceMs?: number): void;
}

export interface CommandOptions {
  readonly id: string;
  readonly cmd: string;
  readonly cwd: string;
  readonly tty: boolean;
  readonly policy: SandboxPolicy;
  readonly process: RunningProcess;
  /** Fed to it at once. */
  readonly stdin: string;
  /** Its input ends after that. */
  readonly endStdin: boolean;
  readonly timeoutMs: number;
  readonly ring: RingSize;
  readonly clock: Clock;
}

/** Between the polite signal and the kill, when the time budget is used up. */
const timeoutGraceMs = 1000;
/** How long output may come after the exit; whoever holds the pipe open then is not of this command. */
const drainMs = 1000;
const maxUnread = 1 << 20;

/** Follows `process` to its end: gathers its output, and stops it when its time is up. */
export function followCommand({ process: child, clock, ...options }: CommandOptions): Command {
  const started = clock.monotonic();
  const streams = { stdout: createRing(options.ring), stderr: createRing(options.ring) };
  const outputListeners = new Set<(stream: StreamName, chunk: Buffer) => void>();
  const endListeners = new Set<() => void>();
  const cursors = { stdout: 0, stderr: 0 };
  let exit: ProcessExit | undefined;
  let finished: { readonly at: number; readonly elapsedMs: number } | undefined;
  let timedOut = false;
  let stopKill: (() => void) | undefined;

  const stopBudget = clock.after(options.timeoutMs, () => {
    timedOut = true;
    stop("TERM", timeoutGraceMs);
  });
  const read = [collect("stdout", child.stdout), collect("stderr", child.stderr)];
  // A command may end without having read its input.
  child.stdin.on("error", () => undefined);
  if (options.stdin !== "") child.stdin.write(options.stdin);
  if (options.endStdin) child.stdin.end();

  const ended = child.exit.then(async (how) => {
    stopBudget();
    stopKill?.();
    const stopDrain = clock.after(drainMs, () => {
      child.stdout.close();
      child.stderr.close();
    });
    await Promise.all(read);
    stopDrain();
    exit = how;
    child.stdin.destroy();
    finished = { at: clock.now(), elapsedMs: clock.monotonic() - started };
    for (const listener of endListeners) listener();
  });

  function collect(name: StreamName, output: Output): Promise<void> {
    return output.read((bytes) => {
      streams[name].append(bytes);
      for (const listener of outputListeners) listener(name, bytes);
    });
  }

  function stop(signal: Signal, graceMs?: number): void {
    if (exit !== undefined) return;
    child.kill(signal);
    if (graceMs === undefined) return;
    stopKill?.();
    stopKill = clock.after(graceMs, () => child.kill("KILL"));
  }

  function state(): CommandState {
    const elapsedMs = Math.round(finished?.elapsedMs ?? clock.monotonic() - started);
    if (exit === undefined) return { status: "running", exitCode: null, signal: null, timedOut, elapsedMs };
    const { code, signal } = exit;
    const status = timedOut ? "timeout" : signal === null ? "exited" : "terminated";
    return { status, exitCode: signal === null ? code : -signalNumber(signal), signal, timedOut, elapsedMs };
  }

  function wait({ ms, pattern, fromStart, settleMs, signal }: Wait): Promise<WaitEnd> {
    return new Promise((resolve) => {
      const matchers = pattern && { stdout: pattern(), stderr: pattern() };
      const undo: (() => void)[] = [];
      let stopSettle: (() => void) | undefined;
      let gaveUp = false;

      const finish = (how: WaitEnd): void => {
        for (const step of undo.splice(0)) step();
        stopSettle?.();
        resolve(gaveUp && how === "time" ? "exhausted" : how);
      };
      const look = (name: StreamName, chunk: Buffer): void => {
        if (undo.length === 0) return;
        const outcome = matchers?.[name].feed(chunk);
        if (outcome === "found") return finish("matched");
        gaveUp ||= outcome === "exhausted";
        if (settleMs === undefined) return;
        stopSettle?.();
        stopSettle = clock.after(settleMs, () => finish("settled"));
      };
      const onAbort = (): void => finish("aborted");
      const onEnd = (): void => finish("ended");

      if (signal.aborted) return finish("aborted");
      if (finished !== undefined) return finish("ended");
      outputListeners.add(look);
      endListeners.add(onEnd);
      signal.addEventListener("abort", onAbort, { once: true });
      undo.push(
        () => outputListeners.delete(look),
        () => endListeners.delete(onEnd),
        () => signal.removeEventListener("abort", onAbort),
        clock.after(ms, () => finish("time")),
      );
      if (matchers === undefined && settleMs === undefined) return;
      for (const name of ["stdout", "stderr"] as const) {
        for (const bytes of kept(streams[name], fromStart ? 0 : cursors[name])) look(name, bytes);
      }
    });
  }

  return {
    id: options.id,
    cmd: options.cmd,
    cwd: options.cwd,
    tty: options.tty,
    timeoutMs: options.timeoutMs,
    policy: options.policy,
    startedAt: clock.now(),
    streams,
    cursors,
    ended,
    state,
    endedAt: () => finished?.at,
    wait,
    stop,
    resize: (cols, rows) => child.resize(cols, rows),
    write(chars) {
      const { stdin } = child;
      if (exit !== undefined || !stdin.writable) throw closed(options.id, exit !== undefined);
      if (stdin.writableLength > maxUnread) throw notReading(options.id, stdin.writableLength);
      stdin.write(chars);
    },
    closeStdin() {
      if (options.tty) child.stdin.write("\x04");
      else child.stdin.end();
    },
  };
}

/** What is kept from `start` on, before and after the gap. */
function* kept(ring: OutputRing, start: number): Generator<Buffer> {
  for (let at = start; at < ring.total; ) {
    const { from, bytes } = ring.read(at, ring.total);
    if (bytes.length === 0) return;
    yield bytes;
    at = from + bytes.length;
  }
}

function signalNumber(name: string): number {
  return (constants.signals as Record<string, number>)[name] ?? 0;
}

function closed(id: string, hasEnded: boolean): Fault {
  const [message, hint] = hasEnded
    ? ["has ended and reads no more input", "read what it put out with read_output"]
    : ["has no open input", "start it again with keep_stdin_open or tty"];
  return new Fault("COMMAND_CLOSED", `command ${id} ${message}`, { hint, details: { command_id: id } });
}

function notReading(id: string, waiting: number): Fault {
  return new Fault("SERVER_BUSY", `command ${id} has not read ${waiting} bytes of its input`, {
    hint: "wait until it reads, or stop it with kill_command",
    details: { command_id: id },
  });
}
