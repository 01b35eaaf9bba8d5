import type { AdminClient } from "../../../internal/admin/client.js";
import type { StatusReport } from "../../../internal/admin/types.js";
import { failedTest } from "../tunnel-report.js";
import { fail, ok, type Row, warn } from "./row.js";

/** Has the daemon prove, by a nonce that only it can answer, that requests to the public URL arrive at it. */
export async function checkTunnel(
  client: Pick<AdminClient, "testTunnel">,
  { tunnel: configured }: Pick<StatusReport, "tunnel">,
): Promise<readonly Row[]> {
  if (!configured) return [];
  const begun = Date.now();
  const { tunnel } = await client.testTunnel();
  const fault = failedTest(tunnel, begun);
  if (fault === undefined) {
    const text = `tunnel: ${configured.provider}, verified: ${tunnel?.url ?? "its requests"} arrives at this daemon`;
    return [ok("tunnel", text)];
  }
  return [(tunnel?.fault ? fail : warn)("tunnel", fault.message, fault.hint ?? "")];
}
