import { setTimeout } from "node:timers/promises";
import type { FixtureDaemon } from "../../test/support/daemon-in-process.js";
import { exchange, request } from "../../test/support/raw-http.js";
import type { TunnelReport } from "../tunnel/types.js";

/** A program that says it is ready and stays, as tunnels do. */
export const staying = {
  provider: "command",
  argv: [process.execPath, "-e", 'console.log("up on port {port}"); setInterval(() => {}, 1000)'],
  ready_pattern: "up on port [0-9]+",
};

export async function report({ admin }: FixtureDaemon): Promise<TunnelReport | null> {
  return (await admin.tunnel()).tunnel;
}

/** Waits until the report is as wanted; the file's time limit ends what never comes. */
export async function until(
  daemon: FixtureDaemon,
  wanted: (report: TunnelReport) => boolean,
): Promise<TunnelReport> {
  for (;;) {
    const now = await report(daemon);
    if (now !== null && wanted(now)) return now;
    await setTimeout(20);
  }
}

/** What a client gets that calls the daemon by this name. */
export async function ask({ daemon }: FixtureDaemon, host: string, path: string) {
  return exchange(daemon.address().port, request("GET", path).replace(/Host: [^\r]+/i, `Host: ${host}`));
}

export async function statusFor(daemon: FixtureDaemon, host: string): Promise<number> {
  return (await ask(daemon, host, "/healthz")).status;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
