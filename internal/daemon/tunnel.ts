import { statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { TunnelBackend } from "../admin/backend.js";
import { createPass, type Pass } from "../auth/pass.js";
import type { Clock } from "../clock/clock.js";
import { type WhoChanges, whoChanges, withoutChangeable } from "../config/changeable.js";
import type { Config, TunnelConfig } from "../config/config.js";
import { tunnelFiles } from "../config/tunnel.js";
import type { Health } from "../health/health.js";
import type { Log } from "../log/log.js";
import type { Redactor } from "../log/redact.js";
import { spawnChild } from "../supervisor/child.js";
import { probeOnce } from "../tunnel/monitor.js";
import { networkIdentity } from "../tunnel/network.js";
import { createProbe } from "../tunnel/probe.js";
import type { ProbeResponder } from "../tunnel/probe-responder.js";
import { providerOf, secretsOf } from "../tunnel/providers/index.js";
import { createTunnel, type Tunnel } from "../tunnel/tunnel.js";
import type { ProofReport, TunnelFault, TunnelReport } from "../tunnel/types.js";
import { publicUrl } from "./addresses.js";

export interface TunnelServiceDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly redactor: Redactor;
  readonly health: Health;
  readonly responder: ProbeResponder;
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  /** The owner's PATH, once it is known. */
  readonly path: () => Promise<string>;
  /** The tunnel tells another origin than before; see `nameIn`. */
  readonly onOrigin: () => void;
  /** After each change of its state or fault. */
  readonly onState?: (report: TunnelReport) => void;
  /** Reads the configuration again, and with it the secrets that it names. */
  readonly reload: () => Promise<unknown>;
}

/** The tunnel of one daemon, across configurations: one at a time, left alone while nothing about it changes. */
export interface TunnelService {
  /** Runs what `config`, which is in force, asks for. `port` is the listener's. */
  follow(config: Config, port: number): void;
  /** `config` with the name that the tunnel told, for as long as it has it, where none is configured. */
  nameIn(config: Config): Config;
  /** Lets requests in that a tunnel brings whose configuration says so. */
  readonly pass: Pass;
  /**
   * A client's request came in with this value of `tunnelMarkHeader`. The requests by which the program itself looks at
   * the daemon do not count.
   */
  arrived(mark: string): void;
  /** undefined: none is configured. */
  backend(): TunnelBackend | undefined;
  /** Whether requests to the public URL of `config`, whoever brings them, arrive at this process. */
  prove(config: Config): Promise<ProofReport>;
  /** Resolves when its program has ended. */
  close(): Promise<void>;
}

/** The principal of requests that come in by `TunnelService.pass`. */
export const tunnelPassId = "tunnel";

export function createTunnelService(deps: TunnelServiceDeps): TunnelService {
  const { clock, log, redactor, health, responder } = deps;
  let wanted: Wanted | undefined;
  let whoMay: WhoChanges = () => undefined;
  /** When that was asked for. */
  let since = clock.now();
  let tunnel: Tunnel | undefined;
  let origin: string | undefined;
  let condition: string | undefined;
  const pass = createPass({ clock, id: tunnelPassId, label: "tunnel" });
  let forgetToken: () => void = () => {};
  const probe = createProbe({ clock, responder });
  const closing = new AbortController();
  let stopWatching: () => void = () => {};
  // One after the other: two programs must never run at the same time.
  let changes = Promise.resolve();

  return {
    follow(config, port) {
      whoMay = whoChanges(config);
      const next = wantedBy(config, port);
      if (isDeepStrictEqual(next, wanted)) return;
      wanted = next;
      since = clock.now();
      // At once, whatever time the program takes to end.
      pass.end();
      replace();
    },
    nameIn(config) {
      if (origin === undefined || config.hostname !== undefined) return config;
      return { ...config, hostname: new URL(origin).hostname, publicOrigin: origin };
    },
    pass,
    arrived: (mark) => tunnel?.arrived(mark),
    backend() {
      if (wanted === undefined) return undefined;
      const { provider } = wanted.config;
      const report = (): TunnelReport => tunnel?.report() ?? awaited(provider, since);
      return {
        report,
        async restart() {
          tunnel?.restart();
          return report();
        },
        async test() {
          await tunnel?.test();
          return report();
        },
      };
    },
    async prove(config) {
      const status = { origin: config.publicOrigin };
      const result = await probeOnce({ status, probe, clock }, closing.signal);
      return result.ok ? { url: publicUrl(config) ?? null, fault: null } : { url: null, fault: result.fault };
    },
    async close() {
      closing.abort();
      stopWatching();
      await changes;
      await tunnel?.close();
    },
  };

  function replace(): void {
    changes = changes.then(change).catch((error: unknown) => log.error("the tunnel failed", { error }));
  }

  /** While a tunnel is blocked, a new credentials file is worth a new start. */
  function watchCredentials(): void {
    stopWatching();
    stopWatching = clock.after(credentialsEveryMs, () => {
      const current = wanted;
      if (closing.signal.aborted || current === undefined || tunnel?.report().state !== "blocked") return;
      if (isDeepStrictEqual(filesOf(current.config), current.files)) return watchCredentials();
      // Where the file is one that the configuration reads, this starts the tunnel anew by itself. What is wrong with the
      // rest of the configuration keeps no other file from being tried.
      void deps
        .reload()
        .catch(() => undefined)
        .then(() => wanted === current && renew(current));
    });
  }

  function renew(current: Wanted): void {
    wanted = { ...current, files: filesOf(current.config) };
    tunnel?.restart();
  }

  async function change(): Promise<void> {
    const { config, hostname, port, directory } = wanted ?? {};
    const before = tunnel;
    // Its program may take its time to end; what is reported is the next one.
    tunnel = undefined;
    await before?.close();
    settle(undefined);
    discover(undefined);
    health.clear("TUNNEL_URL_CHANGES");
    if (config === undefined || closing.signal.aborted) return;
    for (const secret of secretsOf(config)) redactor.add(secret);
    const ownersPath = await deps.path();
    if (closing.signal.aborted) return;
    const provider = providerOf(config);
    if (!provider.isStable) health.set("TUNNEL_URL_CHANGES", urlChanges);
    tunnel = createTunnel({
      provider,
      context: {
        config,
        hostname,
        port: port ?? 0,
        directory: directory ?? "",
        // At each start by the configuration in force then: a reload may have made a folder one of clients.
        get path() {
          return withoutChangeable(ownersPath, whoMay);
        },
        isChangeable: (file) => whoMay(file) !== undefined,
        env: deps.env,
        home: deps.home,
        freePort,
        pass(profile) {
          const { token } = pass.issue(profile);
          forgetToken();
          forgetToken = redactor.add(token);
          return token;
        },
      },
      probe,
      network: networkIdentity,
      clock,
      random: Math.random,
      redact: (text) => redactor.text(text),
      onState(report) {
        settle(report);
        deps.onState?.(report);
      },
      onUrl: discover,
      log,
      spawnChild,
    });
  }

  function discover(found: string | undefined): void {
    if (found === origin) return;
    origin = found;
    if (!closing.signal.aborted) deps.onOrigin();
  }

  /** A fault is a condition under its own code, until there is another one or none. */
  function settle(report: TunnelReport | undefined): void {
    const fault = report?.fault ?? undefined;
    if (condition !== undefined && condition !== fault?.code) health.clear(condition);
    condition = fault?.code;
    if (report?.state === "blocked") watchCredentials();
    if (fault !== undefined) {
      health.set(fault.code, { severity: severities[fault.class], text: fault.text, fix: fault.hint });
    }
  }
}

const urlChanges = {
  severity: "warning",
  text: "this tunnel has another URL after each start, and every client must then be added again",
  fix: "take a name that stays: ctmcpctl tunnel setup cloudflared",
} as const;

/** What is known before the owner's PATH is, in which the program is looked for. */
function awaited(provider: string, since: number): TunnelReport {
  return {
    provider,
    state: "starting",
    since: new Date(since).toISOString(),
    url: null,
    pid: null,
    restarts: 0,
    verified_at: null,
    next_start_at: null,
    fault: null,
    lines: [],
  };
}

const credentialsEveryMs = 5_000;

const severities = {
  blocked: "error",
  degraded: "error",
  backoff: "warning",
  info: "info",
} as const satisfies Record<TunnelFault["class"], string>;

interface Wanted {
  readonly config: TunnelConfig;
  readonly hostname: string | undefined;
  readonly port: number;
  readonly directory: string;
  /** When each file it reads was changed, or its mode: new credentials are worth a new start. */
  readonly files: readonly (number | undefined)[];
}

function wantedBy({ tunnel, hostname, runtimeDir }: Config, port: number): Wanted | undefined {
  if (tunnel === undefined) return undefined;
  return {
    config: tunnel,
    hostname,
    port,
    directory: join(runtimeDir, "tunnel"),
    files: filesOf(tunnel),
  };
}

function filesOf(tunnel: TunnelConfig): readonly (number | undefined)[] {
  return tunnelFiles({ tunnel }).map(changedAt);
}

/** Undefined for a file that cannot be reached: the program will say so. */
function changedAt(path: string): number | undefined {
  try {
    return statSync(path).ctimeMs;
  } catch {
    return undefined;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
