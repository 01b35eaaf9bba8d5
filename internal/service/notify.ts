import { spawn } from "node:child_process";
import { systemProgram } from "../fsx/system-program.js";

/** Tells the service manager how the daemon is (sd_notify(3)). Does nothing where there is none. */
export interface Notifier {
  /** It answers requests. Also after `reloading`. */
  ready(status: string): void;
  /** One line for `systemctl status`. */
  status(text: string): void;
  reloading(): void;
  stopping(): void;
  /** Resolves when all that was said has arrived. */
  close(): Promise<void>;
}

export interface NotifierOptions {
  /** Only NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID are read. */
  readonly env: NodeJS.ProcessEnv;
  readonly pid: number;
  /** Absolute path of `systemd-notify`; default: the system's. */
  readonly program?: string | undefined;
}

/**
 * Node has no datagram sockets of the local kind, so `systemd-notify` speaks, one message after the other. While the event
 * loop turns, the watchdog is told so three times in each of its periods.
 */
export function createNotifier({
  env,
  pid,
  program = systemProgram("systemd-notify"),
}: NotifierOptions): Notifier {
  const { NOTIFY_SOCKET: socket } = env;
  // Where the program is missing, a start times out, and the manager says so.
  if (socket === undefined || program === undefined) return silent;
  const notify: string = program;
  let last: Promise<void> = Promise.resolve();
  let shown: string | undefined;
  const watchdog = setInterval(() => tell("WATCHDOG=1"), watchdogMs(env, pid) / 3).unref();

  function tell(...lines: readonly string[]): void {
    // Where it cannot be said, a start times out or the watchdog bites, and the manager says so; the next message may arrive.
    last = last.then(() => send(lines)).catch(() => {});
  }
  function send(lines: readonly string[]): Promise<void> {
    return new Promise((resolve, reject) => {
      // Throws for some errors of the system, like ENOMEM, and tells of others later.
      const child = spawn(notify, lines, { env: { NOTIFY_SOCKET: socket }, stdio: "ignore" });
      child.once("error", reject);
      child.once("close", () => resolve());
    });
  }
  function statusLine(text: string): string {
    shown = text;
    return `STATUS=${text.replace(/\s+/g, " ")}`;
  }

  return {
    ready: (status) => tell("READY=1", statusLine(status)),
    status(text) {
      if (text !== shown) tell(statusLine(text));
    },
    reloading: () => tell("RELOADING=1"),
    stopping: () => tell("STOPPING=1"),
    close() {
      clearInterval(watchdog);
      return last;
    },
  };
}

const silent: Notifier = {
  ready: () => {},
  status: () => {},
  reloading: () => {},
  stopping: () => {},
  close: () => Promise.resolve(),
};

/** A day when the manager does not watch this process. */
function watchdogMs({ WATCHDOG_USEC: usec, WATCHDOG_PID: watched }: NodeJS.ProcessEnv, pid: number): number {
  const ms = Number(usec) / 1000;
  return ms > 0 && (watched === undefined || watched === String(pid)) ? ms : 86_400_000;
}
