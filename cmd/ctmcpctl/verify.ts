import type { Context } from "./context.js";
import { checkCard } from "./doctor/discovery.js";
import { checkConfig } from "./doctor/files.js";
import { checkCalls, outsideOf } from "./doctor/journey.js";
import { createReport } from "./doctor/report.js";
import { withToken } from "./doctor/token.js";
import { checkTunnel } from "./doctor/tunnel.js";

/**
 * Tries what a new client does first, by the URL clients are given: the server card, initialize, tools/list and a ping; and
 * has the daemon verify its tunnel.
 */
export async function run(context: Context): Promise<number> {
  const status = await context.client.status();
  const { rows, loaded } = checkConfig(context);
  const report = createReport(context);
  // Only where the token is comes from the file, and that only when the file is good.
  report.add(rows.filter((row) => row.status === "fail"));
  const { signal } = new AbortController();
  const { client, uid } = context;
  report.add(await checkTunnel(client, status));
  await withToken({ client, mode: status.auth.mode, config: loaded?.config, uid }, async (token) => {
    const outside = outsideOf({ client, status, token, signal });
    report.add(await checkCard(outside));
    report.add(await checkCalls(outside));
  });
  return report.end();
}
