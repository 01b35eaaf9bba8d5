import type { Clock } from "../clock/clock.js";
import type { Logger } from "../log/log.js";
import type { Child } from "../supervisor/child.js";
import type { LaunchContext, TunnelFault, TunnelReport, TunnelState } from "./types.js";

export interface StatusDeps {
  readonly context: Pick<LaunchContext, "config" | "hostname">;
  readonly clock: Pick<Clock, "now">;
  readonly log: Pick<Logger, "info" | "notice" | "warning" | "error">;
  /** Called after each change of the state or the fault. */
  readonly onState: (report: TunnelReport) => void;
  /** Called when the program tells a URL of its own, before that is probed, and with undefined when it is gone. */
  readonly onUrl: (origin: string | undefined) => void;
}

/** What is known of one tunnel: written by its life, read by everybody. */
export interface Status {
  readonly state: TunnelState;
  readonly fault: TunnelFault | undefined;
  /** Scheme and host of the public URL, when one is known. */
  readonly origin: string | undefined;
  readonly isOnline: boolean;
  /** Goes to another state, or stays and has another fault. */
  enter(state: TunnelState, fault?: TunnelFault): void;
  /** Into backoff for `ms`. */
  backOff(ms: number, fault: TunnelFault): void;
  /** What the program said of its URL; undefined: it says nothing any more. True when that is news. */
  discover(url: string | undefined): boolean;
  /** A probe came back. */
  proven(): void;
  started(child: Child): void;
  online(isOnline: boolean): void;
  report(): TunnelReport;
}

const shownLines = 20;
const levels = {
  off: "info",
  starting: "info",
  connecting: "info",
  connected: "info",
  verified: "notice",
  degraded: "warning",
  backoff: "warning",
  blocked: "error",
} as const satisfies Record<TunnelState, keyof StatusDeps["log"]>;

/** While it holds, nothing else is to blame. */
const networkDown: TunnelFault = {
  code: "PUBLIC_NETWORK_DOWN",
  class: "backoff",
  text: "this machine has no way to the internet",
  hint: "the tunnel comes back with the network",
};

export function createStatus({ context, clock, log, onState, onUrl }: StatusDeps): Status {
  const { hostname } = context;
  const own = hostname === undefined ? undefined : `https://${hostname}`;
  let state: TunnelState = "off";
  let since = clock.now();
  let fault: TunnelFault | undefined;
  let discovered: string | undefined;
  let child: Child | undefined;
  let isRunning = false;
  let starts = 0;
  let verifiedAt: number | undefined;
  let nextStartAt: number | undefined;
  let isOnline = true;

  const originNow = (): string | undefined => discovered ?? own;
  const blamed = (): TunnelFault | undefined =>
    isOnline || fault === undefined || state === "blocked" ? fault : networkDown;

  function report(): TunnelReport {
    const origin = originNow();
    return {
      provider: context.config.provider,
      state,
      since: rfc3339(since),
      url: origin === undefined ? null : `${origin}/mcp`,
      pid: isRunning && child ? child.pid : null,
      restarts: Math.max(0, starts - 1),
      verified_at: verifiedAt === undefined ? null : rfc3339(verifiedAt),
      next_start_at: nextStartAt === undefined ? null : rfc3339(nextStartAt),
      fault: blamed() ?? null,
      lines: child?.lines().slice(-shownLines) ?? [],
    };
  }

  function enter(next: TunnelState, why?: TunnelFault): void {
    const isSame = next === state && why?.code === fault?.code && why?.text === fault?.text;
    if (next !== state) since = clock.now();
    state = next;
    fault = why;
    if (next !== "backoff") nextStartAt = undefined;
    if (isSame) return;
    const shown = blamed();
    log[levels[next]](`tunnel ${next}`, {
      provider: context.config.provider,
      ...(shown && { code: shown.code, text: shown.text, hint: shown.hint }),
    });
    onState(report());
  }

  return {
    get state() {
      return state;
    },
    get fault() {
      return fault;
    },
    get origin() {
      return originNow();
    },
    get isOnline() {
      return isOnline;
    },
    enter,
    backOff(ms, why) {
      nextStartAt = clock.now() + ms;
      enter("backoff", why);
    },
    discover(url) {
      const origin = url === undefined ? undefined : new URL(url).origin;
      const known = originNow();
      const told = discovered;
      discovered = origin === own ? undefined : origin;
      if (discovered !== told) onUrl(discovered);
      return originNow() !== known;
    },
    proven() {
      verifiedAt = clock.now();
    },
    started(next) {
      starts += 1;
      child = next;
      isRunning = true;
      void next.exit.then(() => {
        if (child === next) isRunning = false;
      });
    },
    online(next) {
      const before = blamed();
      isOnline = next;
      if (blamed() !== before) onState(report());
    },
    report,
  };
}

function rfc3339(ms: number): string {
  return new Date(ms).toISOString();
}
