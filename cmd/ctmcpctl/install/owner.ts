import { configPath } from "../../../internal/config/paths.js";
import { Fault } from "../../../internal/errs/errs.js";
import type { Context } from "../context.js";
import { readService, withService } from "../installed-service.js";
import type { Account } from "./account.js";

/** For loadConfig: who a service is for, and what it will find. */
export type Owner = Pick<Context, "env" | "home" | "uid" | "configPath" | "isInspection">;

const system = { env: {}, home: "", scope: "system" } as const;

/** Whom a service of the whole machine is to run as: `--user`, or whom the installed one runs as. Faults: USAGE, PERMISSION. */
export function userOf({ flags, uid }: Context): string {
  const user = flags.user ?? readService(system)?.user;
  if (user === undefined) {
    throw new Fault("USAGE", "--user is missing: who is the service to run as?", {
      hint: "name yourself: --system --user NAME",
    });
  }
  // It goes into a unit as it is.
  if (!/^[a-z_][a-z0-9_.-]*\$?$/i.test(user)) throw new Fault("USAGE", `${user} is no user name`);
  if (uid !== 0) {
    throw new Fault("PERMISSION", "a system service is installed by root", {
      hint: 'sudo env "PATH=$PATH" ctmcpctl install --system --user NAME',
    });
  }
  return user;
}

/** The variables that systemd gives to a service of `account`, besides those of the manager and of the unit. */
export function givenTo({ name, home }: Account): NodeJS.ProcessEnv {
  return withService({ HOME: home, USER: name, LOGNAME: name }, "system");
}

/** `account` in place of root. Root's other variables stay: whether the service has them is looked at in the end. */
export function ownerOf(context: Context, account: Account): Owner {
  const { home, uid } = account;
  return {
    env: { ...context.env, ...givenTo(account) },
    home,
    uid,
    configPath: configOf(context, account),
    isInspection: true,
  };
}

/** The config that is named, or that the installed service has, or where that user's would be. */
function configOf({ flags, env, configPath: named }: Context, { name, home }: Account): string {
  if (flags.config !== undefined || env.CTMCP_CONFIG) return named;
  const { user, command = [] } = readService(system) ?? {};
  const at = command.indexOf("--config");
  const kept = user === name && at > 0 ? command[at + 1] : undefined;
  return kept ?? configPath({ env: {}, home });
}
