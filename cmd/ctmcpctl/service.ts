import { realpathSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { whoChanges, withoutChangeable } from "../../internal/config/changeable.js";
import type { Config } from "../../internal/config/config.js";
import type { ServiceDescription, ServiceScope } from "../../internal/service/description.js";
import { createLaunchd } from "../../internal/service/launchd.js";
import { createRun, type Run, type ServiceManager } from "../../internal/service/manager.js";
import { createSystemd, unitDirectory } from "../../internal/service/systemd.js";
import { packageRoot } from "../../internal/version/version.js";
import type { Context } from "./context.js";

/** The service manager of this machine, and how programs are run for it. */
export function serviceManager(context: Context): { readonly manager: ServiceManager; readonly run: Run } {
  const { env, home, uid, flags } = context;
  const run = createRun(env);
  const scope: ServiceScope["kind"] = flags.system ? "system" : "user";
  if (process.platform === "darwin") return { manager: createLaunchd({ scope, home, uid, run }), run };
  const configHome = env.XDG_CONFIG_HOME || join(home, ".config");
  const directory = unitDirectory(scope, configHome);
  return { manager: createSystemd({ scope, directory, run }), run };
}

/** What the manager is to start: the daemon beside this program, by the node that runs this. */
export function describeService(context: Context, scope: ServiceScope, config: Config): ServiceDescription {
  return {
    node: process.execPath,
    program: daemonProgram(),
    configPath: context.configPath,
    path: servicePath(context.env.PATH ?? "", { node: process.execPath, config }),
    scope,
  };
}

function daemonProgram(): string {
  const own = process.argv[1];
  const beside = own === undefined ? "" : join(dirname(realpathSync(own)), "ctmcpd.cjs");
  return own?.endsWith(".cjs") ? beside : fileURLToPath(new URL("dist/bin/ctmcpd.cjs", packageRoot));
}

/**
 * The PATH of the one who installs, without what is there for a project or relative to a folder, and without what clients
 * may change, as an active .venv of a workspace: the daemon runs programs outside of the sandbox too.
 */
function servicePath(path: string, { node, config }: { node: string; config: Config }): string {
  const folders = path
    .split(":")
    .filter((folder) => isAbsolute(folder) && !folder.includes("/node_modules/"))
    .concat(dirname(node), "/usr/local/bin", "/usr/bin", "/bin");
  return withoutChangeable([...new Set(folders)].join(":"), whoChanges(config));
}
