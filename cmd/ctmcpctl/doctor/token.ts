import { type Config, usesBearer } from "../../../internal/config/config.js";
import { Fault } from "../../../internal/errs/errs.js";
import { readSecretFile } from "../../../internal/fsx/secret.js";
import { bearerTokenPath } from "../../../internal/state/bearer-token.js";

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
