import type { StatusReport } from "../../../internal/admin/types.js";
import { formatProblem } from "../../../internal/config/problem.js";
import { clientName } from "../connect/recipes.js";
import { ago, duration, paint, printable, table } from "../output.js";
import { tunnelRows } from "../tunnel-report.js";

export interface View {
  /** Also what only matters when something is wrong. */
  readonly isVerbose: boolean;
  readonly stream: { readonly isTTY?: boolean };
  readonly env: NodeJS.ProcessEnv;
}

/** Clients and commands that are shown; of more, their number is. */
const shownAtMost = 5;
const longestCommand = 45;
const severities = ["error", "warning", "info"];

/** The daemon at a glance, line by line: what is wrong comes last, where the eye is, and its worst first. */
export function describe(status: StatusReport, view: View): readonly string[] {
  const { state, listen, config, sandbox, clients } = status;
  // A daemon of an earlier version names neither clients nor commands.
  const { recent = [] } = clients;
  const { commands = [] } = status;
  const held = sandbox.probes.filter(({ outcome }) => outcome === "held").length;
  const rows = [
    ["url", listen.public_url ?? `${listen.url} (this machine only)`],
    ...tunnelRows(status.tunnel).filter(([label, text]) => label !== "" || text !== status.tunnel?.url),
    ["config", `${config.path} (generation ${status.generation}, ${status.auth.mode})`],
    ...labelled(
      "workspaces",
      status.workspaces.map(({ id, path, profile }) => [id, path, profile]),
    ),
    ["sandbox", `${sandbox.level}, ${held} of ${sandbox.probes.length} probes held`],
    ...(sandbox.reason === null ? [] : [["", sandbox.reason]]),
    ...labelled("clients", recent.map(clientRow), clients.active === 0 ? "none in the last 15 minutes" : ""),
    ...labelled("commands", commands.map(commandRow), "none running"),
    ...(view.isVerbose ? details(status) : []),
  ];
  const shownState = paint(state === "ready" ? "green" : "yellow", state, view);
  return [
    `coding-tools-mcp ${status.version} is ${shownState}, up ${duration(status.uptime_s)}, pid ${status.pid}`,
    ...table(rows)
      .split("\n")
      .map((line) => `  ${line}`),
    ...pendingError(status).map((line) => paint("red", line, view)),
    ...warningLines(status, view),
  ];
}

/** Without the one that only repeats the pending error. */
export function otherWarnings({ config, warnings }: StatusReport): StatusReport["warnings"] {
  return config.pending_error ? warnings.filter(({ code }) => code !== "CONFIG_NOT_APPLIED") : warnings;
}

function labelled(label: string, rows: readonly (readonly string[])[], none = ""): string[][] {
  if (rows.length === 0) return none === "" ? [] : [[label, none]];
  const more = rows.length - shownAtMost;
  const lines = table(rows.slice(0, shownAtMost)).split("\n");
  return [...lines, ...(more > 0 ? [`and ${more} more`] : [])].map((line, i) => [i === 0 ? label : "", line]);
}

function clientRow({
  name,
  user_agent: agent,
  last_seen: seen,
  last_tool: tool,
}: StatusReport["clients"]["recent"][number]): string[] {
  return [name ?? clientName(agent), ago(seen), tool ?? ""];
}

function commandRow({ workspace, line, running_s }: StatusReport["commands"][number]): string[] {
  const short = line.length > longestCommand ? `${line.slice(0, longestCommand)}...` : line;
  return [workspace, short, duration(running_s)];
}

function details({
  listen,
  config,
  catalogue,
  memory_rss_bytes: memory,
  path,
  ripgrep,
  sandbox,
}: StatusReport): string[][] {
  return [
    ["local url", listen.url],
    ["loaded", config.loaded_at],
    ["tools", `${catalogue.count} (catalogue ${catalogue.hash})`],
    ["memory", `${Math.round(memory / 2 ** 20)} MiB`],
    ["path", path ? `${path.value} (${path.source})` : "being looked for"],
    ["search", ripgrep ? `${ripgrep.path} (${ripgrep.source})` : "no ripgrep found"],
    ...sandbox.probes.map(({ name, outcome, detail }, i) => [
      i === 0 ? "probes" : "",
      `${outcome}: ${name} (${detail})`,
    ]),
  ];
}

function pendingError({ config: { pending_error: pending } }: StatusReport): string[] {
  if (!pending) return [];
  return [
    `config error since ${pending.since}: ${printable(pending.message)}; the last good config stays in force`,
    ...pending.problems.map((problem) => `  ${printable(formatProblem(problem))}`),
  ];
}

function warningLines(status: StatusReport, view: View): string[] {
  return [...otherWarnings(status)]
    .sort((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity))
    .flatMap(({ severity, code, text, fix }) => {
      const colour = severity === "error" ? "red" : "yellow";
      const first = paint(colour, `${severity} ${code}: ${printable(text)}`, view);
      return fix === "" ? [first] : [first, `  fix: ${printable(fix)}`];
    });
}
