import type { Clock } from "../clock/clock.js";
import type { Probe, ProbeResult } from "./probe.js";
import { lostTunnelCodes } from "./public-faults.js";
import type { Status } from "./status.js";
import type { Sign, TunnelFault, TunnelState } from "./types.js";
import { within } from "./waiting.js";

/** How one run of the provider's program ended; the program may still have to be stopped. */
export type Ending =
  | { readonly kind: "stopped" }
  | { readonly kind: "failed" | "blocked"; readonly fault: TunnelFault };

export interface MonitorDeps {
  readonly status: Status;
  readonly probe: Probe;
  readonly clock: Clock;
  readonly random: () => number;
  /** False when nothing is run: then nothing can be started again. */
  readonly canRestart: boolean;
  /** See Launch.mark. */
  readonly mark?: string | undefined;
  /** The run is over. Called once or more often. */
  readonly end: (ending: Ending) => void;
  /** It carries requests, or says so. */
  readonly onConnected: () => void;
  /** It has been verified for a minute. */
  readonly onSettled: () => void;
}

/** Judges a run by what its program says and by probes from outside. */
export interface Monitor {
  heard(sign: Sign): void;
  /** A request came in with this mark; it proves the tunnel when it is that of this run. */
  arrived(mark: string): void;
  /** Probes soon, because something changed. */
  look(): void;
  /** Probes at once, and judges by the result as usual. */
  test(): Promise<ProbeResult>;
  /** False while the program has no connection, as far as is known. */
  readonly isLinkUp: boolean;
  /** Why the program may be about to end. */
  readonly reason: TunnelFault | undefined;
  close(): void;
}

const probeLimitMs = 25_000;
const probeEveryMs = 60_000;
/** The first probe waits for a program that need not say when it is ready. */
const probeFirstMs = 2_000;
const probeAgainMs = 5_000;
const probeFailingMs = 15_000;
const probeGapMs = 1_000;
const failuresAllowed = 2;
/** So long may the edge show that it has lost a tunnel which worked. */
const lostTunnelMs = 270_000;

/** What happens after a state has lasted that many milliseconds. */
const patience: Partial<Record<TunnelState, number>> = {
  connecting: 60_000,
  degraded: 90_000,
  verified: 60_000,
};

const linkDown: TunnelFault = {
  code: "TUNNEL_LINK_DOWN",
  class: "backoff",
  text: "the tunnel's program lost its connection and tries to get it back",
  hint: "it is started again if that takes long",
};
const tooSlow: TunnelFault = {
  code: "TUNNEL_CONNECT_TIMEOUT",
  class: "backoff",
  text: "the tunnel's program did not connect within a minute",
  hint: "its last lines tell more: ctmcpctl tunnel status",
};
const probeStuck: TunnelFault = {
  code: "PUBLIC_NO_ANSWER",
  class: "backoff",
  text: "the public url was not answered in time",
  hint: "ctmcpctl doctor names the hop that fails",
};
const noUrl: TunnelFault = {
  code: "PUBLIC_URL_UNKNOWN",
  class: "info",
  text: "there is no public url to test",
  hint: "set hostname to the public name",
};

/** Probes the public URL once, and always comes to a result. */
export async function probeOnce(
  { status, probe, clock }: Pick<MonitorDeps, "probe" | "clock"> & { status: Pick<Status, "origin"> },
  signal: AbortSignal,
): Promise<ProbeResult> {
  const { origin } = status;
  if (origin === undefined) return { ok: false, fault: noUrl };
  try {
    return await within({ clock, ms: probeLimitMs, signal }, (limit) => probe(origin, limit));
  } catch {
    return { ok: false, fault: probeStuck };
  }
}

export function createMonitor(deps: MonitorDeps): Monitor {
  const { status, clock, random, canRestart, end, onConnected, onSettled } = deps;
  const closing = new AbortController();
  let isLinkUp = false;
  /** This very run was verified before. */
  let hasWorked = false;
  let enteredAt = clock.monotonic();
  let failures = 0;
  let reason: TunnelFault | undefined;
  /** Worth saying whatever the state. */
  let remark: TunnelFault | undefined;
  /** What the last probe that failed found. */
  let outside: TunnelFault | undefined;
  let isLooking = false;
  /** Something has changed since the present probe was sent. */
  let isOutdated = false;
  let lastLook = Number.NEGATIVE_INFINITY;
  let cancelLook = (): void => undefined;
  let cancelPatience = (): void => undefined;

  enter("connecting");
  lookIn(probeFirstMs);

  function enter(state: TunnelState, fault?: TunnelFault): void {
    if (state !== status.state) {
      enteredAt = clock.monotonic();
      wait(state);
    }
    status.enter(state, fault);
  }

  function wait(state: TunnelState): void {
    cancelPatience();
    const ms = patience[state];
    cancelPatience = ms === undefined ? () => undefined : clock.after(ms, () => hasLasted(state));
  }

  function hasLasted(state: TunnelState): void {
    if (state === "verified") return onSettled();
    // A program that need not say when it is ready may long be, behind a wall that lets no probe through.
    if (state === "connecting" && outside?.class === "degraded") return enter("degraded", outside);
    const fault = (state === "degraded" ? status.fault : reason) ?? tooSlow;
    // Another start mends neither the network nor what is wrong outside.
    const mayHelp = fault.class === "backoff" || isLost(fault);
    if (canRestart && status.isOnline && mayHelp) return end({ kind: "failed", fault });
    wait(state);
  }

  /** An edge may take a program that runs for gone, and say so in words of its own. Each run is given up once at most. */
  function isLost({ code }: TunnelFault): boolean {
    return hasWorked && lostTunnelCodes.has(code) && clock.monotonic() - enteredAt >= lostTunnelMs;
  }

  function connected(): void {
    isLinkUp = true;
    failures = 0;
    reason = undefined;
    onConnected();
    enter("connected", remark);
    lookIn(0);
  }

  function heardFault(fault: TunnelFault): void {
    if (fault.class === "blocked") return end({ kind: "blocked", fault });
    if (fault.class === "degraded") {
      enter("degraded", fault);
      return lookIn(0);
    }
    if (fault.class === "backoff") reason = fault;
    else remark = fault;
    const isShown = fault.class === "info" ? status.fault === undefined : status.state === "connecting";
    if (isShown) enter(status.state, fault);
  }

  function judge(result: ProbeResult): void {
    if (result.ok) {
      prove(result.remark);
      return lookIn(probeEveryMs * (0.9 + random() / 5));
    }
    outside = result.fault;
    failures += 1;
    const isFailing = failures >= failuresAllowed || status.state === "degraded";
    if (isFailing && status.state !== "connecting") enter("degraded", isLinkUp ? result.fault : status.fault);
    lookIn(isFailing && isLinkUp ? probeFailingMs : probeAgainMs);
  }

  function prove(said: TunnelFault | undefined): void {
    isLinkUp = true;
    hasWorked = true;
    failures = 0;
    reason = undefined;
    outside = undefined;
    onConnected();
    status.proven();
    enter("verified", said ?? remark);
  }

  /** Where no probe can tell that it works again, the program's word has to do. */
  function isUnproven(): boolean {
    return status.origin === undefined && status.state === "degraded";
  }

  function lookIn(ms: number): void {
    if (closing.signal.aborted) return;
    cancelLook();
    const gap = lastLook + probeGapMs - clock.monotonic();
    cancelLook = clock.after(Math.max(ms, gap), () => void look());
  }

  async function look(): Promise<void> {
    if (status.origin === undefined) return;
    isOutdated = isLooking;
    if (isLooking) return;
    isLooking = true;
    lastLook = clock.monotonic();
    await test();
    isLooking = false;
    if (isOutdated) lookIn(0);
  }

  async function test(): Promise<ProbeResult> {
    const { origin } = status;
    const result = await probeOnce(deps, closing.signal);
    if (!closing.signal.aborted && origin !== undefined && origin === status.origin) judge(result);
    return result;
  }

  return {
    heard(sign) {
      if (closing.signal.aborted) return;
      if (sign.kind === "fault") return heardFault(sign.fault);
      if (sign.kind === "ready") {
        const isNews = sign.url !== undefined && status.discover(sign.url);
        if (!isLinkUp || isNews || isUnproven()) connected();
      } else if (isLinkUp) {
        isLinkUp = false;
        enter("degraded", linkDown);
        lookIn(0);
      }
    },
    arrived(mark) {
      if (!closing.signal.aborted && mark === deps.mark) prove(undefined);
    },
    look: () => lookIn(0),
    test,
    get isLinkUp() {
      return isLinkUp;
    },
    get reason() {
      return reason;
    },
    close() {
      closing.abort();
      cancelLook();
      cancelPatience();
    },
  };
}
