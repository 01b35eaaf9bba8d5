import { execFile } from "node:child_process";
import type { ServiceDescription } from "./description.js";

export interface InstallOptions {
  readonly description: ServiceDescription;
  /** Whether to have the stricter settings for daemons that only read; undefined: as it is. */
  readonly readOnly: boolean | undefined;
  /** Whether the manager holds the port; undefined: as it is. */
  readonly holdPort: boolean | undefined;
  /** The daemon's state, which stays writable under the stricter settings. */
  readonly stateDir: string;
  /** The address that is held. */
  readonly listen: { readonly host: string; readonly port: number };
  /** False: it starts at the next login or boot. */
  readonly start: boolean;
  /** Called when everything is written and the manager knows it. What it throws ends the installation; nothing is started. */
  readonly beforeStart: () => Promise<void>;
}

/** What keeps the daemon running: systemd or launchd. */
export interface ServiceManager {
  /**
   * The variables that the service has, or would have, besides those of its description; undefined when the manager does
   * not tell them all.
   */
  environment(): Promise<NodeJS.ProcessEnv | undefined>;
  /**
   * Writes what the manager reads and has it start the daemon, or start it anew; returns when it is ready. The same again
   * changes nothing. Faults: FAILED when the manager cannot be reached or the daemon does not get ready, PERMISSION.
   *
   * @returns Absolute paths of what was written.
   */
  install(options: InstallOptions): Promise<readonly string[]>;
  /**
   * Stops the daemon and removes what `install` wrote, with `purge` also log files that are the service's alone; goes on
   * past failures and then throws the first one.
   *
   * @returns Absolute paths of what was removed; empty when nothing was there.
   */
  uninstall(options: { readonly purge: boolean }): Promise<readonly string[]>;
}

export interface Ran {
  /** Null when it was killed, or could not be run. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; never rejects. */
export type Run = (file: string, args: readonly string[]) => Promise<Ran>;

const runLimitMs = 120_000;

/** Whom programs run as, other than the one who asks, and where. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
  readonly cwd: string;
}

/** Runs programs in `env`, for two minutes at most. */
export function createRun(env: NodeJS.ProcessEnv, as?: RunAs): Run {
  return (file, args) =>
    new Promise((resolve) => {
      const options = { ...as, env: { ...env, LC_ALL: "C" }, timeout: runLimitMs };
      execFile(file, args, options, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : null;
        resolve({ code, stdout, stderr: stderr || (error && code === null ? error.message : "") });
      });
    });
}
