import { resolve } from "node:path";
import { locateState } from "../../internal/config/locate.js";
import type { Context } from "./context.js";

/** The state directory that is asked for; else the daemon's, also when its config is missing or wrong. */
export async function stateDirectory({ configPath: path, env, home, flags, cwd }: Context): Promise<string> {
  const asked = flags["state-dir"];
  return asked === undefined ? locateState({ path, env, home }) : resolve(cwd, asked);
}
