import type { Config } from "../config/config.js";

/** The MCP endpoint on this machine. A wildcard address is reached by loopback. */
export function endpointUrl({ host, port }: { readonly host: string; readonly port: number }): string {
  const reachable = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}/mcp`;
}

/** The MCP endpoint as the world sees it; undefined without a hostname. */
export function publicUrl({ hostname }: Config): string | undefined {
  return hostname === undefined ? undefined : `https://${hostname}/mcp`;
}
