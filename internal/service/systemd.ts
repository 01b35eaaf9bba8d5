import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Fault } from "../errs/errs.js";
import { type ServiceScope, serviceName } from "./description.js";
import { putFile, removeEmpty, removeFiles, takeAll } from "./files.js";
import type { InstallOptions, Run, ServiceManager } from "./manager.js";
import { askEnvironment, askUnitDirectory } from "./systemd-show.js";
import { renderReadOnly, renderSocket, renderUnit } from "./systemd-unit.js";

export interface SystemdOptions {
  readonly scope: ServiceScope["kind"];
  /** Where the units of that scope are kept, unless the manager says otherwise; see `unitDirectory`. */
  readonly directory: string;
  readonly run: Run;
}

const service = `${serviceName}.service`;
const socket = `${serviceName}.socket`;

/** systemd.unit(5), "Unit File Load Path". */
export function unitDirectory(scope: ServiceScope["kind"], configHome: string): string {
  return scope === "system" ? "/etc/systemd/system" : join(configHome, "systemd", "user");
}

interface Files {
  readonly directory: string;
  readonly service: string;
  readonly socket: string;
  /** The folder of what changes the unit: our own and the owner's. */
  readonly dropIns: string;
  readonly readOnly: string;
}

export function createSystemd({ scope, directory, run }: SystemdOptions): ServiceManager {
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

  /** A user's manager has an environment of its own, which may name another place than this process's. */
  async function locate(): Promise<Files> {
    const found = (scope === "user" && (await askUnitDirectory(systemctl))) || directory;
    const dropIns = join(found, `${service}.d`);
    return {
      directory: found,
      service: join(found, service),
      socket: join(found, socket),
      dropIns,
      readOnly: join(dropIns, "readonly.conf"),
    };
  }

  async function install(options: InstallOptions): Promise<readonly string[]> {
    const { description, stateDir, listen } = options;
    await reach();
    const files = await locate();
    const isReadOnly = options.readOnly ?? existsSync(files.readOnly);
    const holdsPort = options.holdPort ?? existsSync(files.socket);
    const written = [await putFile(files.service, renderUnit(description))];
    if (isReadOnly) written.push(await putFile(files.readOnly, renderReadOnly(description, { stateDir })));
    else await removeFiles([files.readOnly]);
    const socketText = holdsPort ? renderSocket(listen) : undefined;
    const isSocketNew = socketText !== (await readFile(files.socket, "utf8").catch(() => undefined));
    if (socketText === undefined) await dropSocket(files);
    else written.push(await putFile(files.socket, socketText));
    await order("daemon-reload");
    await options.beforeStart();
    await order("enable", "--quiet", service, ...(holdsPort ? [socket] : []));
    if (!options.start) return written;
    if (holdsPort) await startSocket(isSocketNew);
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

  async function dropSocket(files: Files): Promise<readonly string[]> {
    await systemctl("disable", "--now", "--quiet", socket);
    return removeFiles([files.socket]);
  }

  async function uninstall(): Promise<readonly string[]> {
    const removed: string[] = [];
    const files = await locate();
    const { directory, dropIns } = files;
    const isWritten = [files.service, files.socket, files.readOnly].some((file) => existsSync(file));
    // Where systemd does not run, and nothing was installed, there is nothing to say.
    if (!isWritten && !(await isReachable())) return removed;
    await takeAll([
      reach,
      async () => removed.push(...(await dropSocket(files))),
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

  return { environment: () => askEnvironment(systemctl, service), install, uninstall };
}

function firstLine(text: string): string {
  return text.trim().split("\n", 1)[0] || "it does not say why";
}
