import { setTimeout as sleep } from "node:timers/promises";
import type { StatusReport } from "../../internal/admin/types.js";
import { Fault } from "../../internal/errs/errs.js";
import type { Context } from "./context.js";

const pollMs = 200;

/**
 * Waits until the daemon is ready. Ends with what it saw last when the time is up: UNHEALTHY when a daemon answered,
 * DAEMON_UNREACHABLE when none did. Anything else, such as PERMISSION, will not get better and ends it at once.
 */
export async function run(context: Context): Promise<number> {
  const timeoutMs = parseTime(context.flags.timeout ?? "60s");
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const seen = await look(context);
    if (!(seen instanceof Fault)) {
      context.answer(seen, ({ listen }) => `ready: ${listen.public_url ?? listen.url}`);
      return 0;
    }
    const left = deadline - performance.now();
    if (left <= 0) {
      const hint = seen.hint ?? "see its log: ctmcpctl logs";
      throw new Fault(seen.code, `not ready after ${timeoutMs / 1_000} s: ${seen.message}`, { hint });
    }
    await sleep(Math.min(pollMs, left));
  }
}

async function look(context: Context): Promise<StatusReport | Fault> {
  try {
    const status = await context.client.status();
    if (status.state === "ready") return status;
    return new Fault("UNHEALTHY", `the daemon is ${status.state}`);
  } catch (error) {
    if (error instanceof Fault && error.code === "DAEMON_UNREACHABLE") return error;
    throw error;
  }
}

/** Milliseconds of "500ms", "60s", "2m" or a plain number of seconds. */
function parseTime(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text);
  if (!match)
    throw new Fault("USAGE", `--timeout is ${text}`, { hint: "write a number and a unit: 500ms, 60s, 2m" });
  const unit = { ms: 1, s: 1_000, m: 60_000 }[match[2] ?? "s"] ?? 1_000;
  return Number(match[1]) * unit;
}
