import { setTimeout as sleep } from "node:timers/promises";
import type { StatusReport } from "../../internal/admin/types.js";
import { Fault } from "../../internal/errs/errs.js";
import type { Context } from "./context.js";
import { unverified } from "./tunnel-report.js";
import { parseTime } from "./values.js";

const pollMs = 200;

/**
 * Waits until the daemon is ready, or with `--for tunnel` until a request came through its public URL. Ends with what
 * it saw last when the time is up: UNHEALTHY when a daemon answered, DAEMON_UNREACHABLE when none did. What will not get
 * better by itself, such as PERMISSION or a tunnel that is blocked, ends it at once.
 */
export async function run(context: Context): Promise<number> {
  const { for: goal = "ready", timeout = "60s" } = context.flags;
  if (goal !== "ready" && goal !== "tunnel") {
    throw new Fault("USAGE", `--for is ${goal}`, { hint: "it takes: ready, tunnel" });
  }
  const status = await waitFor(goal, context, parseTime("timeout", timeout));
  context.answer(status, ({ listen, tunnel }) =>
    goal === "ready"
      ? `ready: ${listen.public_url ?? listen.url}`
      : `verified: ${tunnel?.url ?? listen.public_url ?? listen.url}`,
  );
  return 0;
}

/** The status once `goal` is reached. */
export async function waitFor(goal: Goal, context: Context, timeoutMs: number): Promise<StatusReport> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const seen = await look(goal, context);
    if (!(seen instanceof Fault)) return seen;
    const left = deadline - performance.now();
    if (left <= 0) {
      const hint = seen.hint ?? "see its log: ctmcpctl logs";
      throw new Fault(seen.code, `not ${goals[goal]} after ${timeoutMs / 1_000} s: ${seen.message}`, {
        hint,
      });
    }
    await sleep(Math.min(pollMs, left));
  }
}

type Goal = "ready" | "tunnel";
const goals = { ready: "ready", tunnel: "verified" } as const satisfies Record<Goal, string>;

async function look(goal: Goal, context: Context): Promise<StatusReport | Fault> {
  const status = await context.client.status().catch(notYet);
  if (status instanceof Fault) return status;
  if (status.state !== "ready") return new Fault("UNHEALTHY", `the daemon is ${status.state}`);
  const fault = goal === "tunnel" ? unverified(status.tunnel) : undefined;
  if (fault === undefined) return status;
  if (!status.tunnel || status.tunnel.state === "blocked") throw fault;
  return fault;
}

/** A daemon that is not there, or answers before it has a configuration, may be starting. */
function notYet(error: unknown): Fault {
  if (error instanceof Fault && (error.code === "DAEMON_UNREACHABLE" || error.code === "UNHEALTHY"))
    return error;
  throw error;
}
