import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../../test/support/resources.js";
import type { TunnelConfig } from "../../config/config.js";
import type { LaunchContext } from "../types.js";

/** A folder with what a start needs. */
export interface LaunchPlace {
  readonly dir: string;
  /** The first folder of PATH, empty. */
  readonly bin: string;
  context(config: TunnelConfig, changes?: Partial<LaunchContext>): LaunchContext;
  remove(): void;
}

export const port = 8765;
export const hostname = "mcp.example.com";

/** What providers must not hand on, beside what they may. */
export const hostileEnv = {
  NGROK_AUTHTOKEN: "inherited",
  TUNNEL_TOKEN: "inherited",
  OPENAI_API_KEY: "inherited",
  http_proxy: "http://127.0.0.1:1",
  HTTPS_PROXY: "http://127.0.0.1:1",
  NOTIFY_SOCKET: "/run/notify",
  SSH_AUTH_SOCK: "/run/agent",
  XDG_RUNTIME_DIR: "/run/user/1",
};

export function makeLaunchPlace(): LaunchPlace {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "ctmcp-tunnel-")));
  const bin = join(dir, "bin");
  mkdirSync(bin);
  let starts = 0;
  return {
    dir,
    bin,
    context(config, changes) {
      const directory = join(dir, `start-${starts++}`);
      mkdirSync(directory, { mode: 0o700 });
      return {
        config,
        hostname,
        port,
        directory,
        path: `${bin}:/usr/bin:/bin`,
        isChangeable: () => false,
        env: hostileEnv,
        home: dir,
        freePort,
        pass: (profile) => `canary-pass-${profile}`,
        ...changes,
      };
    },
    remove: () => rmSync(dir, { recursive: true }),
  };
}

const id = `tunnel_${"0".repeat(32)}`;

/** A whole configuration of each kind. */
export const samples = {
  ngrok: { provider: "ngrok", program: undefined, authtoken: { file: undefined, value: "canary-authtoken" } },
  dashboard: {
    provider: "cloudflared",
    program: undefined,
    token: { file: undefined, value: "canary-token" },
    id: undefined,
    credentialsFile: undefined,
    protocol: "auto",
    ephemeral: false,
  },
  local: {
    provider: "cloudflared",
    program: undefined,
    token: undefined,
    id: "9c0d",
    credentialsFile: "/dev/null",
    protocol: "http2",
    ephemeral: false,
  },
  quick: {
    provider: "cloudflared",
    program: undefined,
    token: undefined,
    id: undefined,
    credentialsFile: undefined,
    protocol: "auto",
    ephemeral: true,
  },
  devtunnel: { provider: "devtunnel", program: undefined, id: `mcp-${port}` },
  openai: {
    provider: "openai",
    program: undefined,
    id,
    apiKey: { file: undefined, value: "canary-api-key" },
    profile: undefined,
  },
  openaiWithPass: {
    provider: "openai",
    program: undefined,
    id,
    apiKey: { file: undefined, value: "canary-api-key" },
    profile: "read-only",
  },
  ssh: {
    provider: "ssh",
    program: undefined,
    destination: "me@example.com",
    port: 2222,
    remoteHost: "::1",
    remotePort: 9000,
    identityFile: "/dev/null",
    knownHostsFile: "/home/me/known",
  },
} as const satisfies Record<string, TunnelConfig>;
