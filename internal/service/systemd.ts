import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Fault } from "../errs/errs.js";
import { type ServiceScope, serviceName } from "./description.js";
import { putFile, removeEmpty, removeFiles, takeAll } from "./files.js";
import type { InstallOptions, Run, ServiceManager } from "./manager.js";
import { renderReadOnly, renderSocket, renderUnit } from "./systemd-unit.js";

export interface SystemdOptions {
  readonly scope: ServiceScope["kind"];
  /** Where the units of that scope are kept; see `unitDirectory`. */
  readonly directory: string;
  readonly run: Run;
}

const service = `${serviceName}.service`;
const socket = `${serviceName}.socket`;

/** systemd.unit(5), "Unit File Load Path". */
export function unitDirectory(scope: ServiceScope["kind"], configHome: string): string {
  return scope === "system" ? "/etc/systemd/system" : join(configHome, "systemd", "user");
}

export function createSystemd({ scope, directory, run }: SystemdOptions): ServiceManager {
  const dropIns = join(directory, `${service}.d`);
  const files = {
    service: join(directory, service),
    socket: join(directory, socket),
    readOnly: join(dropIns, "readonly.conf"),
  };
  const flags = scope === "user" ? ["--user"] : [];
  const systemctl = (...args: readonly string[]) => run("systemctl", [...flags, ...args]);

  /** Throws FAILED when the manager says no. */
  async function order(...args: readonly string[]): Promise<void> {
    const { code, stderr } = await systemctl(...args);
    if (code === 0) return;
    throw new Fault("FAILED", `systemctl ${[...flags, ...args].join(" ")}: ${firstLine(stderr)}`, {
      hint: `see: ${["journalctl", ...flags, "-u", serviceName, "-n", "20"].join(" ")}`,
    });
  }

  async function isReachable(): Promise<boolean> {
    return (await systemctl("show", "--property=Version")).code === 0;
  }

  async function reach(): Promise<void> {
    const { code, stderr } = await systemctl("show", "--property=Version");
    if (code === 0) return;
    throw new Fault("FAILED", `systemd cannot be reached: ${firstLine(stderr)}`, {
      hint:
        scope === "user"
          ? "log in as this user by ssh or at the screen, not by su; or start ctmcpd by other means"
          : "run it as root, on a machine that systemd started",
    });
  }

  async function install(options: InstallOptions): Promise<readonly string[]> {
    await reach();
    const written = [await putFile(files.service, renderUnit(options.description))];
    if (options.readOnly === undefined) await removeFiles([files.readOnly]);
    else {
      const text = renderReadOnly(options.description, options.readOnly);
      written.push(await putFile(files.readOnly, text));
    }
    const socketText = options.socket && renderSocket(options.socket);
    const isSocketNew = socketText !== (await readFile(files.socket, "utf8").catch(() => undefined));
    if (socketText === undefined) await dropSocket();
    else written.push(await putFile(files.socket, socketText));
    await order("daemon-reload");
    await order("enable", "--quiet", service, ...(options.socket ? [socket] : []));
    if (!options.start) return written;
    if (options.socket !== undefined) await startSocket(isSocketNew);
    // Also out of a start limit that was reached before.
    await systemctl("reset-failed", service);
    await order("restart", service);
    return written;
  }

  /** A socket can only be made while its service does not run, which then would hold the port itself. */
  async function startSocket(isNew: boolean): Promise<void> {
    const isActive = (await systemctl("is-active", "--quiet", socket)).code === 0;
    // As it is it carries connections through the restart of the service.
    if (isActive && !isNew) return;
    if (isActive) await order("stop", socket);
    await systemctl("stop", service);
    await order("start", socket);
  }

  async function dropSocket(): Promise<readonly string[]> {
    await systemctl("disable", "--now", "--quiet", socket);
    return removeFiles([files.socket]);
  }

  async function uninstall(): Promise<readonly string[]> {
    const removed: string[] = [];
    // Where systemd does not run, and nothing was installed, there is nothing to say.
    if (!Object.values(files).some((file) => existsSync(file)) && !(await isReachable())) return removed;
    await takeAll([
      reach,
      async () => removed.push(...(await dropSocket())),
      async () => {
        const { code, stderr } = await systemctl("disable", "--now", "--quiet", service);
        const isMissing = /does not exist|not loaded|not found/.test(stderr);
        if (code !== 0 && !isMissing) throw new Fault("FAILED", `systemctl: ${firstLine(stderr)}`);
      },
      async () => removed.push(...(await removeFiles([files.service, files.readOnly]))),
      () => removeEmpty(dropIns),
      async () => {
        // A user may have had none before.
        if (scope === "user") for (const folder of [directory, dirname(directory)]) await removeEmpty(folder);
      },
      () => order("daemon-reload"),
      () => systemctl("reset-failed", service),
    ]);
    return removed;
  }

  return { install, uninstall };
}

function firstLine(text: string): string {
  return text.trim().split("\n", 1)[0] || "it does not say why";
}
