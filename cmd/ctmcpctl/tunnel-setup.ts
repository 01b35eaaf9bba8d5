import type { StatusReport } from "../../internal/admin/types.js";
import { Fault } from "../../internal/errs/errs.js";
import type { Context } from "./context.js";
import { printable } from "./output.js";
import { createSession } from "./session.js";
import { setupCloudflared } from "./tunnel-setup/cloudflared.js";
import { checkBase, type TunnelEntry, writeEntry } from "./tunnel-setup/config-file.js";
import { setupDevtunnel } from "./tunnel-setup/devtunnel.js";
import { setupNgrok } from "./tunnel-setup/ngrok.js";
import type { Provider } from "./tunnel-setup/setup.js";
import { setupSsh } from "./tunnel-setup/ssh.js";
import { parseTime } from "./values.js";
import { waitFor } from "./wait.js";

const providers: Readonly<Record<string, Provider>> = {
  cloudflared: setupCloudflared,
  ngrok: setupNgrok,
  devtunnel: setupDevtunnel,
  ssh: setupSsh,
};

/**
 * Takes the steps a tunnel needs once, asking before each, and writes it into the config. Ends when the running daemon
 * has verified it (UNHEALTHY when that does not come in time), or without a daemon with the command that comes next.
 */
export async function run(context: Context): Promise<number> {
  const { args, flags, configPath: path, remark, answer } = context;
  const timeoutMs = parseTime("timeout", flags.timeout ?? "60s");
  const [name = ""] = args;
  const provider = providers[name];
  if (provider === undefined) throw new Fault("USAGE", `no setup for ${name}`);
  const config = await checkBase(context);
  const entry = await provider({ context, session: createSession(context), config });
  await writeEntry(context, entry);
  remark(printable(`wrote ${path}`));
  const status = await takeUp(context, timeoutMs);
  answer(reportOf(context, entry, status), describe);
  return 0;
}

/** Has the daemon take up the new config, and waits until the tunnel is verified; undefined when there is no daemon. */
async function takeUp(context: Context, timeoutMs: number): Promise<StatusReport | undefined> {
  try {
    await context.client.reload({ dryRun: false });
  } catch (error) {
    if (error instanceof Fault && error.code === "DAEMON_UNREACHABLE") return undefined;
    throw error;
  }
  context.remark("waiting for a request to come through the public URL");
  return waitFor("tunnel", context, timeoutMs);
}

function reportOf(
  { configPath: path, flags }: Context,
  { hostname, tunnel }: TunnelEntry,
  status?: StatusReport,
) {
  const at = flags.config === undefined ? "" : ` --config ${path}`;
  const name = hostname === undefined ? null : `https://${hostname}/mcp`;
  return {
    path,
    provider: tunnel.provider,
    url: status?.tunnel?.url ?? status?.listen.public_url ?? name,
    verified: status !== undefined,
    next: status ? [] : [`ctmcpd${at}`, `ctmcpctl${at} wait --for tunnel`],
  };
}

function describe({ url, verified, next }: ReturnType<typeof reportOf>): string {
  if (verified) return printable(`verified: ${url}`);
  return ["no daemon is running; next:", ...next.map((command) => `  ${printable(command)}`)].join("\n");
}
