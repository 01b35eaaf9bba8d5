import { accessSync, constants, readFileSync } from "node:fs";
import { createRun, type Run } from "../../../internal/service/manager.js";
import { serviceFile } from "../installed-service.js";
import { fail, ok, type Row, warn } from "./row.js";

export interface ServiceCheck {
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  readonly run?: Run;
}

/** Whether the daemon is kept running, and whether what the service starts is still there. */
export async function checkService({
  env,
  home,
  run = createRun(env),
}: ServiceCheck): Promise<readonly Row[]> {
  const { file, status } = serviceFile({ env, home });
  const text = read(file);
  if (text === undefined) {
    return [ok("service", "service: none installed; to have one: ctmcpctl install")];
  }
  // A version manager removes the node of an earlier version with everything below it.
  const missing = programsIn(text).find((path) => !isThere(path));
  if (missing !== undefined) {
    return [fail("service", `service: ${file} starts ${missing}, which is gone`, "run: ctmcpctl install")];
  }
  const { code, stdout } = await run(status[0], status.slice(1));
  const state = stdout.trim().split("\n", 1)[0] ?? "";
  if (code === 0) return [ok("service", `service: installed, ${state || "loaded"}`)];
  return [warn("service", `service: installed, and ${state || "not running"}`, "run: ctmcpctl install")];
}

/** The node and the daemon in a unit or a property list. */
function programsIn(text: string): readonly string[] {
  const [, first = "", second = ""] =
    /^ExecStart="([^"]*)" "([^"]*)"/m.exec(text) ??
    /<array>\s*<string>([^<]*)<\/string>\s*<string>([^<]*)<\/string>/.exec(text) ??
    [];
  return [first, second].filter((path) => path !== "").map((path) => path.replaceAll("%%", "%"));
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function isThere(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
