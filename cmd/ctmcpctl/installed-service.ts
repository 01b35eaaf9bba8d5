import { existsSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { Fault } from "../../internal/errs/errs.js";
import { type ServiceScope, serviceName, type WrittenService } from "../../internal/service/description.js";
import { agentFile, daemonFile } from "../../internal/service/launchd.js";
import { launchdLabel, readPlist } from "../../internal/service/launchd-plist.js";
import { unitDirectory } from "../../internal/service/systemd.js";
import { readUnit } from "../../internal/service/systemd-unit.js";

type Scope = ServiceScope["kind"];

/** What decides which service is meant. */
export interface ServiceOwner {
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  readonly scope: Scope;
  /** Default: the platform this runs on. */
  readonly platform?: NodeJS.Platform;
}

/** Whether it is about the whole machine: because `--system` says so, or because its service runs as the one who asks. */
export function scopeOfService(isSystem: boolean): Scope {
  if (isSystem) return "system";
  const user = readService({ env: {}, home: "", scope: "system" })?.user;
  return user !== undefined && user === ownName() ? "system" : "user";
}

/**
 * `env` with the variables that systemd gives to a service of the whole machine (systemd.exec(5), RuntimeDirectory=): its
 * state and its socket lie there, not in the home directory.
 */
export function withService(
  env: NodeJS.ProcessEnv,
  scope: Scope,
  platform = process.platform,
): NodeJS.ProcessEnv {
  if (scope === "user" || platform === "darwin" || env.STATE_DIRECTORY !== undefined) return env;
  return {
    ...env,
    STATE_DIRECTORY: join("/var/lib", serviceName),
    RUNTIME_DIRECTORY: join("/run", serviceName),
  };
}

/** The service that is looked at: the file that describes it, what tells how it is, and what starts it. */
export function serviceFile({ env, home, scope, platform = process.platform }: ServiceOwner): {
  readonly file: string;
  readonly status: readonly [string, ...string[]];
  readonly start: readonly string[];
} {
  if (platform === "darwin") {
    const isSystem = scope === "system";
    const service = `${isSystem ? "system" : `gui/${process.getuid?.()}`}/${launchdLabel}`;
    return {
      file: isSystem ? daemonFile : agentFile(home),
      status: ["launchctl", "print", service],
      start: ["launchctl", "kickstart", service],
    };
  }
  const systemctl = ["systemctl", ...userFlag(scope)] as const;
  return {
    file: unitFile({ env, home, scope }),
    status: [...systemctl, "is-active", serviceName],
    start: [...systemctl, "start", serviceName],
  };
}

/** What the file of that service says; undefined when there is none. */
export function readService(owner: ServiceOwner): WrittenService | undefined {
  const { platform = process.platform } = owner;
  try {
    const text = readFileSync(serviceFile(owner).file, "utf8");
    return platform === "darwin" ? readPlist(text) : readUnit(text);
  } catch {
    return undefined;
  }
}

/** What a person types to install that service once more. */
export function installCommand(scope: Scope): string {
  return scope === "system" ? 'sudo env "PATH=$PATH" ctmcpctl install --system' : "ctmcpctl install";
}

/** Throws USAGE when the service is one of the whole machine and `--system` does not say that it is meant. */
export function refuseSystemService(
  owner: ServiceOwner & { readonly flags: { readonly system?: boolean } },
): void {
  if (owner.scope !== "system" || owner.flags.system) return;
  const { file } = serviceFile(owner);
  throw new Fault("USAGE", `you have a service of the whole machine: ${file}`, {
    hint: `for an upgrade: ${installCommand("system")}; to have one of your own, first the same with uninstall`,
  });
}

/** Where that service leaves its log: a file, or a program that prints it. */
export function serviceLog({
  home,
  scope,
  platform = process.platform,
}: ServiceOwner): { readonly file: string } | { readonly command: readonly [string, ...string[]] } {
  if (platform === "darwin") return { file: join(home, "Library", "Logs", `${launchdLabel}.log`) };
  const flags = ["--quiet", "--no-pager", "--output=short-iso", `--unit=${serviceName}`];
  return { command: ["journalctl", ...userFlag(scope), ...flags] };
}

/** The manager may have been started without a variable that this shell has, and then looks in the usual place. */
function unitFile({ env, home, scope }: Pick<ServiceOwner, "env" | "home" | "scope">): string {
  const usual = join(home, ".config");
  const [first = "", second = first] = [env.XDG_CONFIG_HOME || usual, usual].map((configHome) =>
    join(unitDirectory(scope, configHome), `${serviceName}.service`),
  );
  return existsSync(first) ? first : second;
}

function userFlag(scope: Scope): readonly string[] {
  return scope === "system" ? [] : ["--user"];
}

function ownName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    // Containers have users without an entry.
    return undefined;
  }
}
