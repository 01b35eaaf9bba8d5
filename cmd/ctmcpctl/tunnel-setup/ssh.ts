import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expandPath } from "../../../internal/config/paths.js";
import { Fault } from "../../../internal/errs/errs.js";
import { sshArguments } from "../../../internal/tunnel/providers/ssh.js";
import type { OptionName } from "../options.js";
import type { Argv } from "../session.js";
import type { TunnelEntry } from "./config-file.js";
import { askHostname, type Setup } from "./setup.js";
import { pinServer } from "./ssh-server.js";

const install = "install OpenSSH's client";
const loopback = "127.0.0.1";

/**
 * A port of the owner's own server, forwarded to the daemon: a key, the server's own key, and a forward that was tried.
 * What leads from the host name to that port is the owner's reverse proxy.
 */
export async function setupSsh(setup: Setup): Promise<TunnelEntry> {
  const { context, session, config } = setup;
  const { home, cwd, flags, remark } = context;
  const hostname = await askHostname(setup);
  const ssh = await session.program("ssh", install);
  const destination = await session.value("destination", "Your server, as user@host");
  if (!/^[^\s-]\S*$/.test(destination)) throw wrong("destination", destination, "write user@host");
  const port = flags["ssh-port"] === undefined ? undefined : parsePort("ssh-port", flags["ssh-port"]);
  const remotePort = parsePort(
    "remote-port",
    await session.value("remote-port", "Port on which your server listens for the daemon", "8765"),
  );
  const file = (flag: "identity-file" | "known-hosts-file", usual: string): string =>
    flags[flag] === undefined ? join(home, ".ssh", usual) : expandPath(flags[flag], { home, base: cwd });
  const identityFile = file("identity-file", "coding-tools-mcp");
  const knownHostsFile = file("known-hosts-file", "coding-tools-mcp.known_hosts");

  await makeKey(setup, identityFile);
  await pinServer(setup, { ssh, destination, port, knownHostsFile });
  const trial = {
    provider: "ssh",
    program: ssh,
    destination,
    port,
    remoteHost: loopback,
    remotePort,
    identityFile,
    knownHostsFile,
  } as const;
  await tryForward(setup, {
    // As the daemon will run it; -v so that an older ssh, too, says when the server listens.
    argv: [ssh, "-v", ...sshArguments(trial, config.listen.port)],
    destination,
    remotePort,
    identityFile,
  });
  remark(
    `on your server let https://${hostname} lead to ${loopback}:${remotePort}, as the examples in deploy/ do`,
  );
  return {
    hostname,
    tunnel: {
      provider: "ssh",
      destination,
      ...(port === undefined ? {} : { port }),
      remote_port: remotePort,
      identity_file: identityFile,
      known_hosts_file: knownHostsFile,
    },
  };
}

async function makeKey({ session }: Setup, identityFile: string): Promise<void> {
  if (existsSync(identityFile)) return;
  const keygen = await session.program("ssh-keygen", install);
  mkdirSync(dirname(identityFile), { recursive: true, mode: 0o700 });
  await session.run({
    what: "make a key for the daemon alone, without a passphrase that nobody could type",
    argv: [keygen, "-q", "-t", "ed25519", "-N", "", "-C", "coding-tools-mcp", "-f", identityFile],
  });
}

interface Trial {
  readonly argv: Argv;
  readonly destination: string;
  readonly remotePort: number;
  readonly identityFile: string;
}

/** Forwards the port once; while the server does not know the key, the owner is told what to add there. */
async function tryForward({ context, session }: Setup, trial: Trial): Promise<void> {
  for (;;) {
    const { stderr } = await session.look(trial.argv, { until: /remote forward success/ });
    if (/remote forward success/.test(stderr)) return;
    const fault = readFailure(stderr, trial);
    if (!fault.isKey) throw new Fault("FAILED", fault.text, { hint: fault.hint });
    context.remark(`${fault.text}; ${fault.hint}`);
    if (!(await session.confirm("is it there now?")))
      throw new Fault("FAILED", fault.text, { hint: fault.hint });
  }
}

function readFailure(stderr: string, { destination, remotePort, identityFile }: Trial) {
  if (/Permission denied/.test(stderr)) {
    const line = `restrict,port-forwarding,permitlisten="${loopback}:${remotePort}" ${publicKey(identityFile)}`;
    const hint = `add this line to ~/.ssh/authorized_keys there: ${line}`;
    return { isKey: true, text: `${destination} does not know the key yet`, hint };
  }
  if (/remote port forwarding failed/i.test(stderr)) {
    const text = `${destination} does not listen on ${remotePort}`;
    const hint =
      "another session may hold it, also one of the running daemon: end it, or choose another --remote-port";
    return { isKey: false, text, hint };
  }
  const said = stderr
    .split("\n")
    .findLast((line) => line.trim() !== "" && !/^(?:debug1|OpenSSH_)/.test(line));
  const text = `no forward through ${destination}: ${said?.trim() ?? "it took longer than a minute"}`;
  return { isKey: false, text, hint: `see that this works: ssh ${destination}` };
}

function publicKey(identityFile: string): string {
  const file = `${identityFile}.pub`;
  return existsSync(file)
    ? readFileSync(file, "utf8").trim()
    : `what ssh-keygen -y -f ${identityFile} prints`;
}

function parsePort(flag: OptionName, text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw wrong(flag, text, "write a port from 1 to 65535");
  return port;
}

function wrong(flag: OptionName, value: string, hint: string): Fault {
  return new Fault("USAGE", `--${flag} is ${value || '""'}`, { hint });
}
