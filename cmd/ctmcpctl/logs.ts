import { setTimeout as sleep } from "node:timers/promises";
import { Fault } from "../../internal/errs/errs.js";
import { printableJson } from "../../internal/log/json.js";
import { formatLine, isWanted, type LogLevel, type LogLine } from "../../internal/log/line.js";
import type { Context } from "./context.js";
import { keptLog } from "./kept-log.js";
import { parseLines, parseSince } from "./values.js";

const retryMs = 500;
const keptLines = 50;

/**
 * Prints the daemon's last log lines, with `-f` also those to come, through its restarts: text, or with `--json` one
 * document a line. When no daemon runs, prints what its service manager kept.
 */
export async function run(context: Context): Promise<number> {
  const { flags, client, stdout, remark } = context;
  const count = parseLines(flags.lines);
  const wanted = filterOf(flags);
  const show = (line: LogLine): void => {
    if (flags.json) stdout.write(`${printableJson(line)}\n`);
    else stdout.write(`${line.time.slice(0, 10)} ${formatLine(line, "text")}`);
  };
  const { signal } = new AbortController();
  const latest: LogLine[] = [];
  let last: LogLine | undefined;
  try {
    for await (const line of client.logs({ follow: false, signal })) {
      last = line;
      if (!wanted(line)) continue;
      if (count === undefined) show(line);
      else if (latest.push(line) > count) latest.shift();
    }
  } catch (error) {
    return showKept(context, count ?? keptLines, error);
  }
  for (const line of latest) show(line);
  if (!flags.follow) return 0;
  let isWaiting = false;
  for (;;) {
    try {
      for await (const line of onlyAfter(last, client.logs({ follow: true, signal }))) {
        last = line;
        isWaiting = false;
        if (wanted(line)) show(line);
      }
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== "DAEMON_UNREACHABLE") throw error;
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

/** Each connection begins with what the daemon remembers, of which everything up to `last` was shown. */
async function* onlyAfter(last: LogLine | undefined, lines: AsyncIterable<LogLine>): AsyncGenerator<LogLine> {
  let isNew = last === undefined;
  for await (const line of lines) {
    if (isNew || (last !== undefined && line.time > last.time)) {
      isNew = true;
      yield line;
    } else isNew = JSON.stringify(line) === JSON.stringify(last);
  }
}

async function showKept(context: Context, count: number, error: unknown): Promise<number> {
  if (!(error instanceof Fault) || error.code !== "DAEMON_UNREACHABLE" || context.flags.json) throw error;
  const kept = await keptLog(context, count);
  if (kept === undefined) throw error;
  context.remark(`no daemon is running; what it said last, from ${kept.where}:`);
  for (const line of kept.lines) context.print(line);
  return 0;
}
