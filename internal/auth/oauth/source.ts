import { isIP } from "node:net";
import type { OAuthRequest, Site } from "./types.js";

/**
 * The caller's address as the configured tunnel gives it, or undefined when nobody can be told apart; of an IPv6 address
 * the /64 network, which is what one caller has. Of a list only the last is the tunnel's word, the others come from the
 * caller. Loopback is never identity: everything that a tunnel brings comes from there.
 */
export function sourceOf({ headers }: Pick<OAuthRequest, "headers">, site: Site): string | undefined {
  const value = site.sourceHeader === undefined ? undefined : headers[site.sourceHeader.toLowerCase()];
  const address = [value ?? []].flat().join(",").split(",").at(-1)?.trim().toLowerCase() ?? "";
  if (isIP(address) === 0 || /^(?:::ffff:)?127\.|^::1$/.test(address)) return undefined;
  return address.includes(":") ? networkOf(address) : address;
}

/** An IPv4 address in IPv6 clothes counts as what it is. */
function networkOf(address: string): string {
  const [, v4] = /^::ffff:([\d.]+)$/.exec(address) ?? [];
  if (v4 !== undefined) return v4;
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  const rest = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array<string>(Math.max(0, 8 - groups.length - rest.length)).fill("0");
  const four = [...groups, ...zeros, ...rest]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16));
  return `${four.join(":")}::/64`;
}
