import type { Clients } from "../clients/clients.js";
import type { Clock } from "../clock/clock.js";
import type { SandboxLevelName } from "../config/config.js";
import type { Health } from "../health/health.js";
import type { ClientStep } from "../httpd/client-step.js";
import type { CallRecord } from "../mcp/call.js";
import { createRegistry, type Registry } from "../metrics/registry.js";
import type { TunnelReport, TunnelState } from "../tunnel/types.js";
import { version } from "../version/version.js";
import { type Audit, outcomeOf } from "./audit.js";
import type { Engine } from "./engine.js";
import type { Reloader } from "./reload.js";
import type { SignInService } from "./sign-in.js";
import type { TunnelService } from "./tunnel.js";
import type { Workshop } from "./workshop.js";

/** What the numbers are read from when they are asked for. */
export interface MetricsDeps {
  readonly clock: Clock;
  readonly clients: Pick<Clients, "active">;
  readonly health: Pick<Health, "list">;
  readonly audit: Pick<Audit, "state">;
  readonly reloader: Pick<Reloader, "generation" | "loadedAt" | "pendingError">;
  readonly tunnel: Pick<TunnelService, "backend">;
  readonly workshop: Pick<Workshop, "commands" | "sandbox">;
  readonly signIn: Pick<SignInService, "server">;
  readonly engine: Pick<Engine, "subscriptions">;
}

/** The numbers of one daemon. */
export interface Metrics extends Pick<Registry, "render"> {
  call(record: CallRecord): void;
  /** A step of a client's; those that were turned away count. */
  step(step: ClientStep): void;
  close(): void;
}

const tunnelStates: readonly TunnelState[] = [
  "off",
  "starting",
  "connecting",
  "connected",
  "verified",
  "degraded",
  "backoff",
  "blocked",
];
const sandboxLevels: readonly SandboxLevelName[] = ["strong", "namespaces", "filesystem-only", "none"];
/** A client counts as active when it was heard from this recently. */
const activeMs = 15 * 60_000;
const lagEveryMs = 1_000;

/** Names and meanings are in docs/operations.md; a test compares them. */
export function createMetrics(deps: MetricsDeps): Metrics {
  const { clock } = deps;
  const startedAt = clock.now();
  const tunnel = (): TunnelReport | undefined => deps.tunnel.backend()?.report();
  const registry = createRegistry("ctmcp_");
  const calls = registry.counter("tool_calls_total", "Tool calls by tool and outcome.", ["tool", "outcome"]);
  const seconds = registry.counter("tool_call_seconds_total", "Time that tool calls took.", ["tool"]);
  const failures = registry.counter(
    "auth_failures_total",
    "Requests that were turned away on their way in.",
    ["step"],
  );
  registry.gauge("config_last_reload_successful", "1 when the file on disk is in force.", () =>
    deps.reloader.pendingError() === undefined ? 1 : 0,
  );
  registry.gauge(
    "config_last_reload_success_timestamp_seconds",
    "When the configuration in force was read.",
    () => Date.parse(deps.reloader.loadedAt()) / 1000,
  );
  registry.gauge("config_generation", "Configurations that took effect.", () => deps.reloader.generation());
  registry.gauges("tunnel_state", "1 for the state that the tunnel is in.", ["state"], () =>
    oneHot(tunnelStates, tunnel()?.state ?? "off"),
  );
  registry.gauge(
    "tunnel_restarts",
    "Starts of the tunnel's program after the first.",
    () => tunnel()?.restarts ?? 0,
  );
  registry.gauge(
    "tunnel_verified_timestamp_seconds",
    "When a request last came through the tunnel to prove it.",
    () => Date.parse(tunnel()?.verified_at ?? "") / 1000,
  );
  registry.gauges("sandbox_level", "1 for the level that the self-test proved.", ["level"], () =>
    oneHot(sandboxLevels, deps.workshop.sandbox.status().level),
  );
  registry.gauge("commands_running", "Commands that run.", () => deps.workshop.commands.running().length);
  registry.gauge(
    "pty_open",
    "Commands that run on a terminal.",
    () => deps.workshop.commands.running().filter(({ command }) => command.tty).length,
  );
  registry.gauge("clients_active", "Clients heard from in the last 15 minutes.", () =>
    deps.clients.active(activeMs),
  );
  registry.gauge(
    "grants",
    "Clients that are signed in.",
    () => deps.signIn.server()?.grants.list().length ?? 0,
  );
  registry.gauge(
    "subscriptions",
    "Streams on which clients listen for changes.",
    () => deps.engine.subscriptions.size,
  );
  registry.gauges("warnings", "Conditions in force, by severity.", ["severity"], () => {
    const list = deps.health.list();
    return (["error", "warning", "info"] as const).map((severity) => [
      [severity],
      list.filter((warning) => warning.severity === severity).length,
    ]);
  });
  registry.gauge("audit_events", "Events recorded since the start.", () => deps.audit.state().events);
  registry.gauge("audit_writable", "1 when what happens can be recorded.", () =>
    deps.audit.state().isWritable ? 1 : 0,
  );
  const lag = watchLag(clock);
  registry.gauge("event_loop_lag_seconds", "Longest delay of a timer since this was last asked.", lag.take);
  registry.gauge("process_resident_memory_bytes", "Memory of the daemon alone.", () =>
    process.memoryUsage.rss(),
  );
  registry.total("process_cpu_seconds_total", "CPU time of the daemon alone.", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  registry.gauge("start_time_seconds", "When the daemon started.", () => startedAt / 1000);
  registry.gauges("build_info", "1, with the version as label.", ["version"], () => [[[version], 1]]);

  return {
    render: registry.render,
    call(record) {
      // What was turned away may bear any name.
      const tool = record.workspace === undefined ? "none" : record.tool;
      calls.count(tool, outcomeOf(record));
      seconds.add(record.durationMs / 1000, tool);
    },
    step({ step, status }) {
      if (status >= 400) failures.count(step);
    },
    close: lag.close,
  };
}

function oneHot<T extends string>(
  all: readonly T[],
  current: T,
): readonly (readonly [readonly [T], number])[] {
  return all.map((one) => [[one], one === current ? 1 : 0]);
}

interface Lag {
  /** Seconds; begins anew. */
  take(): number;
  close(): void;
}

/** How late the event loop is: each second a timer is due, and it comes when nothing else keeps the loop. */
function watchLag(clock: Clock): Lag {
  let longest = 0;
  let due = clock.monotonic() + lagEveryMs;
  let cancel = clock.after(lagEveryMs, tick);
  function tick(): void {
    longest = Math.max(longest, clock.monotonic() - due);
    due = clock.monotonic() + lagEveryMs;
    cancel = clock.after(lagEveryMs, tick);
  }
  return {
    take() {
      const seconds = Math.max(longest, clock.monotonic() - due, 0) / 1000;
      longest = 0;
      return seconds;
    },
    close: () => void cancel(),
  };
}
