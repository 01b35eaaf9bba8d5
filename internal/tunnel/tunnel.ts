import type { Clock } from "../clock/clock.js";
import type { Logger } from "../log/log.js";
import { type Backoff, createBackoff } from "../supervisor/backoff.js";
import type { SpawnChild } from "../supervisor/child.js";
import { runOnce } from "./lifecycle.js";
import { type Monitor, probeOnce } from "./monitor.js";
import type { Probe, ProbeResult } from "./probe.js";
import { createStatus } from "./status.js";
import type { LaunchContext, Provider, TunnelFault, TunnelReport } from "./types.js";
import { aborted, pause } from "./waiting.js";

export interface TunnelDeps {
  readonly provider: Provider;
  readonly context: LaunchContext;
  readonly probe: Probe;
  /** Differs when the machine has moved to another network; empty when it has none. */
  readonly network: () => Promise<string>;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly redact: (text: string) => string;
  /** Called after each change of the state or the fault. */
  readonly onState: (report: TunnelReport) => void;
  /**
   * Called when the program tells an origin (scheme and host) that is not that of the hostname, before it is probed, and
   * with undefined when it is gone.
   */
  readonly onUrl: (origin: string | undefined) => void;
  readonly log: Logger;
  readonly spawnChild: SpawnChild;
}

export interface Tunnel {
  /** Starts the program anew, out of every state, with all waits forgotten. */
  restart(): void;
  /** Probes at once, in every state. */
  test(): Promise<ProbeResult>;
  /** A request came in with this value of `tunnelMarkHeader`. */
  arrived(mark: string): void;
  report(): TunnelReport;
  /** Resolves when the program has ended. */
  close(): Promise<void>;
}

const networkEveryMs = 10_000;

/**
 * Keeps one tunnel up: starts the provider's program, at most one at a time, proves it by probes from outside, and
 * starts it again after a wait when it ends or stays useless. What only a person can mend stays `blocked` until `restart`.
 * The first start comes after the function has returned.
 */
export function createTunnel(deps: TunnelDeps): Tunnel {
  const { clock, log, network } = deps;
  const status = createStatus(deps);
  const backoff = createBackoff(deps);
  const closing = new AbortController();
  /** Ends the present run, or the wait after it. */
  let turn = new AbortController();
  /** Ends the present wait. */
  let nap = new AbortController();
  let monitor: Monitor | undefined;
  const ended = live();
  void watchNetwork();

  async function live(): Promise<void> {
    // Whoever makes a tunnel has it before it is told anything.
    await Promise.resolve();
    while (!closing.signal.aborted) {
      turn = new AbortController();
      await takeTurn(turn.signal);
    }
  }

  async function takeTurn(signal: AbortSignal): Promise<void> {
    const ending = await runOnce(
      {
        ...deps,
        status,
        onMonitor: (next) => {
          monitor = next;
        },
        onConnected: backoff.connected,
        onSettled: backoff.settled,
      },
      signal,
    );
    if (ending.kind === "stopped") return;
    if (ending.kind === "blocked") {
      status.enter("blocked", ending.fault);
      return aborted(signal);
    }
    const ms = backoff.ended();
    nap = new AbortController();
    status.backOff(ms, blameOf(ending.fault, backoff));
    await pause(clock, ms, AbortSignal.any([signal, nap.signal]));
  }

  async function watchNetwork(): Promise<void> {
    let before: string | undefined;
    while (!closing.signal.aborted) {
      const now = await network().catch(() => before);
      if (now !== undefined && now !== before) moved(before, now);
      before = now;
      await pause(clock, networkEveryMs, closing.signal);
    }
  }

  function moved(before: string | undefined, now: string): void {
    if (before !== undefined) log.info(now === "" ? "the network is gone" : "the network has changed");
    status.online(now !== "");
    if (before === "") nap.abort();
    monitor?.look();
  }

  /** The program may take its time to end: what it was before is not true any more. */
  function leave(next: "starting" | "off"): void {
    turn.abort();
    status.enter(next);
  }

  return {
    restart() {
      backoff.settled();
      leave("starting");
    },
    test: () => monitor?.test() ?? probeOnce({ ...deps, status }, closing.signal),
    arrived: (mark) => monitor?.arrived(mark),
    report: status.report,
    close() {
      closing.abort();
      leave("off");
      return ended;
    },
  };
}

/** A crash loop is said in place of what ended the program last, which it quotes. */
function blameOf(fault: TunnelFault, { isCrashLoop }: Backoff): TunnelFault {
  if (!isCrashLoop) return fault;
  return {
    code: "TUNNEL_CRASH_LOOP",
    class: "backoff",
    text: `the tunnel's program keeps ending before it connects: ${fault.text}`,
    hint: fault.hint,
  };
}
