import { Fault } from "../../internal/errs/errs.js";
import { version } from "../../internal/version/version.js";
import type { Context } from "./context.js";

/** Shows both versions; that no daemon can be asked is an answer, not a failure. */
export async function run(context: Context): Promise<number> {
  context.answer({ ctl: version, daemon: await daemonVersion(context) }, ({ ctl, daemon }) =>
    [`ctmcpctl ${ctl}`, `ctmcpd   ${daemon ?? "not reachable"}`].join("\n"),
  );
  return 0;
}

async function daemonVersion({ client }: Context): Promise<string | null> {
  try {
    return (await client.status()).version;
  } catch (error) {
    if (error instanceof Fault && (error.code === "DAEMON_UNREACHABLE" || error.code === "PERMISSION"))
      return null;
    throw error;
  }
}
