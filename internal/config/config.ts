/** The resolved configuration: every default filled in, every path absolute, every reference read. */

/** What a client may do in a workspace. `read-only` sees and calls read tools only. */
export type Profile = "read-only" | "full";

export type PermissionMode = "safe" | "trusted" | "dangerous";
/** How well commands are confined, best first. */
export type SandboxLevelName = "strong" | "namespaces" | "filesystem-only" | "none";
export type LogLevel = "debug" | "info" | "notice" | "warning" | "error";

export interface WorkspaceConfig {
  readonly id: string;
  /** Absolute. */
  readonly path: string;
  /** Where that led, links resolved, when the configuration was read; that place was looked at, and no other is served. */
  readonly real: string;
  /** This workspace's ceiling; a client's grant can only narrow it. */
  readonly profile: Profile;
  readonly exec: WorkspaceExec;
}

/** What the commands of one workspace get besides the rest. */
export interface WorkspaceExec {
  /** Absolute folders searched before those of PATH; not checked to exist. */
  readonly path: readonly string[];
  /** Further variables, references replaced; a value may be a secret. */
  readonly env: Readonly<Record<string, string>>;
}

/** How clients come in. `oauth`: the owner signs them in. `bearer`: with one secret token. */
export type AuthMode = "oauth" | "bearer" | "oauth+bearer" | "none";

export interface AuthConfig {
  readonly mode: AuthMode;
  /** Absolute path of the file that holds the bearer token; undefined: the one generated in the state directory. */
  readonly tokenFile: string | undefined;
  /** A token given by `${env:NAME}`; never written anywhere, never shown. */
  readonly token: string | undefined;
  readonly oauth: OAuthConfig;
}

/** What sign-in depends on. */
export interface OAuthConfig {
  /** The owner password from its file or reference; undefined: its hash is in the state directory. Never shown. */
  readonly password: string | undefined;
  readonly passwordFile: string | undefined;
  /** Seconds an access token is good for. */
  readonly accessTokenTtl: number;
  /** Seconds a refresh token is good for, unless it is used before. */
  readonly refreshTokenTtl: number;
  /** Seconds in which a refresh token that has been used still gets the same answer. */
  readonly refreshGrace: number;
  /** Further redirect URIs of a private-use scheme that clients may register, exactly as they write them. */
  readonly redirectUris: readonly string[];
  /** No key of the file: the foreground program has variables for it. Hex, signs access tokens. */
  readonly tokenSecret: string | undefined;
  /** No key of the file: clients the foreground program is told of. */
  readonly clients: readonly ConfiguredClient[];
}

export interface ConfiguredClient {
  readonly id: string;
  readonly secret: string | undefined;
  readonly redirectUris: readonly string[];
}

/** A secret that a tunnel's program needs, from its file or a reference; never shown. */
export interface ProgramSecret {
  /** Absolute. */
  readonly file: string | undefined;
  readonly value: string;
}

interface TunnelProgram {
  /** Absolute path of the provider's program, or its name, looked for in PATH; undefined: the usual name. */
  readonly program: string | undefined;
}

/** How requests for the public name arrive; one shape a provider. Files are absolute. */
export type TunnelConfig =
  | { readonly provider: "none" }
  | (TunnelProgram & { readonly provider: "ngrok"; readonly authtoken: ProgramSecret | undefined })
  | (TunnelProgram & {
      readonly provider: "cloudflared";
      /** Of a tunnel whose settings are kept at the vendor. */
      readonly token: ProgramSecret | undefined;
      /** Id or name of a tunnel whose settings we write. */
      readonly id: string | undefined;
      readonly credentialsFile: string | undefined;
      readonly protocol: "auto" | "quic" | "http2";
      /** Neither token nor id: a new URL at each start. */
      readonly ephemeral: boolean;
    })
  | (TunnelProgram & { readonly provider: "devtunnel"; readonly id: string })
  | (TunnelProgram & {
      readonly provider: "openai";
      readonly id: string;
      readonly apiKey: ProgramSecret;
      /** What its requests may do without a sign-in; undefined: nothing. */
      readonly profile: Profile | undefined;
    })
  | (TunnelProgram & {
      readonly provider: "ssh";
      /** user@host, or a host of the ssh configuration. */
      readonly destination: string;
      readonly port: number | undefined;
      /** Where the far side listens. */
      readonly remoteHost: string;
      readonly remotePort: number;
      readonly identityFile: string | undefined;
      readonly knownHostsFile: string | undefined;
    })
  | {
      readonly provider: "command";
      readonly argv: readonly [string, ...string[]];
      readonly env: Readonly<Record<string, string>>;
      /** The public URL when it is not that of the hostname. */
      readonly url: string | undefined;
      readonly readyPattern: string | undefined;
      readonly readyUrl: string | undefined;
      readonly downPattern: string | undefined;
      readonly blockedPatterns: readonly string[];
    };

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

/** Which variables of the daemon's own environment commands take over. */
export interface ExecEnvironment {
  /** `core`: locale, terminal and PATH; `all`: everything; `none`: nothing. */
  readonly inherit: "core" | "all" | "none";
  /** Globs: when there are some, only variables that match one are taken over. */
  readonly includeOnly: readonly string[];
  /** Globs of variables that are not. */
  readonly exclude: readonly string[];
  /** Further variables. */
  readonly set: Readonly<Record<string, string>>;
}

export interface ExecConfig {
  readonly permissionMode: PermissionMode;
  /** Who may answer a request for a permission. `client`: also the client itself, in band. */
  readonly approvals: "owner" | "client";
  /** No key of the file; the foreground program has variables for it. */
  readonly environment: ExecEnvironment;
  readonly sandbox: {
    /** Below this level no command runs. */
    readonly minimum: SandboxLevelName;
    readonly network: "none" | "host";
    /** Absolute; what commands may read besides their workspace and the system. Not checked to exist. */
    readonly read: readonly string[];
    /** Absolute; what they may also change. */
    readonly write: readonly string[];
  };
}

export interface Config {
  readonly version: 1;
  /** Public host name, lower case, no scheme or port; undefined: loopback only. */
  readonly hostname: string | undefined;
  /** Scheme, host and port by which clients reach the daemon; undefined: those it listens on. */
  readonly publicOrigin: string | undefined;
  readonly listen: { readonly host: string; readonly port: number };
  readonly workspaces: readonly [WorkspaceConfig, ...WorkspaceConfig[]];
  readonly auth: AuthConfig;
  /** Who runs the tunnel to `hostname`; undefined: there is none. `none`: somebody else does. */
  readonly tunnel: TunnelConfig | undefined;
  /** Further web origins (scheme://host[:port]) that may call from a browser. */
  readonly allowedOrigins: readonly string[];
  readonly limits: LimitsConfig;
  readonly exec: ExecConfig;
  readonly viewImage: boolean;
  readonly log: { readonly level: LogLevel };
  readonly audit: AuditConfig;
  /** Undefined: only the admin socket tells them. */
  readonly metrics: { readonly listen: Config["listen"] | undefined };
  /** Absolute; secrets and other state, 0700. */
  readonly stateDir: string;
  /** Absolute; the admin socket, 0700. */
  readonly runtimeDir: string;
}

export interface AuditConfig {
  /** Bytes after which another file is begun. */
  readonly maxBytes: number;
  /** Files that are kept, the current one included. */
  readonly keep: number;
}

/** True when profile `have` allows what `need` asks for. */
export function allows(have: Profile, need: Profile): boolean {
  return have === "full" || need === "read-only";
}

/** The narrower of two profiles. */
export function narrower(a: Profile, b: Profile): Profile {
  return a === "full" ? b : a;
}

/** True when clients sign in by OAuth. */
export function usesOAuth({ auth: { mode } }: Pick<Config, "auth">): boolean {
  return mode === "oauth" || mode === "oauth+bearer";
}

/** True when the one secret token is accepted. */
export function usesBearer({ auth: { mode } }: Pick<Config, "auth">): boolean {
  return mode === "bearer" || mode === "oauth+bearer";
}
