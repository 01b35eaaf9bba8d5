import { createSocket } from "node:dgram";

/** Addresses for documentation (RFC 5737, RFC 3849): nothing is sent to them. */
const outside = [
  ["udp4", "198.51.100.1"],
  ["udp6", "2001:db8::1"],
] as const;

/**
 * The addresses this machine would use for the internet, which change when it moves to another network; empty when it
 * has no way there. Rejects when it cannot be asked. Connecting a datagram socket asks the routing table and sends nothing.
 */
export async function networkIdentity(): Promise<string> {
  const own = await Promise.all(outside.map(([family, address]) => sourceAddress(family, address)));
  return own.filter((address) => address !== undefined).join(" ");
}

function sourceAddress(family: "udp4" | "udp6", address: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(family);
    socket.once("error", reject);
    const finish = (own: string | undefined): void => {
      socket.close();
      resolve(own);
    };
    // Without a way there it is told of an error, which the declarations leave out.
    socket.connect(53, address, (error?: Error) => finish(error ? undefined : socket.address().address));
  });
}
