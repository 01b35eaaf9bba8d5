import { execFile } from "node:child_process";
import type { ServiceDescription } from "./description.js";

export interface InstallOptions {
  readonly description: ServiceDescription;
  /** Adds the stricter settings for daemons that only read; `stateDir` stays writable. */
  readonly readOnly: { readonly stateDir: string } | undefined;
  /** Lets the manager hold this address. */
  readonly socket: { readonly host: string; readonly port: number } | undefined;
  /** False: it starts at the next login or boot. */
  readonly start: boolean;
}

/** What keeps the daemon running: systemd or launchd. */
export interface ServiceManager {
  /**
   * Writes what the manager reads and has it start the daemon, or start it anew; returns when it is ready. The same again
   * changes nothing. Faults: FAILED when the manager cannot be reached or the daemon does not get ready, PERMISSION.
   *
   * @returns Absolute paths of what was written.
   */
  install(options: InstallOptions): Promise<readonly string[]>;
  /**
   * Stops the daemon and removes what `install` wrote; goes on past failures and then throws the first one.
   *
   * @returns Absolute paths of what was removed; empty when nothing was there.
   */
  uninstall(): Promise<readonly string[]>;
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

/** Runs programs in `env`, for two minutes at most. */
export function createRun(env: NodeJS.ProcessEnv): Run {
  return (file, args) =>
    new Promise((resolve) => {
      execFile(file, args, { env: { ...env, LC_ALL: "C" }, timeout: runLimitMs }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : null;
        resolve({ code, stdout, stderr: stderr || (error && code === null ? error.message : "") });
      });
    });
}
