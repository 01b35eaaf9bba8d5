import { isIP } from "node:net";
import type { OAuthRequest, Site } from "./types.js";

/**
 * The caller's address as the configured tunnel gives it, or undefined when nobody can be told apart. Of a list only the
 * last is the tunnel's word, the others come from the caller. Loopback is never identity: everything that a tunnel brings
 * comes from there.
 */
export function sourceOf({ headers }: Pick<OAuthRequest, "headers">, site: Site): string | undefined {
  const value = site.sourceHeader === undefined ? undefined : headers[site.sourceHeader.toLowerCase()];
  const address = [value ?? []].flat().join(",").split(",").at(-1)?.trim().toLowerCase() ?? "";
  return isIP(address) === 0 || /^(?:::ffff:)?127\.|^::1$/.test(address) ? undefined : address;
}
