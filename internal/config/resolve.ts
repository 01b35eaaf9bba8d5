import { isIPv4, isIPv6 } from "node:net";
import { availableParallelism } from "node:os";
import { resolveAuth } from "./auth.js";
import type { AuditConfig, Config, LimitsConfig, WorkspaceConfig } from "./config.js";
import type { Path } from "./document.js";
import { checkExec, resolveExec } from "./exec.js";
import { defaultRuntimeDir, defaultStateDir, type PathContext, socketPath } from "./paths.js";
import type { RawConfig } from "./raw.js";
import { createReferences } from "./references.js";
import { configSchema } from "./schema.js";
import { resolveTunnel, tunnelFiles, tunnelPrograms } from "./tunnel.js";
import { checkOwnFiles, resolveWorkspaces } from "./workspaces.js";

/** Receives what is wrong with the value at `path`. */
type Report = (path: Path, message: string, hint?: string) => void;

export interface ResolveContext extends PathContext {
  /** Absolute path of the config file; relative paths in it start at its directory. */
  readonly file: string;
  /** The user who runs the daemon. */
  readonly uid: number;
  /** True: somebody looks at the file who is not the daemon, and has not been given all that the daemon is. */
  readonly isInspection?: boolean | undefined;
  /** Absolute path of the program that asks the keychain of macOS; default: the system's. */
  readonly security?: string | undefined;
  /** Takes what makes the config unusable. */
  readonly problem: Report;
  /** Takes what is allowed and probably not meant. */
  readonly warning: Report;
  /** Told of every value that was given as a secret: by its file, a reference, or under a secret's name. */
  readonly onSecret?: ((secret: string) => void) | undefined;
}

const { properties } = configSchema;

/** Bytes; the kernel's limit for a socket's path is 104 on macOS, 108 on Linux, its final NUL included. */
const longestSocketPath = 100;

/**
 * Fills in defaults, resolves paths and references and checks what a schema cannot say. Looks at the file system for
 * workspaces and the token file. The result is meaningful only if nothing was reported to `context.problem`.
 */
export function resolveConfig(raw: RawConfig, context: ResolveContext): Config {
  const references = createReferences(context);
  const stateDir = references.path(["state_dir"], raw.state_dir) ?? defaultStateDir(context);
  const runtimeDir =
    references.path(["runtime_dir"], raw.runtime_dir) ?? defaultRuntimeDir(context, stateDir);
  const workspaces = resolveWorkspaces(raw, references, context);
  const config: Config = {
    version: 1,
    hostname: raw.hostname?.toLowerCase(),
    publicOrigin: raw.hostname && `https://${raw.hostname.toLowerCase()}`,
    listen: resolveAddress(["listen"], raw.listen ?? properties.listen.default, context),
    workspaces: workspaces as [WorkspaceConfig, ...WorkspaceConfig[]],
    auth: resolveAuth(raw.auth ?? {}, references, context),
    tunnel: raw.tunnel && resolveTunnel(raw.tunnel, references, context),
    allowedOrigins: resolveOrigins(raw.allowed_origins ?? [], context),
    limits: resolveLimits(raw.limits ?? {}),
    exec: resolveExec(raw.exec ?? {}, references, context),
    viewImage: raw.view_image ?? properties.view_image.default,
    log: { level: raw.log?.level ?? properties.log.properties.level.default },
    audit: resolveAudit(raw.audit ?? {}),
    metrics: { listen: resolveMetrics(raw.metrics?.listen, context) },
    stateDir,
    runtimeDir,
  };
  checkExposure(config, context);
  checkExec(config, context);
  checkSocketPath(runtimeDir, context);
  const own = [
    { at: [], path: context.file },
    { at: ["auth", "token_file"], path: config.auth.tokenFile },
    { at: ["auth", "password_file"], path: config.auth.oauth.passwordFile },
    ...tunnelFiles(config).map((path) => ({ at: ["tunnel"], path })),
    ...tunnelPrograms(config),
    { at: ["state_dir"], path: stateDir },
    { at: ["runtime_dir"], path: runtimeDir },
  ];
  checkOwnFiles(config, own, context);
  return config;
}

/** True for an address that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}

function resolveAudit({ max_file_mb: maxFileMb, keep }: NonNullable<RawConfig["audit"]>): AuditConfig {
  const { properties: defaults } = properties.audit;
  return {
    maxBytes: (maxFileMb ?? defaults.max_file_mb.default) * 2 ** 20,
    keep: keep ?? defaults.keep.default,
  };
}

function resolveMetrics(text: string | undefined, context: ResolveContext): Config["listen"] | undefined {
  if (text === undefined) return undefined;
  const at = ["metrics", "listen"];
  const address = resolveAddress(at, text, context);
  if (!isLoopback(address.host)) {
    const hint = "write a loopback address, as in 127.0.0.1:9464; nobody is asked who comes there";
    context.problem(at, `metrics.listen is ${address.host}, which others can reach`, hint);
  }
  return address;
}

function resolveAddress(at: Path, text: string, { problem }: ResolveContext): Config["listen"] {
  const colon = text.lastIndexOf(":");
  const host = text.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  const port = Number(text.slice(colon + 1));
  if (host !== "localhost" && !isIPv4(host) && !isIPv6(host)) {
    problem(at, `${host} is not an IP address`, "write an address of this machine, as in 127.0.0.1:8765");
  }
  if (port > 65_535) problem(at, `${port} is not a port`, "write a port from 1 to 65535");
  return { host, port };
}

function resolveOrigins(origins: readonly (string | undefined)[], { problem }: ResolveContext): string[] {
  const resolved = new Set<string>();
  for (const [index, text] of origins.entries()) {
    if (text === undefined) continue;
    if (!URL.canParse(text)) {
      problem(
        ["allowed_origins", index],
        `'${text}' is not an origin`,
        "write scheme://host or scheme://host:port",
      );
      continue;
    }
    // Browsers send the canonical form: lower case, without the scheme's own port.
    const { origin } = new URL(text);
    resolved.add(origin === "null" ? text.toLowerCase() : origin);
  }
  return [...resolved];
}

function resolveLimits(raw: NonNullable<RawConfig["limits"]>): LimitsConfig {
  const defaults = properties.limits.properties;
  return {
    callsPerSecond: raw.calls_per_second ?? defaults.calls_per_second.default,
    burst: raw.burst ?? defaults.burst.default,
    concurrentCalls: raw.concurrent_calls ?? defaults.concurrent_calls.default,
    heavyCalls: raw.heavy_calls ?? availableParallelism(),
    connections: raw.connections ?? defaults.connections.default,
  };
}

/** Without authentication nobody but this machine may reach the listener, directly or through a tunnel. */
function checkExposure(
  { auth, listen, hostname, tunnel }: Config,
  { problem, warning }: ResolveContext,
): void {
  const loopback = isLoopback(listen.host);
  if (auth.mode === "none") {
    const at = ["auth", "mode"];
    const hint = "write mode: bearer";
    if (!loopback) problem(at, `auth.mode none needs a loopback address, but listen is ${listen.host}`, hint);
    if (hostname !== undefined) problem(at, `auth.mode none cannot be used with hostname ${hostname}`, hint);
    if (tunnel !== undefined) problem(at, "auth.mode none cannot be used with a tunnel", hint);
  } else if (!loopback) {
    warning(
      ["listen"],
      `credentials travel unencrypted to ${listen.host}`,
      "listen on 127.0.0.1 behind a tunnel or a TLS proxy",
    );
  }
  const isRun = tunnel !== undefined && tunnel.provider !== "none" && tunnel.provider !== "command";
  if (isRun && !["127.0.0.1", "0.0.0.0", "::"].includes(listen.host))
    problem(
      ["listen"],
      `the tunnel brings requests to 127.0.0.1, but listen is ${listen.host}`,
      `write 127.0.0.1:${listen.port}`,
    );
  const names = tunnel !== undefined && (tunnel.provider === "ngrok" || tunnel.provider === "ssh");
  if (names && hostname === undefined)
    problem(
      ["tunnel"],
      `tunnel.provider ${tunnel.provider} needs a hostname`,
      "name the host that clients use",
    );
  if (hostname !== undefined && tunnel === undefined) {
    const hint = "if a tunnel or proxy is run by somebody else, write tunnel: { provider: none }";
    warning(["hostname"], `nothing says how requests for ${hostname} arrive here`, hint);
  }
}

function checkSocketPath(runtimeDir: string, { problem }: ResolveContext): void {
  const socket = socketPath(runtimeDir);
  if (Buffer.byteLength(socket) <= longestSocketPath) return;
  problem(
    ["runtime_dir"],
    `the socket path ${socket} is longer than ${longestSocketPath} bytes`,
    "set runtime_dir to a shorter path",
  );
}
