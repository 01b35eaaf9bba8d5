import { accessSync, constants } from "node:fs";
import { createRun, type Run } from "../../../internal/service/manager.js";
import { installCommand, readService, type ServiceOwner, serviceFile } from "../installed-service.js";
import { fail, ok, type Row, warn } from "./row.js";

export interface ServiceCheck extends ServiceOwner {
  readonly run?: Run;
}

/** Whether the daemon is kept running, and whether what the service starts is still there. */
export async function checkService(check: ServiceCheck): Promise<readonly Row[]> {
  const { run = createRun(check.env) } = check;
  const { file, status } = serviceFile(check);
  const written = readService(check);
  if (written === undefined) {
    return [ok("service", "service: none installed; to have one: ctmcpctl install")];
  }
  const fix = `run: ${installCommand(check.scope)}`;
  // The node and the daemon. A version manager removes the node of an earlier version with everything below it.
  const missing = written.command.slice(0, 2).find((path) => !isThere(path));
  if (missing !== undefined) {
    return [fail("service", `service: ${file} starts ${missing}, which is gone`, fix)];
  }
  const { code, stdout } = await run(status[0], status.slice(1));
  const state = stdout.trim().split("\n", 1)[0] ?? "";
  if (code === 0) return [ok("service", `service: installed, ${state || "loaded"}`)];
  return [warn("service", `service: installed, and ${state || "not running"}`, fix)];
}

function isThere(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
