import type { StatusReport } from "../../../internal/admin/types.js";
import type { Config, TunnelConfig } from "../../../internal/config/config.js";
import { isLoopback } from "../../../internal/config/resolve.js";
import { createRedactor } from "../../../internal/log/redact.js";
import { secretsOf } from "../../../internal/tunnel/providers/index.js";
import { findToken } from "../doctor/token.js";

export interface DisguiseOptions {
  readonly home: string;
  readonly uid: number;
  readonly user: string | undefined;
  /** Name of this machine. */
  readonly machine: string;
  readonly config: Config | undefined;
  readonly status: StatusReport | undefined;
}

/** Shorter names are in too many words to be told apart from them. */
const shortestName = 3;

/**
 * Takes out of a text what is nobody's business: secrets become `***`, the home directory `~`, and the names of the user,
 * of this machine and of other hosts, be they public, the tunnel's or of web pages that may call, `USER`, `MACHINE` and
 * `HOST`. Names of folders below the home directory stay.
 */
export function createDisguise({
  home,
  uid,
  user,
  machine,
  config,
  status,
}: DisguiseOptions): (text: string) => string {
  const redactor = createRedactor();
  for (const secret of config === undefined ? [] : secretsIn(config, uid)) redactor.add(secret);
  const hosts = [
    config?.hostname,
    hostOf(status?.listen.public_url),
    hostOf(status?.tunnel?.url),
    ...(config?.allowedOrigins.map(hostOf) ?? []),
    ...tunnelHosts(config?.tunnel),
  ].filter((host) => host === undefined || !isLoopback(host));
  const names: readonly (readonly [name: string | undefined, instead: string])[] = [
    [home === "/" ? undefined : home, "~"],
    [destinationOf(config?.tunnel), "USER@HOST"],
    ...hosts.map((host) => [host, "HOST"] as const),
    [machine, "MACHINE"],
    [user, "USER"],
  ];
  const rules = names.flatMap(([name, instead]) =>
    name === undefined || name.length < shortestName ? [] : [[wholeWord(name), instead] as const],
  );
  return (text) =>
    rules.reduce((rest, [pattern, instead]) => rest.replace(pattern, instead), redactor.text(text));
}

function secretsIn(config: Config, uid: number): readonly string[] {
  const { password, tokenSecret } = config.auth.oauth;
  // Any of the variables may be one; short ones are settings, and stand everywhere.
  const variables = config.workspaces
    .flatMap(({ exec }) => Object.values(exec.env))
    .filter((it) => it.length >= 8);
  return [
    findToken(config, uid),
    password,
    tokenSecret,
    ...variables,
    ...(config.tunnel ? secretsOf(config.tunnel) : []),
  ].filter((secret) => secret !== undefined);
}

/** `user@host`; undefined where there is no user. */
function destinationOf(tunnel: TunnelConfig | undefined): string | undefined {
  return tunnel?.provider === "ssh" && tunnel.destination.includes("@") ? tunnel.destination : undefined;
}

function tunnelHosts(tunnel: TunnelConfig | undefined): readonly (string | undefined)[] {
  if (tunnel?.provider === "command") return [hostOf(tunnel.url), hostOf(tunnel.readyUrl)];
  return tunnel?.provider === "ssh" ? [tunnel.destination.replace(/^.*@/, ""), tunnel.remoteHost] : [];
}

function hostOf(url: string | null | undefined): string | undefined {
  return url ? new URL(url).hostname : undefined;
}

function wholeWord(name: string): RegExp {
  const text = name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  return new RegExp(`(?<![\\w-])${text}(?![\\w-])`, "gi");
}
