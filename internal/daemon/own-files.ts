import { join } from "node:path";
import type { LoadOptions } from "../config/load.js";
import { serviceName } from "../service/description.js";
import { launchdLabel } from "../service/launchd-plist.js";
import { unitDirectory } from "../service/systemd.js";

/**
 * What decides what the daemon does and how it is started, besides what the configuration names: its file, and those that a
 * service manager reads for it, whether they are there or not. Whoever can change them runs programs as the owner.
 */
export function ownFiles({ path, env, home }: Pick<LoadOptions, "path" | "env" | "home">): readonly string[] {
  const units = unitDirectory("user", env.XDG_CONFIG_HOME || join(home, ".config"));
  const names = ["service", "socket"].flatMap((kind) => [
    `${serviceName}.${kind}`,
    `${serviceName}.${kind}.d`,
  ]);
  return [
    path,
    ...names.map((name) => join(units, name)),
    join(home, "Library", "LaunchAgents", `${launchdLabel}.plist`),
  ];
}
