import { existsSync } from "node:fs";
import { type LoadedConfig, loadConfig } from "../../internal/config/load.js";
import { problemsOf } from "../../internal/config/problem.js";
import { Fault } from "../../internal/errs/errs.js";
import type { Context } from "./context.js";
import { type Account, accountOf } from "./install/account.js";
import { checkLinger } from "./install/linger.js";
import { givenTo, type Owner, ownerOf, userOf } from "./install/owner.js";
import { installCommand, refuseSystemService, serviceFile } from "./installed-service.js";
import { describeService, serviceManager } from "./service.js";
import { waitFor } from "./wait.js";

const readyMs = 30_000;

/**
 * Registers the daemon with the service manager and starts it, or starts it anew: an upgrade is the same, and keeps what was
 * chosen before.
 */
export async function run(context: Context): Promise<number> {
  const { flags, scope, answer, remark } = context;
  refuseSystemService(context);
  const account = scope === "system" ? await accountOf(userOf(context)) : undefined;
  if (account !== undefined) refuseUserService(account);
  else if (flags.user !== undefined) {
    throw new Fault("USAGE", "--user is for a --system service", { hint: "add --system, or leave it out" });
  }
  const owner = account === undefined ? context : ownerOf(context, account);
  const { manager, run } = serviceManager(context, account);
  const load = (env: NodeJS.ProcessEnv | undefined): LoadedConfig =>
    loadConfig({ ...owner, env: { ...env, ...owner.env }, path: owner.configPath });
  const { config } = load(await manager.environment());
  const description = await describeService(owner, { account, config });
  const full = config.workspaces.find(({ profile }) => profile === "full");
  if (flags["read-only"] && full !== undefined) {
    throw new Fault("USAGE", `--read-only does not fit: workspace ${full.id} is full`, {
      hint: "leave it out, or make every workspace read-only",
    });
  }
  const files = await manager.install({
    description,
    readOnly: choice(flags, "read-only"),
    holdPort: choice(flags, "hold-port"),
    stateDir: config.stateDir,
    listen: config.listen,
    start: !flags["no-start"],
    beforeStart: async () => {
      const given = await manager.environment();
      if (given === undefined) return;
      const env = { ...description.environment, ...given, ...(account && givenTo(account)) };
      checkAsService({ ...owner, env }, scope);
    },
  });
  if (full !== undefined && files.some((file) => file.endsWith("/readonly.conf"))) {
    remark(
      `note: the settings are those of --read-only, and workspace ${full.id} is full; --no-read-only ends that`,
    );
  }
  const lingers = scope === "system" || (await checkLinger(context, run));
  if (flags["no-start"] || scope === "system") {
    answer({ files, lingers, status: null }, () => files.map((file) => `wrote ${file}`).join("\n"));
    return 0;
  }
  const status = await waitFor("ready", context, readyMs);
  answer({ files, lingers, status }, () =>
    [
      ...files.map((file) => `wrote ${file}`),
      `running: ${status.listen.public_url ?? status.listen.url}`,
      "next, connect a client: ctmcpctl connect",
    ].join("\n"),
  );
  return 0;
}

/** What a pair of flags asks for; undefined when it is to stay as it is. */
function choice(flags: Context["flags"], name: "read-only" | "hold-port"): boolean | undefined {
  const on = flags[name];
  const off = flags[`no-${name}`];
  if (on && off) throw new Fault("USAGE", `--${name} and --no-${name} are both given`, { hint: "keep one" });
  return on ? true : off ? false : undefined;
}

/** Two daemons would want the same port. */
function refuseUserService({ name, home }: Account): void {
  const { file } = serviceFile({ env: {}, home, scope: "user" });
  if (!existsSync(file)) return;
  throw new Fault("USAGE", `${name} has a service of their own: ${file}`, {
    hint: `first, as ${name}: ctmcpctl uninstall`,
  });
}

/** Throws CONFIG_INVALID when the configuration needs a variable of this shell that the service, with those of `owner`, lacks. */
function checkAsService(owner: Owner, scope: Context["scope"]): void {
  try {
    loadConfig({ ...owner, path: owner.configPath });
  } catch (error) {
    const problems = problemsOf(error);
    if (problems.length === 0) throw error;
    const unit = `systemctl ${scope === "user" ? "--user " : ""}edit coding-tools-mcp`;
    const variable = `give it the variable: ${unit}, there [Service] and Environment=NAME=VALUE`;
    const secret = `a secret rather by a file (token_file, password_file) or LoadCredential= and \${credential:NAME}`;
    throw new Fault("CONFIG_INVALID", "the service was not started: it does not have what this shell has", {
      hint:
        process.platform === "darwin"
          ? "write the value into the config; a secret into a file (token_file, password_file) or the keychain"
          : `${variable}; ${secret}; then: ${installCommand(scope)}`,
      details: { problems },
    });
  }
}
