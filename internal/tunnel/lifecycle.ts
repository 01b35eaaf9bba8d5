import { mkdirSync, rmSync } from "node:fs";
import type { Clock } from "../clock/clock.js";
import type { Logger } from "../log/log.js";
import type { ChildExit, ChildStart, SpawnChild } from "../supervisor/child.js";
import { createMonitor, type Ending, type Monitor, type MonitorDeps } from "./monitor.js";
import { TunnelRefusal } from "./refusal.js";
import type { Launch, LaunchContext, Provider, Sign, TunnelFault } from "./types.js";
import { aborted, pause, within } from "./waiting.js";

export interface RunDeps extends Omit<MonitorDeps, "canRestart" | "end" | "mark"> {
  readonly provider: Provider;
  readonly context: LaunchContext;
  readonly spawnChild: SpawnChild;
  readonly redact: (text: string) => string;
  readonly log: Pick<Logger, "error">;
  /** Hands over what can be asked to probe, until the run is over. */
  readonly onMonitor: (monitor: Monitor | undefined) => void;
}

const launchLimitMs = 30_000;
const pollLimitMs = 5_000;
const pollConnectingMs = 1_000;
const pollConnectedMs = 15_000;
/** Polls in a row without an answer after which the program counts as hung. */
const pollFailuresAllowed = 2;

/**
 * One start of the provider's program until it has ended with everything it started, or, where nothing is run, until
 * `signal` aborts. Never rejects.
 */
export async function runOnce(deps: RunDeps, signal: AbortSignal): Promise<Ending> {
  const { provider, status, log } = deps;
  try {
    status.enter("starting");
    return provider.program === undefined ? await runNothing(deps, signal) : await runProgram(deps, signal);
  } catch (error) {
    if (signal.aborted) return { kind: "stopped" };
    if (error instanceof TunnelRefusal) {
      return { kind: error.fault.class === "blocked" ? "blocked" : "failed", fault: error.fault };
    }
    log.error("the tunnel could not be started", { error });
    return { kind: "failed", fault: startFailed("the reason is in the log") };
  } finally {
    deps.onMonitor(undefined);
    status.discover(undefined);
  }
}

async function runNothing(deps: RunDeps, signal: AbortSignal): Promise<Ending> {
  const monitor = createMonitor({ ...deps, canRestart: false, end: () => undefined });
  deps.onMonitor(monitor);
  monitor.heard({ kind: "ready" });
  await aborted(signal);
  monitor.close();
  return { kind: "stopped" };
}

async function runProgram(deps: RunDeps, signal: AbortSignal): Promise<Ending> {
  const { provider, context, clock, status, redact, spawnChild, log } = deps;
  emptyDirectory(context.directory);
  const launch = await within({ clock, ms: launchLimitMs, signal }, () => provider.launch(context));
  let monitor: Monitor | undefined;

  /** What a provider makes of its program's words must not take the daemon with it. */
  function hear(read: () => Sign | undefined): void {
    try {
      const sign = read();
      if (sign !== undefined) monitor?.heard(sign);
    } catch (error) {
      log.error("the tunnel's program was not understood", { error });
    }
  }

  const started = await spawnChild({
    argv: launch.argv,
    env: launch.env,
    directory: context.directory,
    clock,
    redact,
    onLine: (line) => hear(() => launch.readSign(line)),
  });
  if (!started.ok) return endingOf(started, launch.argv[0]);
  const { child } = started;
  status.started(child);
  const over = new AbortController();
  try {
    return await new Promise<Ending>((end) => {
      monitor = createMonitor({ ...deps, canRestart: true, mark: launch.mark, end });
      const watched = monitor;
      deps.onMonitor(watched);
      void child.exit.then((exit) => end({ kind: "failed", fault: watched.reason ?? endedBy(exit) }));
      void aborted(signal).then(() => end({ kind: "stopped" }));
      void keepPolling({ launch, clock, monitor: watched, hear }, over.signal);
    });
  } finally {
    over.abort();
    monitor?.close();
    await child.stop();
  }
}

interface PollDeps {
  readonly launch: Launch;
  readonly clock: Clock;
  readonly monitor: Monitor;
  readonly hear: (read: () => Sign | undefined) => void;
}

async function keepPolling({ launch, clock, monitor, hear }: PollDeps, signal: AbortSignal): Promise<void> {
  let failures = 0;
  while (launch.poll !== undefined && !signal.aborted) {
    await pause(clock, monitor.isLinkUp ? pollConnectedMs : pollConnectingMs, signal);
    if (signal.aborted) return;
    try {
      const sign = await within({ clock, ms: pollLimitMs, signal }, (limit) => pollOnce(launch, limit));
      failures = 0;
      hear(() => sign);
    } catch {
      failures += 1;
      if (failures >= pollFailuresAllowed) hear(() => ({ kind: "down" }));
    }
  }
}

async function pollOnce(launch: Launch, signal: AbortSignal): Promise<Sign | undefined> {
  return launch.poll?.(signal);
}

/** At once: what another start left there, such as a token, must not be seen by this one. */
function emptyDirectory(path: string): void {
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { recursive: true, mode: 0o700 });
}

function endingOf(start: Extract<ChildStart, { ok: false }>, program: string): Ending {
  if (start.reason === "failed") return { kind: "failed", fault: startFailed(start.message) };
  const fault: TunnelFault =
    start.reason === "missing"
      ? {
          code: "PROGRAM_MISSING",
          class: "blocked",
          text: `${program} does not exist`,
          hint: "install it, or set tunnel.program to where it is",
        }
      : {
          code: "PROGRAM_NOT_EXECUTABLE",
          class: "blocked",
          text: `${program} may not be run`,
          hint: "make it an executable file, or set tunnel.program to another one",
        };
  return { kind: "blocked", fault };
}

function startFailed(why: string): TunnelFault {
  return {
    code: "TUNNEL_START_FAILED",
    class: "backoff",
    text: `the tunnel's program could not be started: ${why}`,
    hint: "it is tried again; look at the machine's memory and limits if it goes on",
  };
}

function endedBy({ code, signal }: ChildExit): TunnelFault {
  return {
    code: "TUNNEL_ENDED",
    class: "backoff",
    text: `the tunnel's program ended ${signal === null ? `with exit code ${code}` : `by ${signal}`}`,
    hint: "its last lines tell more: ctmcpctl tunnel status",
  };
}
