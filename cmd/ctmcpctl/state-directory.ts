import { locateState } from "../../internal/config/locate.js";
import type { Context } from "./context.js";

/** Where the daemon keeps its state, also when the config is missing or wrong. */
export function stateDirectory({ configPath: path, env, home }: Context): Promise<string> {
  return locateState({ path, env, home });
}
