import type { Health } from "../health/health.js";
import type { Notifier } from "../service/notify.js";
import type { TunnelReport } from "../tunnel/types.js";
import type { Inherited } from "./listener.js";
import type { PendingError } from "./reload.js";

/** Keeps the service manager informed. */
export interface ServiceStatus {
  /** The daemon answers requests, or a reload is over, whichever way. */
  ready(): void;
  reloading(): void;
  /** Something of what is shown may have changed. */
  refresh(): void;
  stopping(): void;
}

export interface ServiceStatusDeps {
  readonly notifier: Notifier;
  readonly url: () => string;
  readonly tunnel: () => TunnelReport | undefined;
  readonly pending: () => PendingError | undefined;
}

export function createServiceStatus({ notifier, url, tunnel, pending }: ServiceStatusDeps): ServiceStatus {
  const line = (): string => {
    const report = tunnel();
    const serving = `serving ${report?.url ?? url()}${report ? `, tunnel ${report.state}` : ""}`;
    const error = pending();
    return error ? `${serving}; configuration not applied: ${error.message}` : serving;
  };
  // What is closed one after the other has no address to tell any more.
  let isStopping = false;
  return {
    ready() {
      if (!isStopping) notifier.ready(line());
    },
    reloading: notifier.reloading,
    refresh() {
      if (!isStopping) notifier.status(line());
    },
    stopping() {
      isStopping = true;
      notifier.stopping();
    },
  };
}

/** The socket that the service manager holds for the daemon, which may be one for an earlier address. */
export function inheritedListener(fd: number | undefined, health: Health): Inherited | undefined {
  if (fd === undefined) return undefined;
  return {
    fd,
    onOther({ host, port }) {
      health.set("SOCKET_UNIT_STALE", {
        severity: "warning",
        text: `the socket unit holds ${host}:${port}, which is not where listen says`,
        fix: "ctmcpctl install --hold-port",
      });
    },
  };
}
