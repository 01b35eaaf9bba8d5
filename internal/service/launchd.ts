import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Fault } from "../errs/errs.js";
import type { ServiceScope } from "./description.js";
import { putFile, removeFiles, takeAll } from "./files.js";
import { launchdLabel, readPlist, renderPlist } from "./launchd-plist.js";
import type { InstallOptions, Run, ServiceManager } from "./manager.js";

export interface LaunchdOptions {
  readonly scope: ServiceScope["kind"];
  /** Of the user whom the daemon runs as. */
  readonly home: string;
  readonly uid: number;
  readonly run: Run;
  /** Default: a timer. */
  readonly pause?: (ms: number) => Promise<unknown>;
}

/** Where launchd looks for a daemon of the whole machine. */
export const daemonFile: string = `/Library/LaunchDaemons/${launchdLabel}.plist`;

/** Where it looks for an agent of the user whose home that is. */
export function agentFile(home: string): string {
  return join(home, "Library", "LaunchAgents", `${launchdLabel}.plist`);
}

const isLog = new RegExp(`^${launchdLabel}(?:\\.out)?\\.log(?:\\.\\d+)?$`);
const pollMs = 250;
/** Longer than ExitTimeOut, after which launchd kills. */
const endingMs = 25_000;
/** What launchctl ends with when the job is ending already ("Operation now in progress"). */
const inProgress = 36;

/**
 * The launchd of macOS, by `launchctl bootstrap` and `bootout` (launchctl(1)). Has not been run on a Mac: the tests give it
 * a launchctl of their own. An agent runs while its user is logged in; a daemon of the system always.
 */
export function createLaunchd(options: LaunchdOptions): ServiceManager {
  const { scope, home, uid, run, pause = sleep } = options;
  const file = scope === "user" ? agentFile(home) : daemonFile;
  const domain = scope === "user" ? `gui/${uid}` : "system";
  const job = `${domain}/${launchdLabel}`;
  // Also of a daemon of the system: it runs as a user, who may not write to /Library/Logs.
  const logDir = join(home, "Library", "Logs");

  async function order(args: readonly string[], accepted: readonly number[] = []): Promise<void> {
    const { code, stderr } = await run("launchctl", args);
    if (code === 0 || (code !== null && accepted.includes(code))) return;
    throw new Fault("FAILED", `launchctl ${args.join(" ")}: ${stderr.trim() || `exit code ${code}`}`, {
      hint: scope === "user" ? "log in at the screen as this user" : "run it as root",
    });
  }
  const isLoaded = async (): Promise<boolean> => (await run("launchctl", ["print", job])).code === 0;

  /** Returns when the job is gone: until then it cannot be loaded anew, and its daemon still writes. */
  async function stop(): Promise<void> {
    if (!(await isLoaded())) return;
    await order(["bootout", job], [inProgress]);
    for (let waited = 0; await isLoaded(); waited += pollMs) {
      if (waited >= endingMs) {
        throw new Fault(
          "FAILED",
          `the daemon did not end within ${endingMs / 1_000} s of launchctl bootout`,
          {
            hint: `see: launchctl print ${job}; then the same command again`,
          },
        );
      }
      await pause(pollMs);
    }
  }

  return {
    // launchd gives next to none, and none that a configuration would name.
    environment: async () => ({}),
    async install({ description, readOnly, holdPort, start, beforeStart }: InstallOptions) {
      if (readOnly !== undefined || holdPort !== undefined) {
        throw new Fault("USAGE", "--read-only and --hold-port are for systemd", { hint: "leave them out" });
      }
      await putFile(file, renderPlist(description, { logDir }));
      await beforeStart();
      await stop();
      if (start) await order(["bootstrap", domain, file]);
      return [file];
    },
    async uninstall({ purge }) {
      const removed: string[] = [];
      const logs = purge ? await logDirOf(file, logDir) : undefined;
      await takeAll([
        stop,
        async () => removed.push(...(await removeFiles([file]))),
        async () => {
          if (logs !== undefined) removed.push(...(await removeFiles(await logsIn(logs))));
        },
      ]);
      return removed;
    },
  };
}

/** The folder of the log that the service which `file` describes writes. */
async function logDirOf(file: string, usual: string): Promise<string> {
  const { command } = readPlist(await readFile(file, "utf8").catch(() => ""));
  const log = command[command.indexOf("--launchd") + 1];
  return command.includes("--launchd") && log !== undefined ? dirname(log) : usual;
}

/** Our log files in `folder`, also those put aside. */
async function logsIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => isLog.test(name)).map((name) => join(folder, name));
}
