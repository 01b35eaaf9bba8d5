import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freePort } from "../support/resources.js";

/** A real OpenSSH server with keys of its own, into which the present user may log in. */
export interface Sshd {
  readonly port: number;
  readonly user: string;
  /** The private key that is let in. */
  readonly identityFile: string;
  /** Its own private key; another one there counts from the next start. */
  readonly hostKey: string;
  readonly knownHostsFile: string;
  /** How often somebody has connected. */
  connections(): number;
  /** Ends the sessions, and not the server. */
  endSessions(): void;
  stop(): Promise<void>;
  /** Starts it again on the same port with the same keys. */
  start(): Promise<void>;
}

export interface SshdOptions {
  /** Default: 127.0.0.1. */
  readonly address?: string;
  /** A program and its arguments that lead to where it is to run, such as `nsenter`. */
  readonly enter?: readonly string[];
}

/** Starts one whose files lie in `folder`. */
export async function startSshd(
  folder: string,
  { address = "127.0.0.1", enter = [] }: SshdOptions = {},
): Promise<Sshd> {
  const user = userInfo().username;
  const port = await freePort();
  const identityFile = makeKey(folder, "id");
  const hostKey = makeKey(folder, "host");
  const authorized = join(folder, "authorized");
  copyFileSync(`${identityFile}.pub`, authorized);
  const knownHostsFile = join(folder, "known hosts");
  writeFileSync(knownHostsFile, knownHost(port, hostKey, address));
  const config = join(folder, "sshd.conf");
  const settings = [
    `Port ${port}`,
    `ListenAddress ${address}`,
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${authorized}`,
    "PidFile none",
    "StrictModes no",
    "UsePAM no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "LogLevel VERBOSE",
  ];
  writeFileSync(config, `${settings.join("\n")}\n`);
  // Where the server of Debian puts its unprivileged part when it is started by root.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true });

  let server: ChildProcess | undefined;
  let connections = 0;
  async function start(): Promise<void> {
    const [file = "", ...args] = [...enter, "/usr/sbin/sshd", "-D", "-e", "-f", config];
    const child = spawn(file, args, { stdio: ["ignore", "ignore", "pipe"] });
    server = child;
    const output: string[] = [];
    await new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      createInterface(child.stderr)
        .on("line", (line) => {
          output.push(line);
          if (line.startsWith("Server listening on")) resolve();
          if (line.startsWith("Connection from")) connections += 1;
        })
        .once("close", () => reject(new Error(`sshd did not start:\n${output.join("\n")}`)));
    });
  }

  function endSessions(): void {
    for (const pid of childrenOf(server?.pid ?? 0)) process.kill(pid, "SIGTERM");
  }

  async function stop(): Promise<void> {
    const child = server;
    server = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    for (const pid of childrenOf(child.pid ?? 0)) process.kill(pid, "SIGTERM");
    child.kill("SIGTERM");
    await once(child, "exit");
  }

  await start();
  return {
    port,
    user,
    identityFile,
    hostKey,
    knownHostsFile,
    connections: () => connections,
    endSessions,
    start,
    stop,
  };
}

/** Makes a key pair and returns the path of its private half. */
export function makeKey(folder: string, name: string): string {
  const file = join(folder, name);
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
  return file;
}

/** The line of a known hosts file that says that `key` is that of the server on `port`. */
export function knownHost(port: number, key: string, address = "127.0.0.1"): string {
  const [type, data] = readFileSync(`${key}.pub`, "utf8").split(" ");
  return `[${address}]:${port} ${type} ${data}\n`;
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return text === "" ? [] : text.split(" ").map(Number);
}
