import type { StatusReport } from "../../internal/admin/types.js";
import { formatProblem } from "../../internal/config/problem.js";
import { exitCodeOf, Fault } from "../../internal/errs/errs.js";
import type { Context } from "./context.js";
import { duration, paint, printable, table } from "./output.js";
import { tunnelRows } from "./tunnel-report.js";

/** Shows how the daemon is. With `--check` one line, and the exit code of UNHEALTHY when something is wrong. */
export async function run(context: Context): Promise<number> {
  const status = await context.client.status();
  const fault = context.flags.check ? unhealthy(status) : undefined;
  context.answer(status, (it) => (context.flags.check ? checkLine(it, fault) : describe(it, context)));
  return fault ? exitCodeOf(fault) : 0;
}

/** What makes `status --check` fail: not ready, a config that cannot be used, or a condition that is an error. */
function unhealthy(status: StatusReport): Fault | undefined {
  const { state, config } = status;
  const words = [
    ...(state === "ready" ? [] : [`the daemon is ${state}`]),
    ...(config.pending_error ? [config.pending_error.message] : []),
    ...otherWarnings(status)
      .filter(({ severity }) => severity === "error")
      .map(({ text }) => text),
  ];
  return words.length === 0 ? undefined : new Fault("UNHEALTHY", words.join("; "));
}

/** Without the one that only repeats the pending error. */
function otherWarnings({ config, warnings }: StatusReport): StatusReport["warnings"] {
  return config.pending_error ? warnings.filter(({ code }) => code !== "CONFIG_NOT_APPLIED") : warnings;
}

function checkLine({ listen }: StatusReport, fault: Fault | undefined): string {
  return fault ? `not ok: ${printable(fault.message)}` : `ok: ${listen.public_url ?? listen.url}`;
}

function describe(status: StatusReport, { stdout, env }: Context): string {
  const { state, listen, config, catalogue, ripgrep, sandbox, path } = status;
  const held = sandbox.probes.filter(({ outcome }) => outcome === "held").length;
  const to = { stream: stdout, env };
  const shownState = paint(state === "ready" ? "green" : "yellow", state, to);
  const workspaces = table(status.workspaces.map(({ id, path, profile }) => [id, path, profile])).split("\n");
  const rows = [
    ["url", listen.url],
    ["public url", listen.public_url ?? "none, this machine only"],
    ...tunnelRows(status.tunnel),
    ["auth", status.auth.mode],
    ["config", config.path],
    ["", `generation ${status.generation}, loaded ${config.loaded_at}`],
    ...workspaces.map((line, i) => [i === 0 ? "workspaces" : "", line]),
    ["tools", `${catalogue.count} (catalogue ${catalogue.hash})`],
    ["clients", `${status.clients.active} active`],
    ["memory", `${Math.round(status.memory_rss_bytes / 2 ** 20)} MiB`],
    ["sandbox", `${sandbox.level}, ${held} of ${sandbox.probes.length} probes held`],
    ...(sandbox.reason === null ? [] : [["", printable(sandbox.reason)]]),
    ["path", path ? `${path.value} (${path.source})` : "being looked for"],
    ["search", ripgrep ? `${ripgrep.path} (${ripgrep.source})` : "no ripgrep found"],
  ];
  return [
    `coding-tools-mcp ${status.version} is ${shownState}, up ${duration(status.uptime_s)}, pid ${status.pid}`,
    table(rows).replace(/^/gm, "  "),
    ...pendingError(status).map((line) => paint("red", line, to)),
    ...otherWarnings(status).flatMap(({ severity, text, fix }) => {
      const first = paint(severity === "error" ? "red" : "yellow", `${severity}: ${printable(text)}`, to);
      return fix === "" ? [first] : [first, `  fix: ${printable(fix)}`];
    }),
  ].join("\n");
}

function pendingError({ config: { pending_error: pending } }: StatusReport): string[] {
  if (!pending) return [];
  return [
    `config error since ${pending.since}: ${printable(pending.message)}; the last good config stays in force`,
    ...pending.problems.map((problem) => `  ${printable(formatProblem(problem))}`),
  ];
}
