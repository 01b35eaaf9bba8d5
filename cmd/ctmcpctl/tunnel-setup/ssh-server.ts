import { createHash } from "node:crypto";
import { appendFile, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { Fault } from "../../../internal/errs/errs.js";
import { printable } from "../output.js";
import type { Session } from "../session.js";
import type { Setup } from "./setup.js";

export interface Server {
  /** The program's path. */
  readonly ssh: string;
  readonly destination: string;
  readonly port: number | undefined;
  /** Where its keys are kept. */
  readonly knownHostsFile: string;
}

/**
 * Writes the server's keys into the known-hosts file, unless some are there. Nobody but the owner can tell whether they
 * are the right ones: they are confirmed on the terminal or named by `--fingerprint`; `--yes` is not enough.
 */
export async function pinServer({ context, session }: Setup, server: Server): Promise<void> {
  const { host, port } = await resolveServer(session, server);
  const keygen = await session.program("ssh-keygen", "install OpenSSH's client");
  const name = port === 22 ? host : `[${host}]:${port}`;
  const { knownHostsFile } = server;
  const known = await session.look([keygen, "-F", name, "-f", knownHostsFile]);
  if (known.code === 0) return;
  const keys = await scan(session, { host, port, name });
  context.remark(`${name} shows these keys:`);
  for (const { line, fingerprint } of keys) {
    context.remark(printable(`  ${line.split(" ")[1]} ${fingerprint}`));
  }
  const accepted = await accept({ context, session }, { name, keys });
  await mkdir(dirname(knownHostsFile), { recursive: true, mode: 0o700 });
  await appendFile(knownHostsFile, accepted.map(({ line }) => `${line}\n`).join(""), { mode: 0o600 });
}

/** The address that ssh would connect to, by its own configuration. */
async function resolveServer(
  session: Session,
  { ssh, destination, port }: Server,
): Promise<{ readonly host: string; readonly port: number }> {
  const flags = port === undefined ? [] : ["-p", String(port)];
  const { code, stdout, stderr } = await session.look([ssh, "-G", ...flags, destination]);
  if (code !== 0) throw new Fault("USAGE", `ssh does not take ${destination}: ${stderr.trim()}`);
  const setting = (key: string): string | undefined => new RegExp(`^${key} (.*)$`, "m").exec(stdout)?.[1];
  return { host: setting("hostname") ?? destination, port: Number(setting("port") ?? 22) };
}

interface HostKey {
  /** As a known-hosts file holds it. */
  readonly line: string;
  /** As ssh shows it. */
  readonly fingerprint: string;
}

async function scan(
  session: Session,
  { host, port, name }: { readonly host: string; readonly port: number; readonly name: string },
): Promise<HostKey[]> {
  const keyscan = await session.program("ssh-keyscan", "install OpenSSH's client");
  const { stdout } = await session.look([keyscan, "-T", "10", "-p", String(port), host]);
  const lines = stdout.split("\n").filter((line) => /^\S+ \S+ [A-Za-z0-9+/=]+$/.test(line));
  if (lines.length === 0) {
    throw new Fault("FAILED", `${name} shows no ssh key`, {
      hint: "see that the server is up and can be reached",
    });
  }
  return lines.map((line) => ({ line, fingerprint: fingerprintOf(line.split(" ")[2] ?? "") }));
}

/** SHA-256 of the key, base64 without padding, as OpenSSH writes it. */
function fingerprintOf(key: string): string {
  const hash = createHash("sha256").update(Buffer.from(key, "base64")).digest("base64");
  return `SHA256:${hash.replace(/=+$/, "")}`;
}

async function accept(
  { context, session }: Pick<Setup, "context" | "session">,
  { name, keys }: { readonly name: string; readonly keys: readonly HostKey[] },
): Promise<readonly HostKey[]> {
  const { fingerprint } = context.flags;
  const hint =
    "on the server: for f in /etc/ssh/ssh_host_*.pub; do ssh-keygen -lf $f; done; then add --fingerprint SHA256:...";
  if (fingerprint !== undefined) {
    const named = keys.filter((key) => key.fingerprint === fingerprint);
    if (named.length > 0) return named;
    throw new Fault("FAILED", `${name} has no key with fingerprint ${fingerprint}`, { hint });
  }
  if (await session.confirm("are they those of your server?")) return keys;
  throw new Fault("FAILED", `the keys of ${name} are not confirmed; the config is as it was`, { hint });
}
