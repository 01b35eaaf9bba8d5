import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TunnelConfig } from "../../config/config.js";
import { findProgram } from "../find-program.js";
import { TunnelRefusal } from "../refusal.js";
import type { LaunchContext } from "../types.js";

export type ConfigOf<P extends TunnelConfig["provider"]> = Extract<TunnelConfig, { provider: P }>;

/** Addresses requests are sent on to. */
export function originOf(context: Pick<LaunchContext, "port">): string {
  return `http://127.0.0.1:${context.port}`;
}

/**
 * The environment of a provider's program, built from nothing: PATH, HOME, the variables of the daemon's own that are
 * named, and `extra`. Inherited ones would change what it does: TUNNEL_TOKEN beats a token file, HTTP_PROXY and
 * OPENAI_API_KEY are taken up, NOTIFY_SOCKET lets it speak for the daemon.
 */
export function environmentOf(
  context: Pick<LaunchContext, "path" | "home" | "env">,
  { inherit = [], extra = {} }: EnvironmentOptions = {},
): Record<string, string> {
  const inherited = inherit.flatMap((name) => {
    const value = context.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return { PATH: context.path, HOME: context.home, ...Object.fromEntries(inherited), ...extra };
}

interface EnvironmentOptions {
  readonly inherit?: readonly string[];
  readonly extra?: Readonly<Record<string, string>>;
}

/**
 * The absolute path of the provider's program. `install`: how to get it.
 *
 * @throws TunnelRefusal PROGRAM_MISSING.
 */
export async function requireProgram(
  name: string,
  { path, isChangeable }: Pick<LaunchContext, "path" | "isChangeable">,
  install: string,
): Promise<string> {
  const program = await findProgram(name, path, isChangeable);
  if (program !== undefined) return program;
  throw new TunnelRefusal({
    code: "PROGRAM_MISSING",
    class: "blocked",
    text: `${name} is not found in PATH, less the folders that clients may change: ${path}`,
    hint: `${install}, or set tunnel.program to where it is`,
  });
}

/**
 * The public name a tunnel is made for.
 *
 * @throws TunnelRefusal HOSTNAME_MISSING: with none, the provider would make up another one at each start.
 */
export function requireHostname({ hostname }: Pick<LaunchContext, "hostname">): string {
  if (hostname !== undefined) return hostname;
  throw new TunnelRefusal({
    code: "HOSTNAME_MISSING",
    class: "blocked",
    text: "hostname is not set, and this tunnel needs one",
    hint: "set hostname to the public name you have for it",
  });
}

/** Writes a file that only the owner reads and returns its path; `directory` is private and empty. */
export async function writePrivateFile(directory: string, name: string, text: string): Promise<string> {
  const file = join(directory, name);
  await writeFile(file, text, { mode: 0o600 });
  return file;
}
