import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";
import type { StatusReport } from "../../../internal/admin/types.js";
import { Fault } from "../../../internal/errs/errs.js";
import { printableJson } from "../../../internal/log/json.js";
import type { Context } from "../context.js";
import { describe, type View } from "./describe.js";

const everyMs = 1_000;
// xterm's control sequences: the alternate screen, so that what was there comes back, and no cursor.
const enter = "\u001b[?1049h\u001b[?25l";
const leave = "\u001b[?25h\u001b[?1049l";
const home = "\u001b[H";
const clearLine = "\u001b[K";
const clearBelow = "\u001b[J";
/** q, and Ctrl-C and Ctrl-D as raw mode hands them on. */
const quitKeys = ["q", "\u0003", "\u0004"];

/** Shows the daemon again and again, also through its restarts: on a terminal until `q` or Ctrl-C, else when something changed. */
export async function watch(context: Context, view: View): Promise<number> {
  const { stdin, stdout } = context;
  return stdin.isTTY && stdout.isTTY && !context.flags.json ? onScreen(context, view) : onPipe(context, view);
}

async function onScreen(context: Context, view: View): Promise<number> {
  const { stdin, stdout } = context;
  stdin.setRawMode(true).resume();
  stdout.write(enter);
  try {
    for (;;) {
      const now = await look(context);
      const lines = typeof now === "string" ? [now] : describe(now, view);
      const room = lines.slice(0, Math.max(1, stdout.rows - 1));
      stdout.write(
        `${home}${room.map((line) => `${cut(line, stdout.columns)}${clearLine}\n`).join("")}${clearBelow}`,
      );
      if (await isQuit(stdin)) return 0;
    }
  } finally {
    stdout.write(leave);
    stdin.setRawMode(false).pause();
  }
}

/** A key that ends it was pressed before the next look is due; a terminal in raw mode sends Ctrl-C as a byte. */
async function isQuit(stdin: NodeJS.ReadStream): Promise<boolean> {
  const over = new AbortController();
  const due = sleep(everyMs, undefined, { signal: over.signal }).catch(() => {});
  const pressed = once(stdin, "data", { signal: over.signal }).catch(() => [""]);
  const first = await Promise.race([due, pressed]);
  over.abort();
  return Array.isArray(first) && quitKeys.some((key) => String(first[0]).includes(key));
}

/** A line that is too long loses its colours with its end. */
function cut(line: string, columns: number): string {
  const text = stripVTControlCharacters(line);
  return text.length <= columns ? line : text.slice(0, columns);
}

async function onPipe(context: Context, view: View): Promise<number> {
  const { print, flags } = context;
  let shown: string | undefined;
  for (;;) {
    const now = await look(context);
    const essence = typeof now === "string" ? now : essenceOf(now);
    if (essence !== shown) {
      if (flags.json)
        print(printableJson(typeof now === "string" ? { schema: 1, state: "unreachable" } : now));
      else print(`${typeof now === "string" ? now : describe(now, view).join("\n")}\n`);
    }
    shown = essence;
    await sleep(everyMs);
  }
}

/** The report; words when no daemon answers, which may be over soon. */
async function look({ client }: Context): Promise<StatusReport | string> {
  try {
    return await client.status();
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "DAEMON_UNREACHABLE") throw error;
    return "no daemon is running; waiting for one";
  }
}

/** What a change of is worth showing: ages and sizes grow all the time. */
function essenceOf(status: StatusReport): string {
  const { pid, state, generation, config, listen, tunnel, sandbox, clients, commands, warnings } = status;
  return JSON.stringify([
    [pid, state, generation, config.pending_error, listen, tunnel?.state, tunnel?.url, sandbox.level],
    (clients.recent ?? []).map(({ name, user_agent }) => [name, user_agent]).sort(),
    (commands ?? []).map(({ id }) => id),
    warnings.map(({ code, text }) => [code, text]),
  ]);
}
