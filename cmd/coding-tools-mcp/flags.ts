import { delimiter } from "node:path";
import { parseArgs } from "node:util";
import type {
  ExecEnvironment,
  PermissionMode,
  Profile,
  SandboxLevelName,
} from "../../internal/config/config.js";
import { Fault, messageOf } from "../../internal/errs/errs.js";
import { type OAuthSettings, readOAuth } from "./oauth-settings.js";

/** What the command line and the environment ask for, checked. */
export interface Settings {
  readonly workspace: string;
  readonly host: string;
  readonly port: number;
  readonly stdio: boolean;
  readonly token: string | undefined;
  /** Clients sign in by OAuth; undefined: they do not. */
  readonly oauth: OAuthSettings | undefined;
  /** Make a token when the address is not loopback and none is given. */
  readonly generateToken: boolean;
  readonly profile: Profile;
  /** True when the profile was asked for, not defaulted. */
  readonly profileGiven: boolean;
  readonly permissionMode: PermissionMode;
  /** Commands get the network of this machine. */
  readonly allowNetwork: boolean;
  readonly environment: ExecEnvironment;
  /** Paths as given, that commands may read. */
  readonly execAllowRoots: readonly string[];
  readonly sandboxMinimum: SandboxLevelName | undefined;
  /** Path as given, below which state is kept; undefined: the user's state directory. */
  readonly runtimeRoot: string | undefined;
  /** XDG_STATE_HOME. */
  readonly stateHome: string | undefined;
  readonly viewImage: boolean;
  /** Scheme, host and port of the public URL. */
  readonly publicOrigin: string | undefined;
  /** Its host. */
  readonly hostname: string | undefined;
  readonly allowedOrigins: readonly string[];
  readonly trace: boolean;
}

const sandboxLevels: readonly SandboxLevelName[] = ["strong", "namespaces", "filesystem-only", "none"];

type Env = Readonly<Record<string, string | undefined>>;

const options = {
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
  workspace: { type: "string" },
  host: { type: "string" },
  port: { type: "string" },
  stdio: { type: "boolean" },
  "auth-token": { type: "string" },
  "oauth-mode": { type: "boolean" },
  "tool-profile": { type: "string" },
  "shell-env-inherit": { type: "string" },
  "permission-mode": { type: "string" },
  "allow-network": { type: "boolean" },
  "enable-view-image": { type: "boolean" },
  "dangerously-skip-all-permissions": { type: "boolean" },
  "dangerously-fake-readonly-annotations": { type: "boolean" },
} as const;

/**
 * Reads flags, then `CODING_TOOLS_MCP_*` variables, then defaults. "help" and "version" ask for just that.
 *
 * @throws Fault USAGE for anything unknown, contradictory or not offered.
 */
export function readSettings(argv: readonly string[], env: Env, cwd: string): Settings | "help" | "version" {
  const flags = parse(argv);
  if (flags.help) return "help";
  if (flags.version) return "version";
  const variable = (name: string): string | undefined => env[`CODING_TOOLS_MCP_${name}`] || undefined;
  const list = (name: string, separator: string): string[] =>
    (variable(name) ?? "")
      .split(separator)
      .map((item) => item.trim())
      .filter((item) => item !== "");
  const isOn = (name: string): boolean => /^(1|true|yes|on)$/i.test(variable(name) ?? "");

  refuseFalseAnnotations(
    flags["dangerously-fake-readonly-annotations"] === true || isOn("DANGEROUSLY_FAKE_READONLY_ANNOTATIONS"),
  );
  const mode = choice("CODING_TOOLS_MCP_AUTH_MODE", variable("AUTH_MODE"), ["bearer", "noauth", "oauth"]);
  const oauth = flags["oauth-mode"] === true || isOn("OAUTH_MODE") || mode === "oauth";
  const token = flags["auth-token"] ?? variable("AUTH_TOKEN");
  if (mode === "noauth" && (token !== undefined || oauth))
    throw usage("auth mode noauth and a credential contradict each other");
  if (mode === "bearer" && !oauth && token === undefined && !isOn("GENERATE_AUTH_TOKEN")) {
    throw usage("auth mode bearer needs a token", "set CODING_TOOLS_MCP_AUTH_TOKEN");
  }
  const profile = flags["tool-profile"] ?? variable("TOOL_PROFILE");
  const skip = flags["dangerously-skip-all-permissions"] === true || isOn("DANGEROUSLY_SKIP_ALL_PERMISSIONS");
  const permission = flags["permission-mode"] ?? variable("PERMISSION_MODE");
  const serverUrl = readServerUrl(variable("SERVER_URL"));
  const inherit = flags["shell-env-inherit"] ?? variable("SHELL_ENV_INHERIT");
  return {
    workspace: flags.workspace ?? variable("WORKSPACE") ?? cwd,
    host: flags.host ?? variable("HOST") ?? "127.0.0.1",
    port: readPort(flags.port ?? variable("PORT") ?? "8000"),
    stdio: flags.stdio === true,
    token,
    oauth: oauth ? readOAuth(variable) : undefined,
    generateToken: isOn("GENERATE_AUTH_TOKEN") && mode !== "noauth",
    profile: readProfile(profile),
    profileGiven: profile !== undefined,
    permissionMode: skip
      ? "dangerous"
      : (choice("permission-mode", permission, ["safe", "trusted", "dangerous"]) ?? "safe"),
    allowNetwork: flags["allow-network"] === true || isOn("ALLOW_NETWORK"),
    environment: {
      inherit: choice("shell-env-inherit", inherit, ["core", "all", "none"]) ?? "core",
      includeOnly: list("SHELL_ENV_INCLUDE_ONLY", ","),
      exclude: list("SHELL_ENV_EXCLUDE", ","),
      set: readShellEnvSet(variable("SHELL_ENV_SET")),
    },
    execAllowRoots: list("EXEC_ALLOW_ROOTS", delimiter),
    sandboxMinimum: choice("CODING_TOOLS_MCP_SANDBOX_MINIMUM", variable("SANDBOX_MINIMUM"), sandboxLevels),
    runtimeRoot: variable("RUNTIME_ROOT"),
    stateHome: env.XDG_STATE_HOME,
    viewImage:
      flags["enable-view-image"] === true || !/^(0|false|no|off)$/i.test(variable("ENABLE_VIEW_IMAGE") ?? ""),
    publicOrigin: serverUrl?.origin,
    hostname: serverUrl?.hostname,
    // The pages of a server behind that URL are ours, whatever its scheme and port.
    allowedOrigins: [
      ...(serverUrl ? [serverUrl.origin] : []),
      ...list("ALLOWED_ORIGINS", ",").map(readOrigin),
    ],
    trace: isOn("TRACE"),
  };
}

export const usageText = `usage: coding-tools-mcp [flags]

Serves MCP for one workspace in the foreground, over HTTP or stdio.

  --workspace PATH          default: the current directory
  --host HOST               default: 127.0.0.1
  --port PORT               default: 8000
  --stdio                   serve on standard input and output instead of HTTP
  --auth-token TOKEN        ask for this bearer token; better in CODING_TOOLS_MCP_AUTH_TOKEN,
                            where other users of this machine cannot read it
  --oauth-mode              clients send you to a sign-in page that asks for a password
  --tool-profile PROFILE    full (default) or read-only
  --permission-mode MODE    safe (default), trusted or dangerous: which commands run without asking
  --allow-network           give commands the network of this machine
  --shell-env-inherit WHAT  core (default), all or none of this environment's variables go to commands;
                            what looks like a secret goes in mode dangerous only
  --dangerously-skip-all-permissions
                            the same as --permission-mode dangerous
  --enable-view-image       on by default; CODING_TOOLS_MCP_ENABLE_VIEW_IMAGE=0 takes the tool away
  --version, --help

Each flag has a variable CODING_TOOLS_MCP_<FLAG>. Further variables, with the same prefix:

  SHELL_ENV_INCLUDE_ONLY, SHELL_ENV_EXCLUDE   names of inherited variables, with * and ?, separated by commas
  SHELL_ENV_SET             further variables for commands, as a JSON object
  EXEC_ALLOW_ROOTS          further paths that commands may read, separated by colons
  SANDBOX_MINIMUM           strong (default), namespaces, filesystem-only or none: the weakest sandbox to run in
  OAUTH_PASSWORD            the password of the sign-in page; default: one is made and printed
  OAUTH_TOKEN_SECRET        at least 32 bytes in hex that sign access tokens; default: a key is made and kept
  OAUTH_TOKEN_TTL           seconds from 60 to 604800 an access token is good for; default: 86400
  OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET, OAUTH_REDIRECT_URIS
                            a client that need not register; addresses separated by commas,
                            default: http://127.0.0.1/callback
  SERVER_URL                the public URL of this server, as https://mcp.example.com; its name may then be called
  ALLOWED_ORIGINS           further web origins whose pages may call, separated by commas
  RUNTIME_ROOT              where state is kept, outside the workspace; default: the user's state directory
  TRACE=1                   writes a line a call to stderr

exit codes: 0 ended, 2 usage, 69 address in use, 130 interrupted, 143 terminated
`;

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options }).values;
  } catch (error) {
    throw usage(messageOf(error));
  }
}

function refuseFalseAnnotations(asked: boolean): void {
  if (!asked) return;
  throw usage(
    "annotations are never falsified: clients rely on them to ask before a change",
    "remove the flag",
  );
}

function readProfile(text: string | undefined): Profile {
  if (text === "compat-readonly-all") {
    throw usage(
      "profile compat-readonly-all is not offered: it calls tools that change files read-only, and annotations are never falsified",
      "use --tool-profile read-only, or full",
    );
  }
  return choice("tool-profile", text, ["full", "read-only"]) ?? "full";
}

function readPort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw usage(`port ${text} is not a number from 0 to 65535`);
  return port;
}

function readServerUrl(url: string | undefined): URL | undefined {
  if (url === undefined) return undefined;
  // Without a scheme, host:port would parse too, as some other kind of URL.
  if (!/^https?:/i.test(url) || !URL.canParse(url)) {
    throw usage(`CODING_TOOLS_MCP_SERVER_URL ${url} is not a URL`, "write https://mcp.example.com");
  }
  return new URL(url);
}

function readOrigin(origin: string): string {
  if (!URL.canParse(origin)) throw usage(`CODING_TOOLS_MCP_ALLOWED_ORIGINS: ${origin} is not an origin`);
  return origin;
}

/** Variables by name; numbers and truth values become text, as people write them in JSON. */
function readShellEnvSet(text: string | undefined): Record<string, string> {
  const name = "CODING_TOOLS_MCP_SHELL_ENV_SET";
  const value = text === undefined ? {} : parseJson(text);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw usage(`${name} must be a JSON object`);
  for (const [key, item] of Object.entries(value)) {
    if (!/^[A-Za-z_]\w*$/.test(key)) throw usage(`${name}: '${key}' cannot be a variable's name`);
    if (typeof item === "object" || String(item).includes("\0"))
      throw usage(`${name}: the value of ${key} must be text`);
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, String(item)]));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function choice<T extends string>(
  name: string,
  value: string | undefined,
  allowed: readonly T[],
): T | undefined {
  if (value === undefined) return undefined;
  const found = allowed.find((option) => option === value);
  if (found === undefined) throw usage(`${name} is ${value}; it must be one of ${allowed.join(", ")}`);
  return found;
}

function usage(message: string, hint = "see coding-tools-mcp --help"): Fault {
  return new Fault("USAGE", message, { hint });
}
