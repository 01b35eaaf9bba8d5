import type { Clock } from "../clock/clock.js";
import type { LimitsConfig } from "../config/config.js";
import { Fault } from "../errs/errs.js";
import { createGate } from "../limits/gate.js";
import { createRateLimiter } from "../limits/rate.js";
import type { CallLimits } from "../mcp/call.js";

/** All clients together may do as much as this many clients alone. */
const globalFactor = 8;
const everybody = "";

/**
 * What each client, and all together, may ask for. Heavy calls queue in turn; fast ones only count. The lanes count
 * apart, so that heavy calls, running or waiting, take nothing from fast ones.
 */
export function createCallLimits(config: LimitsConfig, clock: Clock): CallLimits {
  const { callsPerSecond, burst, concurrentCalls } = config;
  const perClient = createRateLimiter({ perSecond: callsPerSecond, burst, clock });
  const global = createRateLimiter({
    perSecond: callsPerSecond * globalFactor,
    burst: burst * globalFactor,
    clock,
    maxKeys: 1,
  });
  const heavy = createGate({ width: config.heavyCalls, queue: concurrentCalls });
  const most = { each: concurrentCalls, inAll: concurrentCalls * globalFactor };
  const open = { fast: createCount(most), heavy: createCount(most) };

  return {
    admit(principal) {
      const own = perClient.take(principal.id);
      const take = own.ok ? global.take(everybody) : own;
      if (take.ok) return;
      const seconds = Math.ceil(take.retryAfterMs / 1000);
      throw new Fault("RATE_LIMITED", `more than ${callsPerSecond} calls a second`, {
        hint: `wait ${seconds} s, then call again`,
        details: { retry_after_ms: take.retryAfterMs },
      });
    },
    async run({ principal: { id }, lane, signal, work }) {
      const leave = open[lane].enter(id);
      try {
        return await (lane === "heavy" ? heavy.run({ key: id, signal, work }) : work());
      } finally {
        leave();
      }
    },
  };
}

/** Counts open calls by client. `enter` throws SERVER_BUSY at either limit, or returns what counts the call out. */
function createCount({ each, inAll }: { each: number; inAll: number }): { enter(id: string): () => void } {
  const open = new Map<string, number>();
  let total = 0;
  return {
    enter(id) {
      const own = open.get(id) ?? 0;
      if (own >= each || total >= inAll) {
        throw new Fault("SERVER_BUSY", `${own} calls of yours are running or waiting`, {
          hint: "wait for earlier calls to finish, then call again",
        });
      }
      open.set(id, own + 1);
      total++;
      return () => {
        const left = (open.get(id) ?? 1) - 1;
        if (left === 0) open.delete(id);
        else open.set(id, left);
        total--;
      };
    },
  };
}
