import type { LookupAddress } from "node:dns";
import { BlockList, type IPVersion, isIP, type LookupFunction } from "node:net";
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";

/** IPv4 that the IANA special-purpose registry (RFC 6890) keeps out of the public internet, and multicast. */
const closedIpv4: readonly (readonly [string, number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  // Link-local, with the metadata services of cloud machines.
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  // Benchmarks by the registry; in practice proxies that answer every name with an address of their own.
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
];

/**
 * Only 2000::/3 is public, and of it not what is set aside or carries an IPv4 address inside. The rest holds unspecified,
 * loopback, mapped, compatible, NAT64, unique local, link-local and multicast addresses.
 */
const closedIpv6: readonly (readonly [string, number])[] = [
  ["::", 3],
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
  ["4000::", 2],
  ["8000::", 1],
];

/** Finds the addresses of a name. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

/** True when a connection to the address may be opened for somebody else. */
export type MayDial = (address: string) => boolean;

/** The networks this machine is in, as it sees them now. */
export type Interfaces = () => NodeJS.Dict<NetworkInterfaceInfo[]>;

/**
 * The guard against requests that strangers have us make into our own network: true for the address of a public host
 * outside the networks this machine is in. IPv6 neighbours have public addresses that only a router shields.
 */
export function createDialGuard(interfaces: Interfaces = networkInterfaces): MayDial {
  // Two lists: one list would compare an IPv4 address with IPv6 rules in its mapped form, and find it in ::/3.
  const closed = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const [network, prefix] of closedIpv4) closed.ipv4.addSubnet(network, prefix, "ipv4");
  for (const [network, prefix] of closedIpv6) closed.ipv6.addSubnet(network, prefix, "ipv6");

  return (address) => {
    const version = isIP(address);
    if (version === 0) return false;
    const family = version === 4 ? "ipv4" : "ipv6";
    return (
      !closed[family].check(address, family) && !ownNetworks(family, interfaces()).check(address, family)
    );
  };
}

function ownNetworks(family: IPVersion, interfaces: ReturnType<Interfaces>): BlockList {
  const own = new BlockList();
  for (const { address, cidr, ...found } of Object.values(interfaces).flatMap((list) => list ?? [])) {
    const prefix = Number(cidr?.split("/")[1] ?? 0);
    // A prefix of 0 would close the internet.
    if (found.family.toLowerCase() !== family || prefix === 0) continue;
    // A machine often has an IPv6 address of /128 in a link of /64.
    own.addSubnet(address, family === "ipv6" ? Math.min(prefix, 64) : prefix, family);
  }
  return own;
}

/**
 * The `lookup` of a connection that is opened only to addresses which `mayDial` allows. The check and the dial see one
 * answer, so a name that changes between two lookups gains nothing; one refused address refuses the whole answer.
 * An address literal in a URL is dialled without a lookup: the caller refuses those.
 */
export function guardedLookup(resolve: Resolve, mayDial: MayDial): LookupFunction {
  return (hostname, options, callback) => {
    publicAddresses(hostname).then(
      (addresses) => {
        if (options.all) callback(null, addresses);
        else callback(null, addresses[0].address, addresses[0].family);
      },
      (error) => callback(error, "", 0),
    );
  };

  async function publicAddresses(hostname: string): Promise<[LookupAddress, ...LookupAddress[]]> {
    const [first, ...others] = await resolve(hostname);
    if (first === undefined) throw new Error(`${hostname} has no address`);
    const refused = [first, ...others].find((address) => !mayDial(address));
    if (refused !== undefined) throw new Error(`${hostname} is at ${refused}, not a public address`);
    const withFamily = (address: string): LookupAddress => ({ address, family: isIP(address) });
    return [withFamily(first), ...others.map(withFamily)];
  }
}
