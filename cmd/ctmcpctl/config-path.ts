import { existsSync } from "node:fs";
import type { Context } from "./context.js";

/** Says where the config file is, whether or not there is one. */
export function run({ configPath, answer }: Context): number {
  answer({ path: configPath, exists: existsSync(configPath) }, ({ path }) => path);
  return 0;
}
