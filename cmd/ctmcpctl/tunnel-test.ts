import { exitCodeOf } from "../../internal/errs/errs.js";
import type { Context } from "./context.js";
import { describeTunnel, failedTest } from "./tunnel-report.js";

/** Has the daemon ask for a request through the public URL. Ends with the exit code of UNHEALTHY when it fails. */
export async function run({ client, answer, remark }: Context): Promise<number> {
  const begun = Date.now();
  const report = await client.testTunnel();
  answer(report, ({ tunnel }) => describeTunnel(tunnel));
  const fault = failedTest(report.tunnel, begun);
  // The report itself does not show it.
  if (fault && report.tunnel?.state === "verified") remark(`${fault.message}; ${fault.hint}`);
  return fault ? exitCodeOf(fault) : 0;
}
