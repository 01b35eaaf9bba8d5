import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRun } from "../../internal/service/manager.js";
import type { Context } from "./context.js";
import { serviceFile, serviceLog } from "./installed-service.js";
import { printable } from "./output.js";

export interface KeptLog {
  /** In words. */
  readonly where: string;
  /** The latest last. */
  readonly lines: readonly string[];
}

/** What the service manager kept of the daemon's log, its last `count` lines; undefined when there is no service, or nothing. */
export async function keptLog(
  context: Pick<Context, "env" | "home" | "scope">,
  count: number,
): Promise<KeptLog | undefined> {
  if (!existsSync(serviceFile(context).file)) return undefined;
  const { text, where } = await readKept(context, count);
  const lines = text
    .split("\n")
    .filter((line) => line !== "")
    .slice(-count)
    .map(printable);
  return lines.length === 0 ? undefined : { where, lines };
}

async function readKept(
  context: Pick<Context, "env" | "home" | "scope">,
  count: number,
): Promise<{ readonly where: string; readonly text: string }> {
  const log = serviceLog(context);
  if ("file" in log) return { where: log.file, text: await readFile(log.file, "utf8").catch(() => "") };
  const [program, ...args] = log.command;
  const { stdout } = await createRun(context.env)(program, [...args, `--lines=${count}`]);
  return { where: "the journal", text: stdout };
}
