import { usesOAuth } from "../../internal/config/config.js";
import { endpointUrl, publicUrl } from "../../internal/daemon/addresses.js";
import type { Daemon } from "../../internal/daemon/daemon.js";
import { tokenForShell } from "../../internal/daemon/token.js";

/** What a person needs right after the start: the URL, how to authenticate, and three commands that show it works. */
export function banner(daemon: Pick<Daemon, "config" | "address">): string {
  const config = daemon.config();
  const url = endpointUrl(daemon.address());
  const token = tokenForShell(config);
  const ways = [
    ...(usesOAuth(config)
      ? ["clients send you to a page that asks for a password; ctmcpctl rotate-secret password makes it"]
      : []),
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
  ];
  const auth = token === undefined ? "" : ` -H "Authorization: Bearer ${token}"`;
  const post = `curl -s ${url}${auth} -H 'Content-Type: application/json'`;
  const call = (method: string, params: object): string =>
    `${post} -d '${JSON.stringify({ jsonrpc: "2.0", id: 1, method, params })}'`;
  const initialize = {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "curl", version: "1" },
  };
  const look = (path: string): string => `curl -s ${new URL(path, url)}`;
  const checks = [
    look("/.well-known/mcp.json"),
    ...(token === undefined && usesOAuth(config)
      ? [look("/.well-known/oauth-protected-resource/mcp"), look("/.well-known/oauth-authorization-server")]
      : [call("initialize", initialize), call("tools/list", {})]),
  ];
  return `
MCP endpoint  ${publicUrl(config) ?? url}
authenticate  ${ways.join("\n              ") || "nobody is asked"}
workspaces    ${config.workspaces.map(({ id, path, profile }) => `${id} ${path} (${profile})`).join("\n              ")}

Verify it from another terminal:
  ${checks.join("\n  ")}

`;
}
