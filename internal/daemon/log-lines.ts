import type { LogLine } from "../log/line.js";
import type { Log } from "../log/log.js";

/** Lines a slow reader may be behind; older ones are lost to it. */
const backlog = 1_000;

/** The remembered lines, then with `follow` those to come, until `signal` aborts. */
export async function* followLog(
  log: Log,
  { follow, signal }: { readonly follow: boolean; readonly signal: AbortSignal },
): AsyncGenerator<LogLine> {
  const waiting: LogLine[] = [];
  let wake = (): void => {};
  const unsubscribe = log.subscribe((line) => {
    waiting.push(line);
    if (waiting.length > backlog) waiting.shift();
    wake();
  });
  const stop = (): void => wake();
  signal.addEventListener("abort", stop);
  try {
    yield* log.recent();
    while (follow && !signal.aborted) {
      const line = waiting.shift();
      if (line !== undefined) yield line;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    unsubscribe();
    signal.removeEventListener("abort", stop);
  }
}
