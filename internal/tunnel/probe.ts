import type { Clock } from "../clock/clock.js";
import { createExchange, type ExchangeDeps, type OutsideAnswer } from "./exchange.js";
import { type ProbeResponder, type ProbeTicket, streamPauseMs } from "./probe-responder.js";
import { bufferedFault, classify, skewFault } from "./public-faults.js";
import type { TunnelFault } from "./types.js";

/** Seconds that two clocks may differ. */
const mostSkew = 60;
/** As calls of tools are sent: Cloudflare's quick tunnels hold back only streams over GET. */
const posted = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" } as const;

export type ProbeResult =
  | {
      readonly ok: true;
      /** Milliseconds from the request to the first bytes of a stream. */
      readonly firstByteMs: number;
      /** Worth saying though requests arrive, such as a clock that is wrong. */
      readonly remark?: TunnelFault;
    }
  | { readonly ok: false; readonly fault: TunnelFault };

/** Goes to `origin` (scheme, host, port) and back. Settles within 20 seconds; rejects only when `signal` aborts. */
export type Probe = (origin: string, signal: AbortSignal) => Promise<ProbeResult>;

export interface ProbeDeps extends ExchangeDeps {
  readonly responder: ProbeResponder;
}

/**
 * Makes the probe that proves a public URL: whether requests to it arrive at this very process, and streams come out
 * of it as they are written. Every other outcome is a fault of its own.
 */
export function createProbe(deps: ProbeDeps): Probe {
  const { clock, responder } = deps;
  const exchange = createExchange(deps);

  return async (origin, signal) => {
    const ticket = responder.issue();
    const whole = await exchange(origin + ticket.path, signal);
    if (whole.kind === "error" || !isProven(whole, ticket)) return { ok: false, fault: classify(whole) };

    const another = responder.issue();
    const stream = await exchange(`${origin}${another.path}?stream`, signal, posted);
    if (stream.kind === "error" || !isProven(stream, another)) return { ok: false, fault: classify(stream) };
    const { host, firstByteMs, lastByteMs } = stream;
    if (lastByteMs - firstByteMs < streamPauseMs / 2) return { ok: false, fault: bufferedFault(host) };

    const skew = skewOf(whole, clock);
    return { ok: true, firstByteMs, ...(Math.abs(skew) > mostSkew && { remark: skewFault(host, skew) }) };
  };
}

function isProven({ status, body }: OutsideAnswer, { proof }: ProbeTicket): boolean {
  return status === 200 && body.includes(`{"proof":"${proof}"}`);
}

/** Seconds that the Date of an answer is ahead of this clock; 0 when it has none. */
export function skewOf({ headers: { date } }: OutsideAnswer, clock: Clock): number {
  const then = Date.parse(date ?? "");
  return Number.isNaN(then) ? 0 : Math.round((then - clock.now()) / 1_000);
}
