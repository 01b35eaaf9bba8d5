import type { Context } from "./context.js";
import { checkAttempts } from "./doctor/attempts.js";
import { checkDaemon } from "./doctor/daemon.js";
import { checkConfig, checkModes } from "./doctor/files.js";
import { checkJourney, checkLoopback, outsideOf } from "./doctor/journey.js";
import { checkLinger, checkPort, checkPrograms } from "./doctor/machine.js";
import { createReport } from "./doctor/report.js";
import { checkTunnel } from "./doctor/tunnel.js";

/**
 * Looks at everything that keeps a client from working, first on this machine, then as a client outside would come.
 * Needs no daemon for the first part.
 */
export async function run(context: Context): Promise<number> {
  const { uid, env } = context;
  const { signal } = new AbortController();
  const report = createReport(context);
  const { rows, loaded } = checkConfig(context);
  report.add(rows);
  const config = loaded?.config;
  if (config !== undefined) report.add(checkModes(config, uid));

  const daemon = await checkDaemon(context);
  report.add(daemon.rows);
  const machine = { path: daemon.status?.path?.value ?? env.PATH ?? "", uid, signal };
  if (config !== undefined && daemon.status === undefined)
    report.add(await checkPort(config.listen, machine));
  report.add(await checkPrograms(machine, config?.tunnel));
  report.add(await checkLinger(machine));

  if (daemon.status !== undefined) {
    report.add(await checkTunnel(context.client, daemon.status));
    const outside = outsideOf({ status: daemon.status, config, uid, signal });
    const isGood = await checkJourney(outside, report.add);
    if (!isGood && daemon.status.listen.public_url !== null) {
      report.add([await checkLoopback(outside, daemon.status)]);
    }
    report.add(await checkAttempts(context.client));
  }
  return report.end();
}
