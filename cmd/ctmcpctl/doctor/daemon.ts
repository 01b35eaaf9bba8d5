import { setTimeout as sleep } from "node:timers/promises";
import type { StatusReport } from "../../../internal/admin/types.js";
import { Fault } from "../../../internal/errs/errs.js";
import type { Context } from "../context.js";
import { duration } from "../output.js";
import { fail, ok, type Row, warn } from "./row.js";

/** A daemon tests its sandbox and looks for PATH in its first seconds, while it serves already. */
const settledAfterS = 10;
const pollMs = 200;

/** Asks the daemon how it is; that none answers is a row too. One that has just started is waited for. */
export async function checkDaemon({ client }: Context): Promise<{
  readonly rows: readonly Row[];
  readonly status: StatusReport | undefined;
}> {
  try {
    let status = await client.status();
    while (isSettling(status)) {
      await sleep(pollMs);
      status = await client.status();
    }
    return { rows: [...describe(status)], status };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { rows: [fail("daemon", error.message, error.hint ?? "see its log")], status: undefined };
  }
}

function isSettling({ uptime_s, path, sandbox }: StatusReport): boolean {
  return uptime_s < settledAfterS && (path === null || sandbox.probes.length === 0);
}

function describe(status: StatusReport): readonly Row[] {
  const { version, pid, state, uptime_s, listen } = status;
  const text = `daemon: ${version} is ${state}, pid ${pid}, up ${duration(uptime_s)}, on ${listen.url}`;
  return [
    state === "ready" ? ok("daemon", text) : warn("daemon", text, "wait for it: ctmcpctl wait"),
    ...pendingRows(status),
    sandboxRow(status),
    pathRow(status),
    ...conditionRows(status),
  ];
}

function pendingRows({ config: { pending_error: pending } }: StatusReport): readonly Row[] {
  if (pending === undefined) return [];
  const text = `config: the daemon cannot use the file and keeps an earlier one: ${pending.message}`;
  return [fail("config.pending", text, "mend it; it is read again at once")];
}

/** Best first, as the configuration spells them. */
const levels = ["strong", "namespaces", "filesystem-only", "none"] as const;

function sandboxRow({ sandbox: { level, minimum, reason, probes } }: StatusReport): Row {
  const open = probes.filter(({ outcome }) => outcome !== "held").map(({ name }) => name);
  const text = `sandbox: ${level}, ${probes.length - open.length} of ${probes.length} probes held`;
  const why = [reason ?? "", open.length === 0 ? "" : `not held: ${open.join(", ")}`].filter(
    (it) => it !== "",
  );
  if (levels.indexOf(level) > levels.indexOf(minimum))
    return fail("sandbox", `${text}; no command runs below ${minimum}`, why.join("; "));
  return level === "strong" ? ok("sandbox", text) : warn("sandbox", text, why.join("; "));
}

function pathRow({ path }: StatusReport): Row {
  if (path === null) return warn("path", "path: still being looked for", "run the doctor again");
  const text = `path: ${path.value} (${path.source})`;
  return path.problem === null
    ? ok("path", text)
    : warn("path", text, `your login shell did not tell it: ${path.problem}`);
}

/** What the daemon itself has noticed. */
function conditionRows({ warnings, tunnel }: StatusReport): readonly Row[] {
  const toldElsewhere = ["CONFIG_NOT_APPLIED", tunnel?.fault?.code];
  return warnings
    .filter(({ code }) => !toldElsewhere.includes(code))
    .map(({ code, severity, text, fix }) => {
      const id = `health.${code}`;
      if (severity === "info") return ok(id, text);
      return (severity === "error" ? fail : warn)(id, text, fix);
    });
}
