import type { AdminBackend } from "../admin/backend.js";
import type { StatusReport, WorkspaceReport } from "../admin/types.js";
import type { Clients } from "../clients/clients.js";
import type { Clock } from "../clock/clock.js";
import type { LoadedConfig } from "../config/load.js";
import type { Health } from "../health/health.js";
import type { Redactor } from "../log/redact.js";
import { version } from "../version/version.js";
import { endpointUrl, publicUrl } from "./addresses.js";
import type { Engine } from "./engine.js";
import type { Reloader } from "./reload.js";
import type { TunnelService } from "./tunnel.js";
import type { Workshop } from "./workshop.js";

export interface StatusDeps {
  readonly clock: Clock;
  readonly redactor: Redactor;
  readonly clients: Clients;
  readonly health: Health;
  readonly engine: Engine;
  readonly reloader: Reloader;
  readonly workshop: Workshop;
  readonly ripgrep: { readonly path: string; readonly source: string } | undefined;
  /** The file as it was read for the configuration in force. */
  readonly loaded: () => LoadedConfig;
  readonly tunnel: TunnelService;
  readonly state: () => "starting" | "ready" | "draining";
}

/** A client counts as active when it was heard from this recently. */
const activeMs = 15 * 60_000;
const recentClients = 10;
const longestLine = 200;

/** What the daemon says about itself when it is asked. */
export function createStatus(deps: StatusDeps): AdminBackend["status"] {
  const { clock, clients, health, engine, reloader } = deps;
  const startedAt = clock.now();
  const startedMonotonic = clock.monotonic();
  return () => {
    const { config, catalogue } = engine.current();
    const pending = reloader.pendingError();
    return {
      version,
      pid: process.pid,
      started_at: new Date(startedAt).toISOString(),
      uptime_s: Math.floor((clock.monotonic() - startedMonotonic) / 1000),
      state: deps.state(),
      generation: reloader.generation(),
      config: {
        path: deps.loaded().path,
        loaded_at: reloader.loadedAt(),
        ...(pending && { pending_error: pending }),
      },
      listen: {
        ...engine.address(),
        url: endpointUrl(engine.address()),
        public_url: publicUrl(config) ?? null,
      },
      auth: { mode: config.auth.mode },
      workspaces: workspacesReport(engine),
      catalogue: { hash: catalogue.hash, count: catalogue.names.length },
      clients: {
        active: clients.active(activeMs),
        recent: clients.list().slice(0, recentClients).map(clientReport),
      },
      commands: commandsReport(deps),
      tunnel: deps.tunnel.backend()?.report() ?? null,
      memory_rss_bytes: process.memoryUsage.rss(),
      sandbox: sandboxReport(deps),
      path: pathReport(deps),
      ripgrep: deps.ripgrep ?? null,
      warnings: health.list(),
    };
  };
}

/** The workspaces in force, the default one first. */
export function workspacesReport(engine: Engine): WorkspaceReport[] {
  return engine.current().workspaces.map(({ id, path, profile }) => ({ id, path, profile }));
}

function clientReport({
  name,
  user_agent,
  principal,
  last_seen,
  last_tool,
}: ReturnType<Clients["list"]>[number]): StatusReport["clients"]["recent"][number] {
  return { name, user_agent, principal, last_seen, last_tool };
}

function commandsReport({ workshop, redactor }: StatusDeps): StatusReport["commands"] {
  return workshop.commands.running().map(({ command, workspaceId, caller }) => ({
    id: command.id,
    workspace: workspaceId,
    principal: caller ?? null,
    line: redactor.text(command.cmd).slice(0, longestLine),
    tty: command.tty,
    running_s: Math.floor(command.state().elapsedMs / 1000),
  }));
}

function sandboxReport({ workshop, engine }: StatusDeps): StatusReport["sandbox"] {
  const { level, probes, checkedAt, reason } = workshop.sandbox.status();
  const { minimum } = engine.current().config.exec.sandbox;
  return { level, minimum, reason: reason ?? null, checked_at: checkedAt, probes };
}

function pathReport({ workshop }: StatusDeps): StatusReport["path"] {
  const found = workshop.foundPath();
  return found && { value: found.path, source: found.source, problem: found.problem ?? null };
}
