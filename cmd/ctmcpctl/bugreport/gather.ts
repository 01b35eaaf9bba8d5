import { readFile } from "node:fs/promises";
import { release } from "node:os";
import { auditDir } from "../../../internal/audit/files.js";
import { readAudit } from "../../../internal/audit/read.js";
import { verifyAudit } from "../../../internal/audit/verify.js";
import { loadConfig } from "../../../internal/config/load.js";
import { formatProblem, problemsOf } from "../../../internal/config/problem.js";
import { formatShown, showConfig } from "../../../internal/config/show.js";
import { messageOf } from "../../../internal/errs/errs.js";
import { formatLine } from "../../../internal/log/line.js";
import { version } from "../../../internal/version/version.js";
import type { Context } from "../context.js";
import { serviceFile } from "../installed-service.js";
import { keptLog } from "../kept-log.js";
import { stateDirectory } from "../state-directory.js";

/** One file of a report. */
export interface Part {
  readonly name: string;
  /** What is in it, for the person who decides about sending it. */
  readonly about: string;
  readonly text: string;
}

const logLines = 1_000;

/** Everything that helps to understand what goes wrong here; a part that cannot be had says why. */
export async function gather(context: Context): Promise<readonly Part[]> {
  const { client } = context;
  const json = async (ask: () => Promise<unknown>): Promise<string> => JSON.stringify(await ask(), null, 2);
  const parts: readonly (readonly [name: string, about: string, read: () => Promise<string>])[] = [
    ["about.json", "versions of programs and system", () => json(async () => aboutThisMachine())],
    ["doctor.json", "what ctmcpctl doctor finds", () => doctor(context)],
    ["status.json", "how the daemon is, without command lines", () => json(() => statusOf(context))],
    ["config.yaml", "the config with every default, without secrets", async () => effectiveConfig(context)],
    ["log.txt", "the daemon's last log lines", () => lastLines(context)],
    ["tunnel.json", "the tunnel, and what its program said last", () => json(() => client.tunnel())],
    ["attempts.json", "how far clients came on their way in", () => json(() => client.attempts())],
    ["clients.json", "clients, by the names they gave", () => json(() => client.clients())],
    ["metrics.txt", "the daemon's numbers", () => client.metrics()],
    ["service.txt", "what the service manager starts", () => readFile(serviceFile(context).file, "utf8")],
    ["audit.json", "how many records of which kind; not the records", () => json(() => countAudit(context))],
  ];
  return Promise.all(
    parts.map(async ([name, about, read]) => ({
      name,
      about,
      text: await read().catch((error) => `not there: ${messageOf(error)}\n`),
    })),
  );
}

function aboutThisMachine(): object {
  const { platform, arch, versions } = process;
  return { version, platform, arch, release: release(), node: versions.node, time: new Date().toISOString() };
}

/** Commands are what a client works on, and that is nobody else's business. */
async function statusOf({ client }: Context): Promise<object> {
  // A daemon of an earlier version names no commands.
  const { commands = [], ...status } = await client.status();
  return { ...status, commands: commands.map(({ line: _, ...command }) => command) };
}

async function doctor(context: Context): Promise<string> {
  const printed: string[] = [];
  const { run } = await import("../doctor.js");
  await run({ ...context, flags: { json: true }, print: (line) => printed.push(line) });
  return printed.join("\n");
}

function effectiveConfig(context: Context): string {
  try {
    const shown = showConfig(loadConfig({ ...context, path: context.configPath }));
    return formatShown(shown, { sources: true });
  } catch (error) {
    const problems = problemsOf(error).map(formatProblem);
    return ["# it cannot be used:", messageOf(error), ...problems].join("\n# ");
  }
}

async function lastLines(context: Context): Promise<string> {
  const lines: string[] = [];
  try {
    const { signal } = new AbortController();
    for await (const line of context.client.logs({ follow: false, signal })) {
      lines.push(`${line.time.slice(0, 10)} ${formatLine(line, "text")}`);
    }
    return lines.slice(-logLines).join("");
  } catch (error) {
    const kept = await keptLog(context, logLines);
    if (kept === undefined) throw error;
    return `from ${kept.where}:\n${kept.lines.join("\n")}\n`;
  }
}

async function countAudit(context: Context): Promise<object> {
  const dir = auditDir(await stateDirectory(context));
  const counts: Record<string, number> = {};
  for await (const { event, tool, outcome, code } of readAudit(dir)) {
    const kind = [event, tool, outcome, code].filter((word) => typeof word === "string").join(" ");
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return { ...verifyAudit(dir), counts };
}
