import { exitCodeOf } from "../../internal/errs/errs.js";
import type { Context } from "./context.js";
import { describeTunnel, unverified } from "./tunnel-report.js";

/** Has the daemon ask for a request through the public URL. Ends with the exit code of UNHEALTHY when it fails. */
export async function run({ client, answer }: Context): Promise<number> {
  const report = await client.testTunnel();
  answer(report, ({ tunnel }) => describeTunnel(tunnel));
  const fault = unverified(report.tunnel);
  return fault ? exitCodeOf(fault) : 0;
}
