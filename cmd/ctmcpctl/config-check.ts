import { resolve } from "node:path";
import { loadConfig } from "../../internal/config/load.js";
import { formatProblem } from "../../internal/config/problem.js";
import type { Context } from "./context.js";
import { printable } from "./output.js";

/** Loads a config file as the daemon would. Every mistake is told at once; what is merely odd does not fail. */
export function run(context: Context): number {
  const { args, cwd, answer, remark } = context;
  const path = args[0] === undefined ? context.configPath : resolve(cwd, args[0]);
  const { warnings } = loadConfig({ ...context, path });
  for (const warning of warnings) remark(`warning: ${printable(formatProblem(warning))}`);
  answer({ path, ok: true, warnings }, () => `${printable(path)} is good`);
  return 0;
}
