import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Answer } from "./browser.js";
import type { Side } from "./far-side-network.js";

/** What the process on the far side does. */
export interface FarSide {
  /** Serves https on port 443, with a key and a certificate in PEM. */
  serve(certificate: { readonly key: string; readonly cert: string }): Promise<void>;
  /** Sends requests on to this port of its own loopback. */
  forward(port: number): Promise<void>;
  /** Signs in to an MCP endpoint; returns the names of the tools. */
  signIn(url: string, owner: Answer): Promise<readonly string[]>;
  /** Makes the client keep an access token that is refused, as one that has expired. */
  spoilAccess(): Promise<void>;
  /** Begins to count, or goes on with it. */
  count(): Promise<void>;
  /** Resolves when a call that began after this one has been answered. */
  answered(): Promise<void>;
  /** Stops counting when the present number has been counted. */
  rest(): Promise<Tally>;
}

export interface Tally {
  /** The request ids that were answered. */
  readonly counted: readonly string[];
  /** Calls that were made again. */
  readonly repeated: number;
  /** Of these, how many met the command that an earlier one had started. */
  readonly attached: number;
  /** What went wrong, and how often. */
  readonly troubles: Readonly<Record<string, number>>;
  readonly signIns: number;
}

export interface Request {
  readonly id: number;
  readonly method: keyof FarSide;
  readonly args: readonly unknown[];
}
export type Reply = { readonly id: number } & ({ readonly value: unknown } | { readonly failure: string });

export interface FarProcess {
  /** Rejects when it fails there. */
  ask<M extends keyof FarSide>(method: M, ...args: Parameters<FarSide[M]>): ReturnType<FarSide[M]>;
  stop(): Promise<void>;
}

/** Starts that process, which trusts the authority in the file `ca` too. It ends with this one. */
export function startFarProcess({ node }: Side, ca: string): FarProcess {
  const main = fileURLToPath(new URL("./far-side-main.js", import.meta.url));
  const child = spawn(node, [main], {
    env: { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: ca },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const exit = once(child, "exit");
  const pending = new Map<number, (reply: Reply) => void>();
  let asked = 0;
  child.on("message", (reply: Reply) => pending.get(reply.id)?.(reply));
  child.on("exit", () => {
    for (const [id, settle] of pending) settle({ id, failure: "the far side has ended" });
  });
  return {
    ask: ((method, ...args) =>
      new Promise<unknown>((resolve, reject) => {
        const id = asked++;
        pending.set(id, (reply) => {
          pending.delete(id);
          if ("failure" in reply) reject(new Error(`${method}: ${reply.failure}`));
          else resolve(reply.value);
        });
        child.send({ id, method, args } satisfies Request);
      })) as FarProcess["ask"],
    async stop() {
      child.kill("SIGKILL");
      await exit;
    },
  };
}
