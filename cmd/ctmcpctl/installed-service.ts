import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { serviceName } from "../../internal/service/description.js";
import { launchdLabel } from "../../internal/service/launchd-plist.js";
import { unitDirectory } from "../../internal/service/systemd.js";

const stateDirectory = join("/var/lib", serviceName);

interface Caller {
  readonly uid: number;
  /** The command is about a service of the whole machine, as its `--system` says. */
  readonly isSystem: boolean;
}

/**
 * The variables that systemd gives to a service of the whole machine (systemd.exec(5), RuntimeDirectory=), for the one whom
 * it runs as: its state and its socket lie there, not in the home directory. Other users' variables stay as they are.
 */
export function withSystemService(env: NodeJS.ProcessEnv, { uid, isSystem }: Caller): NodeJS.ProcessEnv {
  const isInstalled = existsSync(join(unitDirectory("system", ""), `${serviceName}.service`));
  const isOurs =
    isSystem || (isInstalled && statSync(stateDirectory, { throwIfNoEntry: false })?.uid === uid);
  if (!isOurs || env.STATE_DIRECTORY !== undefined) return env;
  return { ...env, STATE_DIRECTORY: stateDirectory, RUNTIME_DIRECTORY: join("/run", serviceName) };
}

/** True when `withSystemService` found it so. */
export function isOfSystem(env: NodeJS.ProcessEnv): boolean {
  return env.STATE_DIRECTORY === stateDirectory;
}

/** What decides which service is meant. */
interface Account {
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
}

/** The service that is looked at: the file that describes it, what tells how it is, and what starts it. */
export function serviceFile({ env, home }: Account): {
  readonly file: string;
  readonly status: readonly [string, ...string[]];
  readonly start: readonly string[];
} {
  if (process.platform === "darwin") {
    const file = join(home, "Library", "LaunchAgents", `${launchdLabel}.plist`);
    const service = `gui/${process.getuid?.()}/${launchdLabel}`;
    return { file, status: ["launchctl", "print", service], start: ["launchctl", "kickstart", service] };
  }
  const scope = isOfSystem(env) ? "system" : "user";
  const directory = unitDirectory(scope, env.XDG_CONFIG_HOME || join(home, ".config"));
  const file = join(directory, `${serviceName}.service`);
  const systemctl = ["systemctl", ...userFlag(env)] as const;
  return {
    file,
    status: [...systemctl, "is-active", serviceName],
    start: [...systemctl, "start", serviceName],
  };
}

/** Where that service leaves its log: a file, or a program that prints it. */
export function serviceLog({
  env,
  home,
}: Account): { readonly file: string } | { readonly command: readonly [string, ...string[]] } {
  if (process.platform === "darwin") return { file: join(home, "Library", "Logs", `${launchdLabel}.log`) };
  const flags = ["--quiet", "--no-pager", "--output=short-iso", `--unit=${serviceName}`];
  return { command: ["journalctl", ...userFlag(env), ...flags] };
}

function userFlag(env: NodeJS.ProcessEnv): readonly string[] {
  return isOfSystem(env) ? [] : ["--user"];
}
