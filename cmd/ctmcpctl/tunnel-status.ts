import type { Context } from "./context.js";
import { describeTunnel } from "./tunnel-report.js";

/** Shows how the tunnel is. */
export async function run({ client, answer }: Context): Promise<number> {
  answer(await client.tunnel(), ({ tunnel }) => describeTunnel(tunnel));
  return 0;
}
