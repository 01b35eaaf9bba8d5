import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { locateSocket } from "../../internal/config/locate.js";
import { defaultRuntimeDir, defaultStateDir } from "../../internal/config/paths.js";
import { Fault } from "../../internal/errs/errs.js";
import { removeEmpty, takeAll } from "../../internal/service/files.js";
import type { Context } from "./context.js";
import { accountOf } from "./install/account.js";
import { remarkLinger } from "./install/linger.js";
import { readService, refuseSystemService } from "./installed-service.js";
import { printable } from "./output.js";
import { serviceManager } from "./service.js";

/** Stops the service and removes what `install` wrote; with `--purge` also what the daemon kept. Never the config. */
export async function run(context: Context): Promise<number> {
  const { flags, configPath, scope, answer } = context;
  refuseSystemService(context);
  const home = await homeOfService(context);
  const { manager, run } = serviceManager(context);
  const removed: string[] = [];
  await takeAll([
    async () => removed.push(...(await manager.uninstall({ purge: flags.purge === true }))),
    async () => {
      if (flags.purge) removed.push(...(await purge({ ...context, home })));
    },
    async () => removeEmpty(dirname(await locateSocket({ ...context, home, path: configPath }))),
  ]);
  answer({ removed, kept: configPath }, () =>
    [...removed.map((path) => `removed ${path}`), `kept ${configPath}`].map(printable).join("\n"),
  );
  if (scope === "user") await remarkLinger(context, run);
  return 0;
}

/** On macOS a daemon of the system keeps its state in the home of whom it runs as; it is asked for while that is known. */
async function homeOfService(context: Context): Promise<string> {
  if (process.platform !== "darwin" || context.scope === "user") return context.home;
  const user = readService(context)?.user;
  return user === undefined ? context.home : (await accountOf(user)).home;
}

/** Only from the places that are the daemon's alone: a folder that the config names may hold more. */
async function purge({ configPath, env, home, scope }: Context): Promise<readonly string[]> {
  const state = defaultStateDir({ env, home });
  const runtime = defaultRuntimeDir({ env, home }, state);
  const used = dirname(await locateSocket({ env, home, path: configPath }));
  for (const path of [state, runtime]) await rm(path, { recursive: true, force: true });
  if (scope === "user") await removeEmpty(dirname(state));
  if (used !== runtime && used !== state) {
    throw new Fault("FAILED", `the config names folders of its own, such as ${used}, which are left`, {
      hint: "look at state_dir and runtime_dir there, and remove them yourself",
    });
  }
  return [...new Set([state, runtime])];
}
