import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { AdminClient } from "../../internal/admin/client.js";
import { Fault } from "../../internal/errs/errs.js";
import { printableJson } from "../../internal/log/json.js";
import { formatLine, isWanted, type LogLevel, type LogLine } from "../../internal/log/line.js";
import type { Context } from "./context.js";
import { serviceFile } from "./installed-service.js";
import { keptLog } from "./kept-log.js";
import { parseLines, parseSince } from "./values.js";

const retryMs = 500;
const keptLines = 50;
/** More than a daemon remembers. */
const mostSeen = 1_000;

/**
 * Prints the daemon's last log lines, with `-f` also those to come, through its restarts: text, or with `--json` one
 * document a line. When no daemon runs, prints what its service manager kept; with `-f` it waits for one then.
 */
export async function run(context: Context): Promise<number> {
  const { flags, client, stdout, remark } = context;
  const count = parseLines(flags.lines);
  const wanted = filterOf(flags);
  const show = (line: LogLine): void => {
    if (flags.json) stdout.write(`${printableJson(line)}\n`);
    else stdout.write(`${line.time.slice(0, 10)} ${formatLine(line, "text")}`);
  };
  const newLines = createNewLines(client);
  const latest: LogLine[] = [];
  let isWaiting = false;
  try {
    for await (const line of newLines(false)) {
      if (!wanted(line)) continue;
      if (count === undefined) show(line);
      else if (latest.push(line) > count) latest.shift();
    }
  } catch (error) {
    isWaiting = await showKept(context, count ?? keptLines, error);
  }
  for (const line of latest) show(line);
  if (!flags.follow) return 0;
  for (;;) {
    try {
      for await (const line of newLines(true)) {
        isWaiting = false;
        if (wanted(line)) show(line);
      }
    } catch (error) {
      if (!isUnreachable(error)) throw error;
    }
    if (!isWaiting) remark("the daemon ended; waiting for one");
    isWaiting = true;
    await sleep(retryMs);
  }
}

function filterOf({ level, since }: Context["flags"]): (line: LogLine) => boolean {
  const from = since === undefined ? undefined : parseSince(since);
  return (line) =>
    // The parser has checked it against its choices.
    (level === undefined || isWanted(line.level, level as LogLevel)) &&
    (from === undefined || Date.parse(line.time) >= from);
}

/** Each time the lines that have not come before; a connection begins with what the daemon remembers. */
function createNewLines(client: AdminClient): (follow: boolean) => AsyncGenerator<LogLine> {
  const { signal } = new AbortController();
  const seen = new Set<string>();
  return async function* (follow) {
    // Not by time: the clock of another run, and of this one, may stand earlier.
    let isNew = false;
    for await (const line of client.logs({ follow, signal })) {
      const text = JSON.stringify(line);
      isNew ||= !seen.has(text);
      if (!isNew) continue;
      seen.add(text);
      if (seen.size > mostSeen) seen.delete(seen.values().next().value ?? "");
      yield line;
    }
  };
}

function isUnreachable(error: unknown): boolean {
  return error instanceof Fault && error.code === "DAEMON_UNREACHABLE";
}

/** Shows what was kept and returns whether to wait for a daemon; throws `error` when there is nothing to do about it. */
async function showKept(context: Context, count: number, error: unknown): Promise<boolean> {
  const { flags, remark, print } = context;
  const waits = flags.follow === true && existsSync(serviceFile(context).file);
  if (!isUnreachable(error) || (flags.json && !waits)) throw error;
  const kept = flags.json ? undefined : await keptLog(context, count);
  if (kept === undefined && !waits) throw error;
  if (kept !== undefined) {
    remark(`no daemon is running; what it said last, from ${kept.where}:`);
    for (const line of kept.lines) print(line);
  }
  if (waits) remark("no daemon is running; waiting for one");
  return waits;
}
