import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { takeLock } from "../admin/lock.js";
import { createPass } from "../auth/pass.js";
import { createAttempts } from "../clients/attempts.js";
import { createClients } from "../clients/clients.js";
import type { Clock } from "../clock/clock.js";
import type { Config } from "../config/config.js";
import { type LoadedConfig, type LoadOptions, loadConfig } from "../config/load.js";
import { socketPath } from "../config/paths.js";
import { sweepTemporary } from "../fsx/atomic.js";
import { ensurePrivateDir } from "../fsx/private-dir.js";
import { createHealth } from "../health/health.js";
import type { Log } from "../log/log.js";
import type { Redactor } from "../log/redact.js";
import type { CallRecord } from "../mcp/call.js";
import { createNotifier, type Notifier } from "../service/notify.js";
import { createProbeResponder } from "../tunnel/probe-responder.js";
import { version } from "../version/version.js";
import { endpointUrl } from "./addresses.js";
import { openAdminSocket } from "./admin-socket.js";
import { createAudit } from "./audit.js";
import { createConditions } from "./conditions.js";
import { createEngine, type Engine, type PrepareStep } from "./engine.js";
import { createMetrics } from "./metrics.js";
import { createMetricsListener, withMetrics } from "./metrics-listener.js";
import { createObservers } from "./observers.js";
import { ownFiles } from "./own-files.js";
import { createReloader, type Prepared, type ReloadOutcome, type Trigger } from "./reload.js";
import { createServiceStatus, inheritedListener } from "./service-status.js";
import { createSignInService } from "./sign-in.js";
import { readToken } from "./token.js";
import type { Toolbox } from "./toolbox.js";
import { createTunnelService } from "./tunnel.js";
import { fingerprint, watchFile } from "./watch.js";
import { createWorkshop, type Workshop } from "./workshop.js";

export interface DaemonOptions extends LoadOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly redactor: Redactor;
  /** Makes the tools to serve; `workshop` is what changes files and runs commands. */
  readonly toolbox: (workshop: Workshop) => Toolbox;
  /** The user's shell, absolute; undefined when unknown. */
  readonly shell: string | undefined;
  /** The service manager that started it, if one did. */
  readonly service?: { readonly notifier: Notifier; readonly listenFd: number | undefined };
  readonly onCall?: (record: CallRecord) => void;
  /** Called before each step of preparing a configuration; throwing makes that step fail. */
  readonly onStep?: (step: PrepareStep | "load") => void;
}

export interface Daemon {
  /** The configuration in force. */
  config(): Config;
  address(): { readonly host: string; readonly port: number };
  readonly socketPath: string;
  reload(trigger: Trigger): Promise<ReloadOutcome>;
  /** Resolves when what goes on after the start is done: PATH is known, the sandbox is tested. */
  settled(): Promise<void>;
  /** Drains for at most `graceMs`, the admin socket last. */
  close(graceMs: number): Promise<void>;
}

/**
 * Starts the daemon: configuration, state, admin socket, listener, watch, in that order. Resolves when requests are answered.
 *
 * @throws Fault of the configuration, the secrets, the addresses or the admin socket; nothing is left running then.
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { clock, log, redactor, uid } = options;
  const clients = createClients(clock);
  const attempts = createAttempts(clock);
  const health = createHealth(clock);
  const conditions = createConditions({ health, log });
  const load = (): LoadedConfig => {
    options.onStep?.("load");
    return loadConfig({ ...options, onSecret: (secret) => redactor.add(secret) });
  };
  const since = fingerprint(options.path);
  let loaded = load();
  log.setLevel(loaded.config.log.level);
  let state: "starting" | "ready" | "draining" = "starting";
  const audit = createAudit({
    clock,
    log,
    health,
    redactor,
    stateDir: loaded.config.stateDir,
    config: () => loaded.config.audit,
  });
  // Before anything that lies there is read or put right: another daemon may be in the middle of it.
  const { stateDir } = loaded.config;
  ensurePrivateDir(stateDir, { uid });
  const lock = takeLock(join(stateDir, "lock"), `on the state in ${stateDir}`);
  const closed = ownFiles(options);
  const workshop = createWorkshop({
    ...options,
    closed,
    config: () => (state === "starting" ? loaded.config : engine.current().config),
    onCommandEnded: audit.commandEnded,
    onDecided: audit.decided,
  });
  const toolbox = options.toolbox(workshop);

  const signIn = createSignInService({
    clock,
    log,
    uid,
    health,
    redact: (secret) => redactor.add(secret),
    onChange() {
      engine.refreshClients();
      workshop.commands.endUnless((caller, workspace) => engine.mayRun(caller, workspace));
    },
    onEvent: audit.signIn,
  });
  const pass = createPass({ clock, id: "pass", label: "ctmcpctl", lastsMs: 60_000 });
  const responder = createProbeResponder({ clock });
  const tunnel = createTunnelService({
    clock,
    log,
    redactor,
    health,
    responder,
    env: options.env,
    home: options.home,
    path: async () => (await workshop.loginPath()).path,
    reload: () => reloader.reload({ trigger: "file" }),
    onState({ state, url, fault }) {
      service.refresh();
      audit.daemon("tunnel_state", { state, url, code: fault?.code });
    },
    onOrigin: () => void reloader.refresh().catch((error) => log.error("the tunnel's name", { error })),
  });
  const engine: Engine = createEngine({
    clock,
    log,
    ...toolbox,
    closed,
    listen: true,
    inherited: inheritedListener(options.service?.listenFd, health),
    async token(config) {
      const token = await readToken(config, uid);
      if (token !== undefined) redactor.add(token);
      return token;
    },
    signIn: signIn.prepare,
    pass,
    tunnelPass: tunnel.pass,
    probe: responder,
    onReplaced: workshop.end,
    onMisplaced: conditions.misplaced,
    ...createObservers({
      clients,
      attempts,
      audit,
      metrics: () => metrics,
      signIn,
      tunnel,
      onCall: options.onCall,
    }),
    ...(options.onStep && { onStep: options.onStep }),
  });
  const reloader = createReloader({
    prepare,
    clock,
    log,
    onBegin: () => service.reloading(),
    onSettled(outcome) {
      conditions.reloaded(outcome);
      service.ready();
    },
  });
  const service = createServiceStatus({
    notifier: options.service?.notifier ?? createNotifier({ env: {}, pid: process.pid }),
    url: () => endpointUrl(engine.address()),
    tunnel: () => tunnel.backend()?.report(),
    pending: () => reloader.pendingError(),
  });

  const metrics = createMetrics({
    clock,
    clients,
    health,
    audit,
    reloader,
    tunnel,
    workshop,
    signIn,
    engine,
  });
  const metricsListener = createMetricsListener(metrics.render);

  const claimed = {
    async close() {
      await workshop.close();
      lock.release();
    },
  };
  const admin = await closeOnFailure(claimed, () =>
    openAdminSocket({
      uid,
      runtimeDir: loaded.config.runtimeDir,
      clock,
      log,
      redactor,
      clients,
      attempts,
      health,
      engine,
      reloader,
      workshop,
      ripgrep: toolbox.ripgrep,
      loaded: () => loaded,
      state: () => state,
      signIn,
      pass,
      tunnel,
      metrics: metrics.render,
      audit,
    }),
  );
  await closeOnFailure(claimed, () =>
    closeOnFailure(admin, async () => {
      await workshop.recover();
      (await withMetrics(metricsListener, loaded.config, engine.prepare)).commit();
    }),
  );
  const stopWatching = watchFile({
    path: options.path,
    since,
    clock,
    // A failure is reported in status, log and health; there is nobody to throw to.
    onChange: () => void reloader.reload({ trigger: "file" }).catch(() => {}),
  });
  if (toolbox.ripgrep === undefined) conditions.ripgrepMissing();
  conditions.loaded(loaded);
  signIn.review(loaded.config);
  tunnel.follow(loaded.config, engine.address().port);
  audit.daemon("daemon_started", { version, pid: process.pid });
  audit.anchor();
  state = "ready";
  service.ready();
  // Both start processes, which would hold up the first answers; a command that comes earlier starts them itself.
  const background = setTimeout(backgroundAfterMs).then(async () => {
    if (state === "draining") return;
    await sweepTemporary(loaded.config.stateDir, clock.now());
    const tested = workshop.sandbox
      .selfTest()
      .then((status) => conditions.sandboxTested(status, engine.current().config));
    await Promise.all([workshop.loginPath(), tested]);
  });

  return {
    config: () => engine.current().config,
    address: () => engine.address(),
    socketPath: socketPath(loaded.config.runtimeDir),
    reload: (trigger) => reloader.reload({ trigger }),
    settled: () => background,
    async close(graceMs) {
      state = "draining";
      service.stopping();
      stopWatching();
      await engine.close(graceMs);
      metrics.close();
      await Promise.all([workshop.close(), tunnel.close(), metricsListener.close()]);
      audit.daemon("daemon_stopped");
      audit.close();
      await admin.close();
      lock.release();
    },
  };

  async function prepare(from: "file" | "memory"): Promise<Prepared> {
    const next = from === "file" ? load() : loaded;
    const prepared = await withMetrics(metricsListener, tunnel.nameIn(next.config), engine.prepare);
    return {
      ...prepared,
      commit() {
        const before = engine.current().workspaces;
        prepared.commit();
        workshop.retire(before, engine.current().workspaces);
        loaded = next;
        audit.daemon("config_applied", { changes: prepared.changes });
        log.setLevel(next.config.log.level);
        conditions.loaded(next);
        signIn.review(next.config);
        tunnel.follow(next.config, engine.address().port);
      },
    };
  }
}

/** A client that is waiting for the daemon to start has its first answers by then. */
const backgroundAfterMs = 250;

async function closeOnFailure<T>(part: { close(): Promise<void> }, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await part.close();
    throw error;
  }
}
