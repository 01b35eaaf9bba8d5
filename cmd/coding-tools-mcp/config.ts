import { resolve } from "node:path";
import type { Config } from "../../internal/config/config.js";
import { isLoopback, resolveConfig } from "../../internal/config/resolve.js";
import { Fault } from "../../internal/errs/errs.js";
import type { Settings } from "./flags.js";

export interface Surroundings {
  readonly cwd: string;
  readonly home: string;
  readonly uid: number;
  readonly generateToken: () => string;
}

const tokenVariable = "CODING_TOOLS_MCP_AUTH_TOKEN";

/**
 * The configuration in memory that these settings amount to, under the same rules as a file. Nothing is written: state
 * lives as long as the process.
 *
 * @throws Fault USAGE when somebody elsewhere could come in without a credential, or for a workspace that is missing,
 * `/`, or the home directory or above it.
 */
export function configFrom(settings: Settings, { cwd, home, uid, generateToken }: Surroundings): Config {
  const { host, port, stdio, profile, hostname } = settings;
  const exposed = !stdio && (!isLoopback(host) || hostname !== undefined);
  const token = settings.token ?? (exposed && settings.generateToken ? generateToken() : undefined);
  if (exposed && token === undefined) {
    throw new Fault(
      "USAGE",
      `${hostname ?? host} can be reached from elsewhere and no credential is configured`,
      {
        hint: `set ${tokenVariable}, or CODING_TOOLS_MCP_GENERATE_AUTH_TOKEN=1 to have a token made`,
      },
    );
  }
  const problems: string[] = [];
  const config = resolveConfig(
    {
      ...(!stdio && { listen: `${host.includes(":") ? `[${host}]` : host}:${port}` }),
      ...(!stdio && hostname !== undefined && { hostname, tunnel: { provider: "none" } }),
      workspaces: [{ id: "workspace", path: resolve(cwd, settings.workspace), profile }],
      auth: token === undefined ? { mode: "none" } : { mode: "bearer", token: `\${env:${tokenVariable}}` },
      allowed_origins: settings.allowedOrigins,
      view_image: settings.viewImage,
      log: { level: "error" },
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
  return config;
}
