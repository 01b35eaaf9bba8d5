import { formatLine } from "../../internal/log/line.js";
import type { Context } from "./context.js";

/** Prints the daemon's last log lines, with `-f` also those to come: text, or with `--json` one document a line. */
export async function run({ client, flags, stdout }: Context): Promise<number> {
  // Following ends with the daemon, or with the process.
  const { signal } = new AbortController();
  for await (const line of client.logs({ follow: flags.follow ?? false, signal })) {
    if (flags.json) stdout.write(`${JSON.stringify(line)}\n`);
    else stdout.write(`${line.time.slice(0, 10)} ${formatLine(line, "text")}`);
  }
  return 0;
}
