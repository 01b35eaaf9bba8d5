import { Fault, messageOf } from "../errs/errs.js";
import { readSecretFile } from "../fsx/secret.js";
import type { AuthConfig } from "./config.js";
import type { Path } from "./document.js";
import type { RawConfig } from "./raw.js";
import type { References } from "./references.js";
import type { ResolveContext } from "./resolve.js";
import { configSchema } from "./schema.js";

/** Characters; below this a token can be guessed. */
const shortestSafeToken = 16;

/** Resolves the `auth` section and checks that the token it names can be read and used. */
export function resolveAuth(
  raw: NonNullable<RawConfig["auth"]>,
  references: References,
  context: ResolveContext,
): AuthConfig {
  const mode = raw.mode ?? configSchema.properties.auth.properties.mode.default;
  const tokenFile = references.path(["auth", "token_file"], raw.token_file);
  const token = references.value(["auth", "token"], raw.token);
  if (raw.token !== undefined && raw.token_file !== undefined) {
    context.problem(
      ["auth", "token"],
      "auth.token and auth.token_file are both given",
      "keep one of the two",
    );
  }
  if (tokenFile !== undefined) checkToken(["auth", "token_file"], readToken(tokenFile, context), context);
  if (token !== undefined) checkToken(["auth", "token"], token, context);
  return { mode, tokenFile, token };
}

function readToken(file: string, { uid, problem }: ResolveContext): string | undefined {
  const at = ["auth", "token_file"];
  try {
    const token = readSecretFile(file, { uid });
    if (token === undefined)
      problem(at, `${file} does not exist`, "create it, or remove the key to have a token made");
    return token;
  } catch (error) {
    return void problem(at, messageOf(error), error instanceof Fault ? error.hint : undefined);
  }
}

/** The token itself is never part of a report. */
function checkToken(at: Path, token: string | undefined, { problem, warning }: ResolveContext): void {
  if (token === undefined) return;
  if (!/^[\x21-\x7e]+$/.test(token)) {
    problem(
      at,
      "the token holds characters that cannot stand in a header",
      "use letters, digits and -._~+/= only",
    );
  } else if (token.length < shortestSafeToken) {
    warning(
      at,
      `the token is shorter than ${shortestSafeToken} characters`,
      "make one with: openssl rand -base64 32",
    );
  }
}
