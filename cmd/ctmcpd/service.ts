import type { LogStream } from "../../internal/log/log.js";
import { createRotatingFile } from "../../internal/log/rotating-file.js";
import { createNotifier, type Notifier } from "../../internal/service/notify.js";

/** What the service manager that started this process says of it; see systemd.exec(5) and sd_listen_fds(3). */
export interface Service {
  readonly notifier: Notifier;
  /** A socket that listens already. */
  readonly listenFd: number | undefined;
  /** The log is the manager's: nobody reads instructions there. */
  readonly isManaged: boolean;
}

/** The first descriptor that a manager passes. */
const firstFd = 3;
const launchdLog = { maxBytes: 10 * 1024 * 1024, keep: 5 };

/** Reads it, and takes it out of `env`: no child may speak in the daemon's name. */
export function takeService(env: NodeJS.ProcessEnv, pid: number): Service {
  const notifier = createNotifier({ env, pid });
  const isPassed = env.LISTEN_PID === String(pid) && Number(env.LISTEN_FDS) >= 1;
  const isManaged = env.INVOCATION_ID !== undefined;
  for (const name of Object.keys(env)) if (ours.test(name)) delete env[name];
  return { notifier, listenFd: isPassed ? firstFd : undefined, isManaged };
}

const ours = /^(?:NOTIFY_SOCKET|WATCHDOG_\w+|LISTEN_\w+|INVOCATION_ID|JOURNAL_STREAM|SYSTEMD_EXEC_PID)$/;

/** Where the log goes: under launchd, which keeps none, to a file of its own; what cannot be written there to stderr. */
export function logStream(launchd: string | undefined): LogStream {
  if (launchd === undefined) return process.stderr;
  const file = createRotatingFile(launchd, launchdLog);
  return { ...file, write: (text) => file.write(text) || process.stderr.write(text) };
}
