import { dirname, isAbsolute, join } from "node:path";
import { whoChanges, withoutChangeable } from "../../internal/config/changeable.js";
import type { Config } from "../../internal/config/config.js";
import type { ServiceDescription, ServiceScope } from "../../internal/service/description.js";
import { createLaunchd } from "../../internal/service/launchd.js";
import { createRun, type Run, type ServiceManager } from "../../internal/service/manager.js";
import { createSystemd, unitDirectory } from "../../internal/service/systemd.js";
import type { Context } from "./context.js";
import { type Account, loginPathOf } from "./install/account.js";
import { daemonProgram } from "./install/program.js";

/** The service manager of this machine, and how programs are run for it; `account` is whom a service of the system runs as. */
export function serviceManager(
  context: Context,
  account?: Account,
): { readonly manager: ServiceManager; readonly run: Run } {
  const { env, home, uid, scope } = context;
  const run = createRun(env);
  if (process.platform === "darwin") {
    return { manager: createLaunchd({ scope, home: account?.home ?? home, uid, run }), run };
  }
  const directory = unitDirectory(scope, env.XDG_CONFIG_HOME || join(home, ".config"));
  return { manager: createSystemd({ scope, directory, run }), run };
}

/** What the manager is to start: the daemon beside this program, by the node that runs this. */
export async function describeService(
  { env, configPath }: Pick<Context, "env" | "configPath">,
  { account, config }: { readonly account: Account | undefined; readonly config: Config },
): Promise<ServiceDescription> {
  const scope: ServiceScope =
    account === undefined ? { kind: "user" } : { kind: "system", user: account.name };
  const path = account === undefined ? (env.PATH ?? "") : await loginPathOf(account);
  return {
    node: process.execPath,
    program: daemonProgram(),
    configPath,
    environment: {
      PATH: servicePath(path, { node: process.execPath, config }),
      ...(account === undefined ? locating(env) : systemVariables(account)),
    },
    scope,
  };
}

/** What decides in this shell where state, socket and git's own settings are. systemd itself says where its sockets are. */
function locating(env: NodeJS.ProcessEnv): Record<string, string> {
  const names = ["XDG_STATE_HOME", "XDG_CONFIG_HOME"];
  if (process.platform === "darwin") names.push("XDG_RUNTIME_DIR");
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = env[name];
      return value !== undefined && isAbsolute(value) ? [[name, value]] : [];
    }),
  );
}

/** systemd gives these to a service with a user (systemd.exec(5)), launchd may not. */
function systemVariables({ home, name }: Account): Record<string, string> {
  return process.platform === "darwin" ? { HOME: home, USER: name, LOGNAME: name } : {};
}

/**
 * The PATH of the one whose service it is, without what is there for a project or relative to a folder, and without what clients
 * may change, as an active .venv of a workspace: the daemon runs programs outside of the sandbox too.
 */
function servicePath(path: string, { node, config }: { node: string; config: Config }): string {
  const folders = path
    .split(":")
    .filter((folder) => isAbsolute(folder) && !folder.includes("/node_modules/"))
    .concat(dirname(node), "/usr/local/bin", "/usr/bin", "/bin");
  return withoutChangeable([...new Set(folders)].join(":"), whoChanges(config));
}
