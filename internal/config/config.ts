/** The resolved configuration: every default filled in, every path absolute, every reference read. */

/** What a client may do in a workspace. `read-only` sees and calls read tools only. */
export type Profile = "read-only" | "full";

export type PermissionMode = "safe" | "trusted" | "dangerous";
export type LogLevel = "debug" | "info" | "notice" | "warning" | "error";

export interface WorkspaceConfig {
  readonly id: string;
  /** Absolute; not yet checked to exist. */
  readonly path: string;
  /** This workspace's ceiling; a client's grant can only narrow it. */
  readonly profile: Profile;
}

export interface AuthConfig {
  readonly mode: "bearer" | "none";
  /** Absolute path of the file that holds the bearer token; undefined: the one generated in the state directory. */
  readonly tokenFile: string | undefined;
  /** A token given by `${env:NAME}`; never written anywhere, never shown. */
  readonly token: string | undefined;
}

export interface LimitsConfig {
  /** Tool calls a second each client may make on average. */
  readonly callsPerSecond: number;
  /** Tool calls a client may make at once before the average counts. */
  readonly burst: number;
  /** Tool calls of one client that may run or wait at the same time. */
  readonly concurrentCalls: number;
  /** Heavy calls (search, listing) that run at the same time, all clients together; more of them queue. */
  readonly heavyCalls: number;
  /** Open connections; more are refused. */
  readonly connections: number;
}

export interface Config {
  readonly version: 1;
  /** Public host name, lower case, no scheme or port; undefined: loopback only. */
  readonly hostname: string | undefined;
  readonly listen: { readonly host: string; readonly port: number };
  readonly workspaces: readonly [WorkspaceConfig, ...WorkspaceConfig[]];
  readonly auth: AuthConfig;
  /** Who runs the tunnel to `hostname`; undefined: there is none. `none`: somebody else does. */
  readonly tunnel: { readonly provider: "none" } | undefined;
  /** Further web origins (scheme://host[:port]) that may call from a browser. */
  readonly allowedOrigins: readonly string[];
  readonly limits: LimitsConfig;
  readonly viewImage: boolean;
  readonly log: { readonly level: LogLevel };
  /** Absolute; secrets and other state, 0700. */
  readonly stateDir: string;
  /** Absolute; the admin socket, 0700. */
  readonly runtimeDir: string;
}

/** True when profile `have` allows what `need` asks for. */
export function allows(have: Profile, need: Profile): boolean {
  return have === "full" || need === "read-only";
}

/** The narrower of two profiles. */
export function narrower(a: Profile, b: Profile): Profile {
  return a === "full" ? b : a;
}
