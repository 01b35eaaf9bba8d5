import type { Config } from "../config/config.js";

interface Address {
  readonly host: string;
  readonly port: number;
}

/** The MCP endpoint at an address as it is, which may be a wildcard. */
export function urlAt({ host, port }: Address): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}/mcp`;
}

/** The MCP endpoint on this machine. A wildcard address is reached by loopback. */
export function endpointUrl({ host, port }: Address): string {
  return urlAt({ host: host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host, port });
}

/** The MCP endpoint as the world sees it; undefined without a hostname. */
export function publicUrl({ hostname }: Config): string | undefined {
  return hostname === undefined ? undefined : `https://${hostname}/mcp`;
}
