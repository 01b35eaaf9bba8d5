import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { sshFaults } from "../faults/ssh.js";
import { TunnelRefusal } from "../refusal.js";
import type { LaunchContext, Provider } from "../types.js";
import { createFaultReader } from "./fault-reader.js";
import { type ConfigOf, environmentOf, requireHostname, requireProgram } from "./launch.js";

/** Options that make ssh fit to be supervised, whatever the owner's configuration of it says. */
const options: readonly string[] = [
  "BatchMode=yes",
  "ExitOnForwardFailure=yes",
  "StrictHostKeyChecking=yes",
  "ServerAliveInterval=15",
  "ServerAliveCountMax=3",
  "ConnectTimeout=15",
  // A shared connection would live on, and hold the port, when this one is ended.
  "ControlMaster=no",
  "ControlPath=none",
  "PermitLocalCommand=no",
  "RemoteCommand=none",
  // That the server listens is a message of debug level, and of that level this function's alone are wanted. An OpenSSH
  // before 8.5 cannot do so and stays silent: then the first probe tells.
  "LogLevel=VERBOSE",
  "IgnoreUnknown=LogVerbose",
  "LogVerbose=*:ssh_confirm_remote_forward():*",
];

/** Arguments of `ssh -R` for requests to `port`, without the program's name. */
export function sshArguments(config: ConfigOf<"ssh">, port: number): string[] {
  const { destination, remoteHost, remotePort, identityFile, knownHostsFile } = config;
  const listen = remoteHost.includes(":") ? `[${remoteHost}]` : remoteHost;
  const chosen = [
    ...options,
    ...(identityFile === undefined ? [] : [`IdentityFile=${quoted(identityFile)}`, "IdentitiesOnly=yes"]),
    ...(knownHostsFile === undefined
      ? []
      : [`UserKnownHostsFile=${quoted(knownHostsFile)}`, "GlobalKnownHostsFile=/dev/null"]),
  ];
  return [
    "-N",
    "-T",
    "-a",
    "-x",
    ...chosen.flatMap((option) => ["-o", option]),
    ...(config.port === undefined ? [] : ["-p", String(config.port)]),
    "-R",
    `${listen}:${remotePort}:127.0.0.1:${port}`,
    "--",
    destination,
  ];
}

/** A path as one word of a configuration line, its percent signs no placeholders. */
function quoted(path: string): string {
  return `"${path.replaceAll("%", "%%")}"`;
}

/** `ssh -R` to a server of the owner's, on which a web server with the public name forwards to the remote port. */
export function ssh(config: ConfigOf<"ssh">): Provider {
  const { program = "ssh" } = config;
  const faults = createFaultReader(sshFaults);
  return {
    isStable: true,
    program,
    faults: sshFaults,
    async launch(context: LaunchContext) {
      requireHostname(context);
      if (config.identityFile !== undefined) await requireKey(config.identityFile);
      const path = await requireProgram(program, context, "install the OpenSSH client");
      const readFault = faults.start();
      return {
        argv: [path, ...sshArguments(config, context.port)],
        env: environmentOf(context, { inherit: ["SSH_AUTH_SOCK"] }),
        readSign: (line) =>
          line.includes("remote forward success for: listen") ? { kind: "ready" } : readFault(line),
      };
    },
  };
}

/** ssh itself says no word about a key that is not there. */
async function requireKey(file: string): Promise<void> {
  try {
    await access(file, constants.R_OK);
  } catch {
    throw new TunnelRefusal({
      code: "SSH_KEY_MISSING",
      class: "blocked",
      text: `${file} cannot be read`,
      hint: "set tunnel.identity_file to your private key, or make one with: ssh-keygen -t ed25519",
    });
  }
}
