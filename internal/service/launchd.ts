import { join } from "node:path";
import { Fault } from "../errs/errs.js";
import type { ServiceScope } from "./description.js";
import { putFile, removeFiles, takeAll } from "./files.js";
import { launchdLabel, renderPlist } from "./launchd-plist.js";
import type { Run, ServiceManager } from "./manager.js";

export interface LaunchdOptions {
  readonly scope: ServiceScope["kind"];
  readonly home: string;
  readonly uid: number;
  readonly run: Run;
}

/**
 * The launchd of macOS, by `launchctl bootstrap` and `bootout` (launchctl(1)). Has not been run on a Mac: the tests give it
 * a launchctl of their own. An agent runs while its user is logged in; a daemon of the system always.
 */
export function createLaunchd({ scope, home, uid, run }: LaunchdOptions): ServiceManager {
  const library = scope === "user" ? join(home, "Library") : "/Library";
  const file = join(library, scope === "user" ? "LaunchAgents" : "LaunchDaemons", `${launchdLabel}.plist`);
  const domain = scope === "user" ? `gui/${uid}` : "system";

  async function order(...args: readonly string[]): Promise<void> {
    const { code, stderr } = await run("launchctl", args);
    if (code === 0) return;
    throw new Fault("FAILED", `launchctl ${args.join(" ")}: ${stderr.trim() || `exit code ${code}`}`, {
      hint: scope === "user" ? "log in at the screen as this user" : "run it as root",
    });
  }
  const isLoaded = async (): Promise<boolean> =>
    (await run("launchctl", ["print", `${domain}/${launchdLabel}`])).code === 0;

  return {
    async install({ description, readOnly, socket, start }) {
      if (readOnly !== undefined || socket !== undefined) {
        throw new Fault("USAGE", "--read-only and --hold-port are for systemd", { hint: "leave them out" });
      }
      await putFile(file, renderPlist(description, { logDir: join(library, "Logs") }));
      if (await isLoaded()) await order("bootout", `${domain}/${launchdLabel}`);
      if (start) await order("bootstrap", domain, file);
      return [file];
    },
    async uninstall() {
      let removed: readonly string[] = [];
      await takeAll([
        async () => {
          if (await isLoaded()) await order("bootout", `${domain}/${launchdLabel}`);
        },
        async () => {
          removed = await removeFiles([file]);
        },
      ]);
      return removed;
    },
  };
}
