import type { AdminClient } from "../../../internal/admin/client.js";
import { type AuthMode, type Config, usesBearer } from "../../../internal/config/config.js";
import { Fault } from "../../../internal/errs/errs.js";
import { readSecretFile } from "../../../internal/fsx/secret.js";
import { bearerTokenPath } from "../../../internal/state/bearer-token.js";

/**
 * Runs `use` with a token to make calls with: the bearer token where the mode has one, else a pass that the daemon gives
 * for that long. With none where neither is to be had, and where nobody is asked.
 */
export async function withToken<T>(
  { client, mode, config, uid }: TokenSources,
  use: (token: string | undefined) => Promise<T>,
): Promise<T> {
  if (mode !== "oauth") return use(config && findToken(config, uid));
  const { token } = await client.issuePass();
  try {
    return await use(token);
  } finally {
    // It ends by itself when the daemon is gone.
    await client.endPass().catch(() => {});
  }
}

interface TokenSources {
  readonly client: Pick<AdminClient, "issuePass" | "endPass">;
  readonly mode: AuthMode;
  /** The configuration in the file; undefined when it cannot be used. */
  readonly config: Config | undefined;
  readonly uid: number;
}

/**
 * The bearer token that the daemon accepts, as this user finds it. Undefined when the mode has none, when none has been
 * made, and when its file cannot be used, which is told where the files are looked at.
 */
export function findToken(config: Config, uid: number): string | undefined {
  if (!usesBearer(config)) return undefined;
  const { token, tokenFile } = config.auth;
  if (token !== undefined) return token;
  try {
    return readSecretFile(tokenFile ?? bearerTokenPath(config.stateDir), { uid });
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}
