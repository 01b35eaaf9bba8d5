import type { Context } from "./context.js";
import { describeTunnel } from "./tunnel-report.js";

/** Starts the tunnel's program again. */
export async function run({ client, answer }: Context): Promise<number> {
  answer(await client.restartTunnel(), ({ tunnel }) => describeTunnel(tunnel));
  return 0;
}
