import type { Config } from "../config/config.js";

/** Where a server listens. */
export interface Address {
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

/** Scheme, host and port by which clients reach the daemon: the configured ones, else those it listens on. */
export function originOf({ publicOrigin }: Config, address: Address): string {
  return publicOrigin ?? new URL(endpointUrl(address)).origin;
}

/** The MCP endpoint as the world sees it; undefined when it does not. */
export function publicUrl({ publicOrigin }: Config): string | undefined {
  return publicOrigin === undefined ? undefined : `${publicOrigin}/mcp`;
}
