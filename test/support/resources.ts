import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";

/**
 * What a process holds open that should not grow: files and folders by path, and listening sockets by address.
 * Connections are left out, since the other side decides when they go. Linux only.
 */
export function openResources(pid: number | "self" = "self"): string[] {
  const listening = listeningSockets(pid);
  return targetsOf(pid)
    .map((target) => (target.startsWith("socket:") ? listening.get(target) : target))
    .filter((name): name is string => name !== undefined && !name.startsWith("/proc/"))
    .sort();
}

/** The open descriptors, connections too. */
export function descriptorCount(pid: number | "self" = "self"): number {
  return targetsOf(pid).length;
}

/**
 * Without the pipes of waiting slots, which the sandbox makes and drops by itself; its own tests count them. And without
 * the folder for temporary files, which a watcher lists whenever another test makes something there.
 */
function targetsOf(pid: number | "self"): string[] {
  const folder = `/proc/${pid}/fd`;
  const targets = readdirSync(folder).flatMap((fd) => {
    try {
      return [readlinkSync(`${folder}/${fd}`)];
    } catch {
      // The descriptor with which the folder was read.
      return [];
    }
  });
  return targets.filter(
    (target) => target !== tmpdir() && !/\/sandbox-[\w-]+\/\d+\.(in|out|err|status|script)\b/.test(target),
  );
}

/** TCP sockets in state LISTEN (0A), `socket:[inode]` to `local address:port` as the kernel writes them. */
function listeningSockets(pid: number | "self"): Map<string, string> {
  const rows = ["tcp", "tcp6"].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, "utf8").split("\n"),
  );
  const fields = rows.map((row) => row.trim().split(/\s+/)).filter((row) => row[3] === "0A");
  return new Map(fields.map((row) => [`socket:[${row[9]}]`, `listening ${row[1]}`]));
}

/** A port nobody listens on, for now. */
export async function freePort(): Promise<number> {
  const holder = await holdPort();
  await holder.release();
  return holder.port;
}

/** A port on 127.0.0.1 that is in use until it is released. */
export async function holdPort(): Promise<{ readonly port: number; release(): Promise<void> }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    async release() {
      server.close();
      await once(server, "close");
    },
  };
}
