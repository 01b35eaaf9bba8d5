import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { Launch, Sign } from "../../internal/tunnel/types.js";

/** A provider's program, started without the supervisor. */
export interface RunningLaunch {
  readonly pid: number;
  /** All signs so far. */
  readonly signs: readonly Sign[];
  readonly lines: readonly string[];
  /** Waits for the next sign that fits, asking the local endpoint meanwhile; rejects when the program ends without. */
  until(fits: (sign: Sign) => boolean): Promise<Sign>;
  /** Settles with the exit code once its output is read. */
  readonly ended: Promise<number | null>;
  kill(signal: NodeJS.Signals): void;
}

const askEveryMs = 25;

export function runLaunch(launch: Launch): RunningLaunch {
  const [program, ...args] = launch.argv;
  const child = spawn(program, args, { env: launch.env, stdio: ["ignore", "pipe", "pipe"] });
  const signs: Sign[] = [];
  const lines: string[] = [];
  /** The first sign that has not been waited for. */
  let next = 0;
  let hasEnded = false;
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on("line", (line) => {
      lines.push(line);
      const sign = launch.readSign(line);
      if (sign !== undefined) signs.push(sign);
    });
  }
  const ended = new Promise<number | null>((resolve) => {
    child.on("error", () => resolve(null));
    child.on("close", (code) => {
      hasEnded = true;
      resolve(code);
    });
  });

  async function until(fits: (sign: Sign) => boolean): Promise<Sign> {
    for (;;) {
      const isLast = hasEnded;
      while (next < signs.length) {
        const sign = signs[next++] as Sign;
        if (fits(sign)) return sign;
      }
      if (isLast) throw new Error(`it ended:\n${lines.join("\n")}`);
      // It may end while it is asked.
      const sign = await launch.poll?.(AbortSignal.timeout(5000)).catch(() => undefined);
      if (sign !== undefined) signs.push(sign);
      await Promise.race([sleep(askEveryMs), ended]);
    }
  }

  return { pid: child.pid ?? 0, signs, lines, until, ended, kill: (signal) => child.kill(signal) };
}
