import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { locateSocket } from "../../internal/config/locate.js";
import { defaultRuntimeDir, defaultStateDir } from "../../internal/config/paths.js";
import { Fault } from "../../internal/errs/errs.js";
import { removeEmpty, takeAll } from "../../internal/service/files.js";
import type { Context } from "./context.js";
import { isOfSystem } from "./installed-service.js";
import { printable } from "./output.js";
import { serviceManager } from "./service.js";

/** Stops the service and removes what `install` wrote; with `--purge` also what the daemon kept. Never the config. */
export async function run(context: Context): Promise<number> {
  const { flags, configPath, answer } = context;
  const removed: string[] = [];
  await takeAll([
    async () => removed.push(...(await serviceManager(context).manager.uninstall())),
    async () => {
      if (flags.purge) removed.push(...(await purge(context)));
    },
    async () => removeEmpty(dirname(await locateSocket({ ...context, path: configPath }))),
  ]);
  answer({ removed, kept: configPath }, () =>
    [...removed.map((path) => `removed ${path}`), `kept ${configPath}`].map(printable).join("\n"),
  );
  return 0;
}

/** Only from the places that are the daemon's alone: a folder that the config names may hold more. */
async function purge(context: Context): Promise<readonly string[]> {
  const { configPath, env, home } = context;
  const state = defaultStateDir({ env, home });
  const runtime = defaultRuntimeDir({ env, home }, state);
  const used = dirname(await locateSocket({ ...context, path: configPath }));
  for (const path of [state, runtime]) await rm(path, { recursive: true, force: true });
  if (!isOfSystem(env)) await removeEmpty(dirname(state));
  if (used !== runtime && used !== state) {
    throw new Fault("FAILED", `the config names folders of its own, such as ${used}, which are left`, {
      hint: "look at state_dir and runtime_dir there, and remove them yourself",
    });
  }
  return [...new Set([state, runtime])];
}
