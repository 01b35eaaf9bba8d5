import { Document, isScalar } from "yaml";
import type { Config, ProgramSecret, TunnelConfig } from "./config.js";
import type { Path } from "./document.js";
import { keyName } from "./explain.js";
import type { LoadedConfig } from "./load.js";

/** The configuration in force, spelled like the file, with every default filled in and secrets as `***`. */
export interface ShownConfig {
  readonly schema: 1;
  /** Absolute path of the config file. */
  readonly path: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Where each value comes from, by key (`workspaces[0].path`): `default`, or `file:line`. */
  readonly sources: Readonly<Record<string, string>>;
}

/** What `loaded` amounts to. Values that are not set at all are left out. */
export function showConfig({
  path,
  config,
  lines,
}: Pick<LoadedConfig, "path" | "config" | "lines">): ShownConfig {
  const shown = spell(config);
  const sources: Record<string, string> = {};
  for (const leaf of leaves(shown, [])) {
    const line = lines.get(keyName(leaf));
    sources[keyName(leaf)] = line === undefined ? "default" : `${path}:${line}`;
  }
  return { schema: 1, path, config: shown, sources };
}

/** `shown` as YAML; with `sources` each value has its source as a comment. */
export function formatShown(shown: ShownConfig, { sources }: { readonly sources: boolean }): string {
  const document = new Document(shown.config);
  for (const leaf of sources ? leaves(shown.config, []) : []) {
    const node = document.getIn(leaf, true);
    if (isScalar(node)) node.comment = ` ${shown.sources[keyName(leaf)]}`;
  }
  return document.toString({ lineWidth: 0 });
}

function spell(config: Config): Record<string, unknown> {
  const { listen, auth, limits, exec } = config;
  return given({
    version: config.version,
    hostname: config.hostname,
    listen: spellAddress(listen),
    workspaces: config.workspaces.map(({ exec, real: _, ...workspace }) => ({
      ...workspace,
      // Any of the values may be a secret that a reference has brought here.
      exec: { path: exec.path, env: Object.fromEntries(Object.keys(exec.env).map((name) => [name, "***"])) },
    })),
    auth: given({
      mode: auth.mode,
      token_file: auth.tokenFile,
      token: auth.token === undefined ? undefined : "***",
      password_file: auth.oauth.passwordFile,
      password:
        auth.oauth.password === undefined || auth.oauth.passwordFile !== undefined ? undefined : "***",
      access_token_ttl: spellDuration(auth.oauth.accessTokenTtl),
      refresh_token_ttl: spellDuration(auth.oauth.refreshTokenTtl),
      refresh_grace: spellDuration(auth.oauth.refreshGrace),
      redirect_uris: auth.oauth.redirectUris,
    }),
    tunnel: config.tunnel && spellTunnel(config.tunnel),
    allowed_origins: config.allowedOrigins,
    limits: {
      calls_per_second: limits.callsPerSecond,
      burst: limits.burst,
      concurrent_calls: limits.concurrentCalls,
      heavy_calls: limits.heavyCalls,
      connections: limits.connections,
    },
    exec: { permission_mode: exec.permissionMode, approvals: exec.approvals, sandbox: exec.sandbox },
    view_image: config.viewImage,
    log: config.log,
    audit: { max_file_mb: config.audit.maxBytes / 2 ** 20, keep: config.audit.keep },
    metrics: config.metrics.listen === undefined ? {} : { listen: spellAddress(config.metrics.listen) },
    state_dir: config.stateDir,
    runtime_dir: config.runtimeDir,
  });
}

/** As it stands in the file. */
export function spellAddress({ host, port }: Config["listen"]): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** In the largest unit of which it is a multiple: a day is 24h. */
function spellDuration(seconds: number): string {
  const [size, unit] = (
    [
      [86_400, "d"],
      [3_600, "h"],
      [60, "m"],
    ] as const
  ).find(([size]) => seconds % size === 0 && seconds >= 2 * size) ?? [1, "s"];
  return `${seconds / size}${unit}`;
}

function spellTunnel(tunnel: TunnelConfig): Record<string, unknown> {
  const secret = (it: ProgramSecret | undefined): object =>
    it === undefined ? {} : it.file === undefined ? { token: "***" } : { token_file: it.file };
  switch (tunnel.provider) {
    case "ngrok":
      return given({ provider: tunnel.provider, program: tunnel.program, ...secret(tunnel.authtoken) });
    case "cloudflared": {
      const { provider, program, token, id, credentialsFile, protocol, ephemeral } = tunnel;
      const own = { provider, program, ...secret(token), id, credentials_file: credentialsFile };
      return given({ ...own, protocol, ephemeral });
    }
    case "openai":
      return given({
        provider: tunnel.provider,
        program: tunnel.program,
        id: tunnel.id,
        ...secret(tunnel.apiKey),
        profile: tunnel.profile,
      });
    case "ssh": {
      const { provider, program, destination, port, remoteHost, remotePort } = tunnel;
      const files = { identity_file: tunnel.identityFile, known_hosts_file: tunnel.knownHostsFile };
      const far = { remote_host: remoteHost, remote_port: remotePort };
      return given({ provider, program, destination, port, ...far, ...files });
    }
    case "command": {
      const { provider, argv, env, url } = tunnel;
      const hidden = Object.fromEntries(Object.keys(env).map((name) => [name, "***"]));
      const patterns = {
        ready_pattern: tunnel.readyPattern,
        ready_url: tunnel.readyUrl,
        down_pattern: tunnel.downPattern,
        blocked_patterns: tunnel.blockedPatterns,
      };
      return given({ provider, argv, env: hidden, url, ...patterns });
    }
    default:
      return given({ ...tunnel });
  }
}

function given(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** Paths of everything in `value` that holds no further values; an empty list counts. */
function leaves(value: unknown, path: Path): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  if (entries.length === 0) return [path];
  return entries.flatMap(([key, child]) => leaves(child, [...path, key]));
}
