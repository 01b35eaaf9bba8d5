import { endpointUrl, publicUrl } from "../../internal/daemon/addresses.js";
import type { Daemon } from "../../internal/daemon/daemon.js";
import { tokenForShell } from "../../internal/daemon/token.js";

/** What a person needs right after the start: the URL, how to authenticate, and three commands that show it works. */
export function banner(daemon: Pick<Daemon, "config" | "address">): string {
  const config = daemon.config();
  const url = endpointUrl(daemon.address());
  const token = tokenForShell(config);
  const auth = token === undefined ? "" : ` -H "Authorization: Bearer ${token}"`;
  const post = `curl -s ${url}${auth} -H 'Content-Type: application/json'`;
  const call = (method: string, params: object): string =>
    `${post} -d '${JSON.stringify({ jsonrpc: "2.0", id: 1, method, params })}'`;
  const initialize = {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "curl", version: "1" },
  };
  return `
MCP endpoint  ${publicUrl(config) ?? url}
authenticate  ${token === undefined ? "nobody is asked" : `Authorization: Bearer ${token}`}
workspaces    ${config.workspaces.map(({ id, path, profile }) => `${id} ${path} (${profile})`).join("\n              ")}

Verify it from another terminal:
  curl -s ${new URL("/.well-known/mcp.json", url)}
  ${call("initialize", initialize)}
  ${call("tools/list", {})}

`;
}
