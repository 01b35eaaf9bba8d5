import { stringify } from "yaml";
import { ngrokFaults } from "../faults/ngrok.js";
import { TunnelRefusal } from "../refusal.js";
import type { LaunchContext, Provider, Sign } from "../types.js";
import { createFaultReader } from "./fault-reader.js";
import { type ConfigOf, environmentOf, requireHostname, requireProgram, writePrivateFile } from "./launch.js";
import { recordOf } from "./records.js";

/**
 * The agent's settings. Its local interface is off, for anybody on this machine could use it and it would record
 * requests with their tokens; so are its updater and the vendor's remote control.
 */
function ngrokSettings(): string {
  return stringify({
    version: 3,
    agent: {
      web_addr: false,
      inspect_db_size: -1,
      remote_management: false,
      update_check: false,
      console_ui: false,
      log: "stdout",
      log_format: "json",
      log_level: "info",
    },
  });
}

/** Arguments that forward `hostname` to `port`; `--url` takes the place of several deprecated flags. */
export function ngrokArguments({ hostname, port, config }: NgrokStart): string[] {
  return [
    "http",
    `127.0.0.1:${port}`,
    "--url",
    `https://${hostname}`,
    "--inspect=false",
    "--config",
    config,
    "--log",
    "stdout",
    "--log-format",
    "json",
  ];
}

interface NgrokStart {
  readonly hostname: string;
  readonly port: number;
  /** Path of the settings. */
  readonly config: string;
}

const lost = new Set(["session closed, starting reconnect loop", "failed to reconnect session"]);

/** What the agent's records tell of its connection: it says `started tunnel` once, then only that it is back. */
export function createNgrokReader(): (line: string) => Sign | undefined {
  let hasStarted = false;
  return (line) => {
    const msg = recordOf(line)?.msg;
    if (typeof msg !== "string") return undefined;
    if (lost.has(msg)) return { kind: "down" };
    if (msg === "started tunnel") hasStarted = true;
    else if (msg !== "client session established") return undefined;
    return hasStarted ? { kind: "ready" } : undefined;
  };
}

/** ngrok's agent, version 3.16 or later, with a domain that is reserved or assigned. */
export function ngrok({ program = "ngrok", authtoken }: ConfigOf<"ngrok">): Provider {
  const faults = createFaultReader(ngrokFaults);
  return {
    isStable: true,
    program,
    faults: ngrokFaults,
    async launch(context: LaunchContext) {
      const hostname = requireHostname(context);
      if (authtoken === undefined) throw new TunnelRefusal(authtokenMissing);
      const path = await requireProgram(program, context, "install it from https://ngrok.com/download");
      const config = await writePrivateFile(context.directory, "ngrok.yml", ngrokSettings());
      const readFault = faults.start();
      const readState = createNgrokReader();
      return {
        argv: [path, ...ngrokArguments({ hostname, port: context.port, config })],
        env: environmentOf(context, { extra: { NGROK_AUTHTOKEN: authtoken.value } }),
        readSign: (line) => readFault(line) ?? readState(line),
      };
    },
  };
}

const authtokenMissing = {
  code: "NGROK_AUTHTOKEN_MISSING",
  class: "blocked",
  text: "tunnel.token_file is not set; what `ngrok config add-authtoken` stored is not used",
  hint: "write the authtoken to a file with mode 0600 and set tunnel.token_file to it",
} as const;
