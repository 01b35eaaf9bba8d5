import { existsSync } from "node:fs";
import { join } from "node:path";
import { expandPath } from "../../../internal/config/paths.js";
import { Fault } from "../../../internal/errs/errs.js";
import type { Argv, Session } from "../session.js";
import type { TunnelEntry } from "./config-file.js";
import { askHostname, askName, type Setup } from "./setup.js";

const install = "install it as https://developers.cloudflare.com/tunnel/downloads/ says";

/**
 * A named tunnel whose settings the daemon writes: login, create, route dns. With `--token-file` one that was made in
 * Cloudflare's dashboard. Written from the program's documentation, and not run against Cloudflare.
 */
export async function setupCloudflared(setup: Setup): Promise<TunnelEntry> {
  const { context, session } = setup;
  const { flags, home, cwd, remark } = context;
  const hostname = await askHostname(setup);
  const program = await session.program("cloudflared", install);
  const tokenFile = flags["token-file"];
  if (tokenFile !== undefined) {
    const { host, port } = setup.config.listen;
    remark(`in the dashboard let the public hostname ${hostname} lead to http://${host}:${port}`);
    const token_file = expandPath(tokenFile, { home, base: cwd });
    return { hostname, tunnel: { provider: "cloudflared", token_file } };
  }
  // A settings file in the home directory would decide which tunnel is meant. An empty one is grumbled at, and taken.
  const command = (...args: string[]): Argv => [program, "tunnel", "--config", "/dev/null", ...args];
  const { id, credentialsFile } = await makeTunnel(setup, command);
  await session.run({
    what: `let ${hostname} lead to the tunnel`,
    argv: command("route", "dns", id, hostname),
    whenFailed: `when the name leads elsewhere and should not: cloudflared tunnel route dns --overwrite-dns ${id} ${hostname}`,
  });
  return { hostname, tunnel: { provider: "cloudflared", id, credentials_file: credentialsFile } };
}

type Command = (...args: string[]) => Argv;

async function makeTunnel(
  setup: Setup,
  command: Command,
): Promise<{ readonly id: string; readonly credentialsFile: string }> {
  const { context, session } = setup;
  const own = join(context.home, ".cloudflared");
  if (!existsSync(join(own, "cert.pem"))) {
    await session.run({ what: "log in to Cloudflare and choose your domain", argv: command("login") });
  }
  const name = await askName(setup);
  const before = await findTunnel(session, command, name);
  if (before === undefined) {
    await session.run({ what: `make the tunnel ${name}`, argv: command("create", name) });
  }
  const id = before ?? (await findTunnel(session, command, name));
  if (id === undefined) throw new Fault("FAILED", `cloudflared made the tunnel ${name} and does not list it`);
  const credentialsFile = join(own, `${id}.json`);
  if (!existsSync(credentialsFile)) {
    await session.run({
      what: `use the tunnel ${name}, which exists and must not be run by another machine`,
      argv: command("token", "--cred-file", credentialsFile, id),
    });
  }
  return { id, credentialsFile };
}

/** The id of the tunnel with this name, if there is one. */
async function findTunnel(session: Session, command: Command, name: string): Promise<string | undefined> {
  const { code, stdout, stderr } = await session.look(command("list", "--output", "json", "--name", name));
  if (code !== 0) {
    throw new Fault("FAILED", `cloudflared does not list your tunnels: ${stderr.trim().split("\n").at(-1)}`, {
      hint: "log in again: rm ~/.cloudflared/cert.pem; cloudflared tunnel login",
    });
  }
  return parseList(stdout)?.find((tunnel) => tunnel.name === name)?.id;
}

interface Listed {
  readonly id: string;
  readonly name: string;
}

/** It says null when there is none. */
function parseList(text: string): readonly Listed[] | null {
  try {
    return JSON.parse(text) as readonly Listed[] | null;
  } catch (cause) {
    const hint = "it may be too old: cloudflared update";
    throw new Fault("FAILED", `cloudflared's list of tunnels is not JSON: ${text.slice(0, 80)}`, {
      hint,
      cause,
    });
  }
}
