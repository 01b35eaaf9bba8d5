import { constants } from "node:os";
import type { Launched } from "./spawner.js";
import type { ProcessExit, RunningProcess } from "./types.js";

/** A launched program as the process that callers see. `send` delivers a signal to its process group. */
export function asProcess(launched: Launched, send: (signal: string) => void): RunningProcess {
  const { stdin, stdout, stderr } = launched;
  const { exit, record, hasEnded } = trackExit(launched.exit);
  void exit.then(() => stdin.destroy());
  return {
    stdin,
    stdout,
    stderr,
    exit,
    kill(signal) {
      if (hasEnded()) return;
      record(signal);
      send(signal);
    },
    resize() {},
  };
}

/** Tells a command that ended by a signal we sent from one that reported the same number by itself. */
export function trackExit(code: Promise<number | null>): {
  exit: Promise<ProcessExit>;
  record: (signal: "TERM" | "KILL" | "INT") => void;
  hasEnded: () => boolean;
} {
  const sent = new Set<NodeJS.Signals>();
  let ended = false;
  const exit = code.then((code): ProcessExit => {
    ended = true;
    if (code === null) return { code: null, signal: "SIGKILL" };
    const signal = [...sent].find((name) => code === 128 + constants.signals[name]);
    return signal === undefined ? { code, signal: null } : { code: null, signal };
  });
  return { exit, record: (signal) => sent.add(`SIG${signal}`), hasEnded: () => ended };
}
