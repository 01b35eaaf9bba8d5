import { setTimeout as sleep } from "node:timers/promises";
import type { StatusReport } from "../../internal/admin/types.js";
import { Fault } from "../../internal/errs/errs.js";
import type { Context } from "./context.js";
import { parseTime } from "./time.js";

const pollMs = 200;

/**
 * Waits until the daemon is ready. Ends with what it saw last when the time is up: UNHEALTHY when a daemon answered,
 * DAEMON_UNREACHABLE when none did. Anything else, such as PERMISSION, will not get better and ends it at once.
 */
export async function run(context: Context): Promise<number> {
  const { for: goal = "ready", timeout = "60s" } = context.flags;
  if (goal !== "ready") throw new Fault("USAGE", `--for is ${goal}`, { hint: "it takes: ready" });
  const timeoutMs = parseTime("timeout", timeout);
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
