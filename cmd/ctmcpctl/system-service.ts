import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { serviceName } from "../../internal/service/description.js";
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
