import { generateToken } from "../auth/token.js";
import { type Config, usesBearer } from "../config/config.js";
import { Fault } from "../errs/errs.js";
import { quoted } from "../fsx/owned.js";
import { readSecretFile } from "../fsx/secret.js";
import { bearerTokenPath, ensureBearerToken, replaceBearerToken } from "../state/bearer-token.js";

/** The bearer token `config` asks for: from its reference, its file, or the state directory. Undefined without one. */
export async function readToken(config: Config, uid: number): Promise<string | undefined> {
  const { token, tokenFile } = config.auth;
  if (!usesBearer(config)) return undefined;
  if (token !== undefined) return token;
  if (tokenFile === undefined)
    return ensureBearerToken({ stateDir: config.stateDir, uid, generate: generateToken });
  const fromFile = readSecretFile(tokenFile, { uid });
  if (fromFile !== undefined) return fromFile;
  throw new Fault("CONFIG_INVALID", `there is no token file at ${tokenFile}`, {
    hint: "write the token there with mode 0600, or remove auth.token_file to have one made",
  });
}

/** Makes a new token in the state directory. REFUSED when the configuration names another place for it. */
export async function rotateToken(config: Config, uid: number): Promise<string> {
  const { token, tokenFile } = config.auth;
  if (token !== undefined || tokenFile !== undefined) {
    const [source, hint] =
      token === undefined
        ? [`auth.token_file (${tokenFile})`, "change it there, then run: ctmcpctl reload"]
        : ["auth.token (the environment)", "restart the daemon with the new value in its environment"];
    throw new Fault("REFUSED", `the token comes from ${source}`, { hint });
  }
  return replaceBearerToken({ stateDir: config.stateDir, uid, generate: generateToken });
}

/** How a person gets at the token, as one shell word or substitution; undefined without one. */
export function tokenForShell(config: Config): string | undefined {
  const { token, tokenFile } = config.auth;
  if (!usesBearer(config)) return undefined;
  if (token !== undefined) return "$TOKEN";
  return `$(cat ${quoted(tokenFile ?? bearerTokenPath(config.stateDir))})`;
}
