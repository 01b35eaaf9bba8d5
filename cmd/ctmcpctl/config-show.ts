import { loadConfig } from "../../internal/config/load.js";
import { formatShown, showConfig } from "../../internal/config/show.js";
import type { Context } from "./context.js";

/** Shows what the config file amounts to, or with `--running` what the daemon has in force. */
export async function run(context: Context): Promise<number> {
  const { flags, answer } = context;
  const sources = flags.sources ?? false;
  const shown = flags.running ? await context.client.config({ sources }) : fromFile(context);
  answer({ ...shown, sources: sources ? shown.sources : undefined }, () =>
    formatShown({ ...shown, sources: shown.sources ?? {} }, { sources }).trimEnd(),
  );
  return 0;
}

function fromFile(context: Context): ReturnType<typeof showConfig> {
  return showConfig(loadConfig({ ...context, path: context.configPath }));
}
