import { hostname } from "node:os";
import type { Config } from "../../../internal/config/config.js";
import type { Context } from "../context.js";
import type { Session } from "../session.js";
import type { TunnelEntry } from "./config-file.js";

/** What the steps of a provider are given. */
export interface Setup {
  readonly context: Context;
  readonly session: Session;
  /** The config in its place, without the tunnel. */
  readonly config: Config;
}

/** Takes the steps that are needed once, and says what the config is to hold. */
export type Provider = (setup: Setup) => Promise<TunnelEntry>;

/** The public name: of the flag, of the config, or as typed. */
export async function askHostname({ session, config }: Setup): Promise<string> {
  return config.hostname ?? session.value("hostname", "Public host name");
}

/** A tunnel's name: one for each machine, because two that run the same tunnel share its requests at random. */
export async function askName({ session }: Setup): Promise<string> {
  const machine = hostname()
    .toLowerCase()
    .replace(/\..*/s, "")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
  return session.value("name", "Name of the tunnel, different on each of your machines", `mcp-${machine}`);
}
