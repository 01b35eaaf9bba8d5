import { join } from "node:path";
import { writeFileAtomic } from "../fsx/atomic.js";
import { ensurePrivateDir } from "../fsx/private-dir.js";
import { readSecretFile } from "../fsx/secret.js";

export interface BearerStore {
  readonly stateDir: string;
  readonly uid: number;
  /** Makes a new token; 256 bits of randomness as text. */
  readonly generate: () => string;
}

/** Where the generated bearer token lies. */
export function bearerTokenPath(stateDir: string): string {
  return join(stateDir, "bearer-token");
}

/**
 * The token in the state directory; made at first use, 0600 in a 0700 directory. A restart finds the same one.
 *
 * @throws Fault PERMISSION when others can reach the directory or the file.
 */
export async function ensureBearerToken(store: BearerStore): Promise<string> {
  ensurePrivateDir(store.stateDir, store);
  return readSecretFile(bearerTokenPath(store.stateDir), store) ?? replaceBearerToken(store);
}

/** Writes a new token over the old one, whole or not at all, and returns it. */
export async function replaceBearerToken({ stateDir, uid, generate }: BearerStore): Promise<string> {
  ensurePrivateDir(stateDir, { uid });
  const token = generate();
  await writeFileAtomic(bearerTokenPath(stateDir), `${token}\n`, 0o600);
  return token;
}
