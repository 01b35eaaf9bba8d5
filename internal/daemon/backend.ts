import type { AdminBackend, StatusReport, WorkspaceReport } from "../admin/types.js";
import type { Pass } from "../auth/pass.js";
import type { Attempts } from "../clients/attempts.js";
import type { Clients } from "../clients/clients.js";
import type { Clock } from "../clock/clock.js";
import { usesOAuth } from "../config/config.js";
import type { LoadedConfig } from "../config/load.js";
import { showConfig } from "../config/show.js";
import type { Health } from "../health/health.js";
import type { LogLine } from "../log/line.js";
import type { Log } from "../log/log.js";
import { version } from "../version/version.js";
import { endpointUrl, publicUrl } from "./addresses.js";
import { approvalsBackend } from "./approvals.js";
import type { Engine } from "./engine.js";
import { grantsBackend } from "./grants-backend.js";
import { followLog } from "./log-lines.js";
import { passBackend } from "./pass-backend.js";
import type { Reloader } from "./reload.js";
import type { SignInService } from "./sign-in.js";
import type { TunnelService } from "./tunnel.js";
import type { Workshop } from "./workshop.js";

export interface BackendDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly clients: Clients;
  readonly health: Health;
  readonly engine: Engine;
  readonly reloader: Reloader;
  readonly workshop: Workshop;
  readonly ripgrep: { readonly path: string; readonly source: string } | undefined;
  /** The file as it was read for the configuration in force. */
  readonly loaded: () => LoadedConfig;
  readonly rotateSecret: AdminBackend["rotateSecret"];
  readonly signIn: SignInService;
  readonly pass: Pass;
  readonly metrics: () => string;
  readonly tunnel: TunnelService;
  readonly attempts: Attempts;
  readonly state: () => "starting" | "ready" | "draining";
}

/** A client counts as active when it was heard from this recently. */
const activeMs = 15 * 60_000;

/** Answers the admin socket from the running parts. */
export function createBackend(deps: BackendDeps): AdminBackend {
  const { clock, log, clients, health, engine, reloader, workshop } = deps;
  const startedAt = clock.now();
  const startedMonotonic = clock.monotonic();

  return {
    status() {
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
        workspaces: workspaces(),
        catalogue: { hash: catalogue.hash, count: catalogue.names.length },
        clients: { active: clients.active(activeMs) },
        tunnel: deps.tunnel.backend()?.report() ?? null,
        memory_rss_bytes: process.memoryUsage.rss(),
        sandbox: sandboxReport(),
        path: pathReport(),
        ripgrep: deps.ripgrep ?? null,
        warnings: health.list(),
      };
    },
    async reload({ dryRun, ifGeneration }) {
      const outcome = await reloader.reload({ trigger: "admin", dryRun, ifGeneration });
      const { result, generation, changes, restartNeeded } = outcome;
      return { result, generation, changes, restart_needed: restartNeeded };
    },
    workspaces: () => ({ workspaces: workspaces() }),
    clients: () => ({ clients: clients.list() }),
    attempts: () => ({ clients: deps.attempts.list() }),
    get tunnel() {
      return deps.tunnel.backend();
    },
    config({ sources }) {
      const shown = showConfig({ ...deps.loaded(), config: engine.current().config });
      const { path, config } = shown;
      const generation = reloader.generation();
      return { path, generation, config, ...(sources && { sources: shown.sources }) };
    },
    rotateSecret: deps.rotateSecret,
    get signIn() {
      const server = usesOAuth(engine.current().config) ? deps.signIn.server() : undefined;
      return server && grantsBackend(server, () => engine.current().config);
    },
    get pass() {
      return usesOAuth(engine.current().config) ? passBackend(deps.pass, log) : undefined;
    },
    approvals: approvalsBackend(workshop.approvals),
    metrics: deps.metrics,
    undo: { list: () => workshop.patcher.listUndo(), undo: (id) => workshop.patcher.undo(id) },
    logs: ({ follow, signal }): AsyncIterable<LogLine> => followLog(log, { follow, signal }),
  };

  function sandboxReport(): StatusReport["sandbox"] {
    const { level, probes, checkedAt, reason } = workshop.sandbox.status();
    const { minimum } = engine.current().config.exec.sandbox;
    return { level, minimum, reason: reason ?? null, checked_at: checkedAt, probes };
  }

  function pathReport(): StatusReport["path"] {
    const found = workshop.foundPath();
    return found && { value: found.path, source: found.source, problem: found.problem ?? null };
  }

  function workspaces(): WorkspaceReport[] {
    return engine.current().workspaces.map(({ id, path, profile }) => ({ id, path, profile }));
  }
}
