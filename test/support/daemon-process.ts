import { makePlace, type Place } from "./place.js";
import { type Exit, mainOf, type Program, startProgram } from "./program.js";
import type { Endpoint } from "./rpc.js";

/** A ctmcpd process that serves. */
export interface DaemonProcess extends Place {
  readonly program: Program;
  /** Where it served, and with which token, when it became ready. */
  readonly endpoint: Endpoint;
  /** Sends SIGTERM and waits for the end. */
  stop(): Promise<Exit>;
}

/** Starts ctmcpd on the configuration of `place`; returns when it is ready. */
export async function startDaemonProcess(
  place: Place,
  env?: Readonly<Record<string, string>>,
): Promise<DaemonProcess> {
  const program = launch(place, env);
  const [, host, port] = await program.until("stderr", /"message":"ready".*"host":"(.*)","port":(\d+)/);
  return {
    ...place,
    program,
    endpoint: { url: `http://${host}:${port}/mcp`, token: place.token() },
    async stop() {
      program.child.kill("SIGTERM");
      return program.exit;
    },
  };
}

/** Starts ctmcpd without waiting for anything. */
export function launch(
  place: Place,
  env?: Readonly<Record<string, string>>,
  main: string = mainOf("ctmcpd"),
): Program {
  return startProgram(main, {
    args: ["--config", place.configPath],
    env: { HOME: place.dir, ...env },
    cwd: place.dir,
  });
}

/** Runs `test` against a daemon on a fresh place; kills what is left of it and removes the place. */
export async function withDaemonProcess(
  changes: Readonly<Record<string, unknown>>,
  test: (daemon: DaemonProcess) => Promise<void>,
): Promise<void> {
  const place = makePlace();
  place.configure(changes);
  try {
    const daemon = await startDaemonProcess(place);
    try {
      await test(daemon);
    } finally {
      await daemon.program.kill();
    }
  } finally {
    place.remove();
  }
}
