import { createHash } from "node:crypto";
import { dirname, join, resolve } from "node:path";
import type { AuthMode, Config, OAuthConfig } from "../../internal/config/config.js";
import { contains, realPath } from "../../internal/config/folders.js";
import { defaultStateDir, expandPath } from "../../internal/config/paths.js";
import { isLoopback, resolveConfig } from "../../internal/config/resolve.js";
import { Fault } from "../../internal/errs/errs.js";
import type { Settings } from "./flags.js";
import type { OAuthSettings } from "./oauth-settings.js";

export interface Surroundings {
  readonly cwd: string;
  readonly home: string;
  readonly uid: number;
  readonly generateToken: () => string;
  readonly generatePassword: () => string;
}

const tokenVariable = "CODING_TOOLS_MCP_AUTH_TOKEN";

/**
 * The configuration in memory that these settings amount to, under the same rules as a file. Each workspace has a state
 * directory of its own, so that commands of one never see what those of another leave in their home.
 *
 * @throws Fault USAGE when somebody elsewhere could come in without a credential, for a workspace that is missing, `/`,
 * or the home directory or above it, and for state inside the workspace.
 */
export function configFrom(
  settings: Settings,
  { cwd, home, uid, generateToken, generatePassword }: Surroundings,
): Config {
  const { host, port, stdio, profile, hostname } = settings;
  const exposed = !stdio && (!isLoopback(host) || hostname !== undefined);
  const oauth = stdio ? undefined : settings.oauth;
  const wanted = exposed && settings.generateToken && oauth === undefined;
  const token = settings.token ?? (wanted ? generateToken() : undefined);
  if (exposed && token === undefined && oauth === undefined) {
    throw new Fault(
      "USAGE",
      `${hostname ?? host} can be reached from elsewhere and no credential is configured`,
      {
        hint: `set ${tokenVariable}, sign clients in with --oauth-mode, or CODING_TOOLS_MCP_GENERATE_AUTH_TOKEN=1 to have a token made`,
      },
    );
  }
  const workspace = resolve(cwd, settings.workspace);
  const stateDir = stateDirectory(workspace, settings, { cwd, home });
  const problems: string[] = [];
  const config = resolveConfig(
    {
      ...(!stdio && { listen: `${host.includes(":") ? `[${host}]` : host}:${port}` }),
      ...(!stdio && hostname !== undefined && { hostname, tunnel: { provider: "none" } }),
      workspaces: [{ id: "workspace", path: workspace, profile }],
      auth: {
        mode: authMode(token, oauth),
        ...(token !== undefined && { token: `\${env:${tokenVariable}}` }),
      },
      allowed_origins: settings.allowedOrigins,
      exec: {
        permission_mode: settings.permissionMode,
        sandbox: {
          ...(settings.sandboxMinimum !== undefined && { minimum: settings.sandboxMinimum }),
          network: settings.allowNetwork ? "host" : "none",
          read: settings.execAllowRoots,
        },
      },
      view_image: settings.viewImage,
      log: { level: "error" },
      state_dir: stateDir,
      runtime_dir: join(stateDir, "run"),
    },
    {
      file: resolve(cwd, "command-line"),
      env: token === undefined ? {} : { [tokenVariable]: token },
      home,
      uid,
      problem(at, message, hint) {
        // No admin socket is made, so it does not matter how long its path would be.
        if (at[0] !== "runtime_dir") problems.push(hint === undefined ? message : `${message}: ${hint}`);
      },
      warning: () => {},
    },
  );
  if (problems.length > 0)
    throw new Fault("USAGE", problems.join("; "), { hint: "see coding-tools-mcp --help" });
  if (contains(realPath(workspace), realPath(dirname(stateDir)))) {
    throw new Fault("USAGE", `state would be kept in ${dirname(stateDir)}, inside the workspace`, {
      hint: "set CODING_TOOLS_MCP_RUNTIME_ROOT to a directory outside of it",
    });
  }
  return {
    ...config,
    publicOrigin: settings.publicOrigin,
    auth:
      oauth === undefined
        ? config.auth
        : { ...config.auth, oauth: signInOf(config, oauth, generatePassword) },
    exec: { ...config.exec, environment: settings.environment },
  };
}

function authMode(token: string | undefined, oauth: OAuthSettings | undefined): AuthMode {
  if (oauth === undefined) return token === undefined ? "none" : "bearer";
  return token === undefined ? "oauth" : "oauth+bearer";
}

function signInOf(
  { auth }: Config,
  { password, tokenSecret, tokenTtl, client }: OAuthSettings,
  generatePassword: () => string,
): OAuthConfig {
  return {
    ...auth.oauth,
    password: password ?? generatePassword(),
    tokenSecret,
    accessTokenTtl: tokenTtl,
    clients: client === undefined ? [] : [client],
  };
}

/** Found again at the next start, since it depends on the workspace's real path only. */
function stateDirectory(
  workspace: string,
  { runtimeRoot, stateHome }: Settings,
  { cwd, home }: Pick<Surroundings, "cwd" | "home">,
): string {
  const parent =
    runtimeRoot === undefined
      ? join(defaultStateDir({ env: { XDG_STATE_HOME: stateHome }, home }), "foreground")
      : expandPath(runtimeRoot, { home, base: cwd });
  return join(parent, createHash("sha256").update(realPath(workspace)).digest("hex").slice(0, 16));
}
