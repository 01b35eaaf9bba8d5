import { once } from "node:events";
import { lstatSync, renameSync, rmSync, unlinkSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { errnoOf, Fault } from "../errs/errs.js";
import { ensurePrivateDir } from "../fsx/private-dir.js";
import type { AdminBackend } from "./backend.js";
import { createAdminHandler } from "./handler.js";
import { takeLock } from "./lock.js";

/** How long close() waits for answers in flight before it cuts their connections. */
const graceMs = 1_000;

export interface AdminServerDeps {
  /** Absolute, at most 100 bytes (a unix socket address holds 104 on macOS). Its directory is made if missing. */
  readonly socketPath: string;
  /** The user the daemon runs as. */
  readonly uid: number;
  readonly backend: AdminBackend;
  /** The daemon's version, told on every answer. */
  readonly version: string;
  /** Told of anything thrown that is not a Fault. */
  readonly onError: (error: unknown) => void;
}

export interface AdminServer {
  /** Ends log streams, gives answers in flight a second to finish, and removes the socket if it is still this server's own. */
  close(): Promise<void>;
}

/**
 * Serves the admin API on a unix socket that nobody else can open: mode 0600 from its first moment, in a directory
 * that is ours and 0700. Throws ALREADY_RUNNING naming the pid when another daemon has the place, PERMISSION when the
 * directory or what lies in the socket's place is not ours, ADDRESS_IN_USE when that is not a socket.
 */
export async function createAdminServer(deps: AdminServerDeps): Promise<AdminServer> {
  const { socketPath, uid } = deps;
  ensurePrivateDir(dirname(socketPath), { uid });
  const lock = takeLock(`${socketPath}.lock`);
  try {
    await refuseUnlessFree(socketPath, uid);
    const stop = new AbortController();
    const server = createServer(
      { maxHeaderSize: 8_192 },
      createAdminHandler({ ...deps, signal: stop.signal }),
    );
    const inode = await listenPrivately(server, socketPath);
    return {
      async close() {
        // Log streams end on this signal, so that closing does not wait for them.
        stop.abort();
        const closed = once(server, "close");
        server.close();
        server.closeIdleConnections();
        const cut = setTimeout(() => server.closeAllConnections(), graceMs);
        await closed;
        clearTimeout(cut);
        if (lstatSync(socketPath, { bigint: true, throwIfNoEntry: false })?.ino === inode)
          unlinkSync(socketPath);
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Returns when nothing is there, or only a socket of ours that nobody answers on. */
async function refuseUnlessFree(path: string, uid: number): Promise<void> {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (!there) return;
  if (there.uid !== uid) {
    throw new Fault("PERMISSION", `${path} belongs to uid ${there.uid}`, {
      hint: "remove it, or set runtime_dir to a directory of your own",
    });
  }
  if (!there.isSocket()) {
    throw new Fault("ADDRESS_IN_USE", `${path} is in the way of the admin socket`, {
      hint: `remove it: rm ${path}`,
    });
  }
  if (await answers(path)) {
    throw new Fault("ALREADY_RUNNING", `another process answers on ${path}`, {
      hint: "see who it is: ctmcpctl status",
    });
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error) => {
      const code = errnoOf(error);
      if (code === "ECONNREFUSED" || code === "ENOENT") resolve(false);
      else reject(error);
    });
  });
}

/**
 * Binds beside `path` and renames into place. The rename replaces a stale socket in one step, and keeps libuv, which
 * on close unlinks the name it bound, whoever owns it by then, away from `path`. (Not run on macOS.) Returns the socket's inode.
 */
async function listenPrivately(server: Server, path: string): Promise<bigint> {
  // Shorter than any sensible socket name, so that the address limit stays the one of `path`.
  const temporary = join(dirname(path), ".new");
  rmSync(temporary, { force: true });
  // bind() takes the mode from the umask, and happens before listen() returns. A chmod would come too late.
  const before = process.umask(0o177);
  try {
    server.listen(temporary);
  } finally {
    process.umask(before);
  }
  await once(server, "listening");
  try {
    const inode = lstatSync(temporary, { bigint: true }).ino;
    renameSync(temporary, path);
    return inode;
  } catch (error) {
    server.close();
    throw error;
  }
}
