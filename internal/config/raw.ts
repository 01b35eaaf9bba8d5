import type {
  AuthMode,
  LogLevel,
  PermissionMode,
  Profile,
  SandboxLevelName,
  TunnelConfig,
} from "./config.js";
import type { Path } from "./document.js";
import { type Explanation, explain } from "./explain.js";
import { validateConfig } from "./validator.js";

/** A config file's content with everything removed that the schema refuses; what remains has the right types. */
export interface RawConfig {
  readonly hostname?: string;
  readonly listen?: string;
  readonly profile?: Profile;
  readonly workspaces?: readonly (RawWorkspace | undefined)[];
  readonly auth?: {
    readonly mode?: AuthMode;
    readonly token_file?: string;
    readonly token?: string;
    readonly password_file?: string;
    readonly password?: string;
    readonly access_token_ttl?: string;
    readonly refresh_token_ttl?: string;
    readonly refresh_grace?: string;
    readonly redirect_uris?: readonly (string | undefined)[];
  };
  readonly tunnel?: RawTunnel;
  readonly allowed_origins?: readonly (string | undefined)[];
  readonly limits?: {
    readonly calls_per_second?: number;
    readonly burst?: number;
    readonly concurrent_calls?: number;
    readonly heavy_calls?: number;
    readonly connections?: number;
  };
  readonly exec?: {
    readonly permission_mode?: PermissionMode;
    readonly approvals?: "owner" | "client";
    readonly sandbox?: {
      readonly minimum?: SandboxLevelName;
      readonly network?: "none" | "host";
      readonly read?: readonly (string | undefined)[];
      readonly write?: readonly (string | undefined)[];
    };
  };
  readonly view_image?: boolean;
  readonly log?: { readonly level?: LogLevel };
  readonly audit?: { readonly max_file_mb?: number; readonly keep?: number };
  readonly metrics?: { readonly listen?: string };
  readonly state_dir?: string;
  readonly runtime_dir?: string;
}

export interface RawTunnel {
  readonly provider?: TunnelConfig["provider"];
  readonly program?: string;
  readonly id?: string;
  readonly token_file?: string;
  readonly token?: string;
  readonly profile?: Profile;
  readonly credentials_file?: string;
  readonly protocol?: "auto" | "quic" | "http2";
  readonly ephemeral?: boolean;
  readonly destination?: string;
  readonly port?: number;
  readonly remote_host?: string;
  readonly remote_port?: number;
  readonly identity_file?: string;
  readonly known_hosts_file?: string;
  readonly argv?: readonly (string | undefined)[];
  readonly env?: Readonly<Record<string, string>>;
  readonly url?: string;
  readonly ready_pattern?: string;
  readonly ready_url?: string;
  readonly down_pattern?: string;
  readonly blocked_patterns?: readonly (string | undefined)[];
}

export interface RawWorkspace {
  readonly id?: string;
  readonly path?: string;
  readonly profile?: Profile;
  readonly exec?: {
    readonly path?: readonly (string | undefined)[];
    readonly env?: Readonly<Record<string, string>>;
  };
}

/**
 * Checks the plain value of a config file against the schema. What is wrong is explained and then taken out of
 * `value`, so that everything else can still be checked for sense.
 */
export function checkSchema(value: unknown): {
  readonly raw: RawConfig;
  readonly explanations: readonly Explanation[];
} {
  if (validateConfig(value)) return { raw: value as RawConfig, explanations: [] };
  const explanations: Explanation[] = [];
  const refused = new Set<string>();
  for (const error of validateConfig.errors ?? []) {
    const explanation = explain(error, value);
    if (explanation.kind === "value") {
      // A value of the wrong type also fails its enum; once is enough.
      if (refused.has(error.instancePath)) continue;
      refused.add(error.instancePath);
    }
    explanations.push(explanation);
  }
  for (const { kind, path } of explanations) if (kind !== "missing") remove(value, path);
  const broken = explanations.some(({ kind, path }) => kind === "value" && path.length === 0);
  return { raw: broken ? {} : (value as RawConfig), explanations };
}

function remove(root: unknown, path: Path): void {
  const parent = path.slice(0, -1).reduce<unknown>((node, part) => (node as Tree | undefined)?.[part], root);
  const last = path.at(-1);
  if (parent === undefined || last === undefined) return;
  // An index keeps its place, so that the positions of its neighbours stay right.
  if (typeof last === "number") (parent as Tree)[last] = undefined;
  else delete (parent as Tree)[last];
}

type Tree = Record<string | number, unknown>;
