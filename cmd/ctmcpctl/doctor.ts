import { whoChanges, withoutChangeable } from "../../internal/config/changeable.js";
import type { Context } from "./context.js";
import { checkAddress } from "./doctor/address.js";
import { checkAttempts } from "./doctor/attempts.js";
import { checkCatalogue } from "./doctor/catalogue.js";
import { checkDaemon } from "./doctor/daemon.js";
import { checkConfig, checkModes } from "./doctor/files.js";
import { checkJourney, checkLoopback, outsideOf } from "./doctor/journey.js";
import { checkLinger, checkPort, checkPrograms } from "./doctor/machine.js";
import { createReport } from "./doctor/report.js";
import { checkService } from "./doctor/service.js";
import { withToken } from "./doctor/token.js";
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
  const path = daemon.status?.path?.value ?? env.PATH ?? "";
  const whoMay = config === undefined ? () => undefined : whoChanges(config);
  const machine = { path: withoutChangeable(path, whoMay), uid, signal };
  if (config !== undefined && daemon.status === undefined)
    report.add(await checkPort(config.listen, machine));
  report.add(await checkPrograms(machine, config?.tunnel));
  if (context.scope === "user") report.add(await checkLinger(machine));
  report.add(await checkService(context));

  if (daemon.status !== undefined) {
    const { status } = daemon;
    const { client } = context;
    report.add(await checkTunnel(client, status));
    report.add(checkAddress(status));
    await withToken({ client, mode: status.auth.mode, config, uid }, async (token) => {
      const outside = outsideOf({ client, status, token, signal });
      const isGood = await checkJourney(outside, report.add);
      if (!isGood && status.listen.public_url !== null) report.add([await checkLoopback(outside, status)]);
    });
    report.add([await checkCatalogue(client, status)]);
    report.add(await checkAttempts(client));
  }
  return report.end();
}
