import type { AdminBackend } from "../admin/backend.js";
import type { Pass } from "../auth/pass.js";
import type { Attempts } from "../clients/attempts.js";
import { usesOAuth } from "../config/config.js";
import { showConfig } from "../config/show.js";
import type { LogLine } from "../log/line.js";
import type { Log } from "../log/log.js";
import { approvalsBackend } from "./approvals.js";
import { grantsBackend } from "./grants-backend.js";
import { followLog } from "./log-lines.js";
import { passBackend } from "./pass-backend.js";
import type { SignInService } from "./sign-in.js";
import { createStatus, type StatusDeps, workspacesReport } from "./status.js";

export interface BackendDeps extends StatusDeps {
  readonly log: Log;
  readonly rotateSecret: AdminBackend["rotateSecret"];
  readonly signIn: SignInService;
  readonly pass: Pass;
  readonly metrics: () => string;
  readonly attempts: Attempts;
}

/** Answers the admin socket from the running parts. */
export function createBackend(deps: BackendDeps): AdminBackend {
  const { log, clients, engine, reloader, workshop } = deps;

  return {
    status: createStatus(deps),
    async reload({ dryRun, ifGeneration }) {
      const outcome = await reloader.reload({ trigger: "admin", dryRun, ifGeneration });
      const { result, generation, changes, restartNeeded } = outcome;
      return { result, generation, changes, restart_needed: restartNeeded };
    },
    workspaces: () => ({ workspaces: workspacesReport(engine) }),
    clients: () => ({ clients: clients.list() }),
    attempts: () => ({ clients: deps.attempts.list() }),
    get tunnel() {
      return deps.tunnel.backend();
    },
    prove: () => deps.tunnel.prove(engine.current().config),
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
}
