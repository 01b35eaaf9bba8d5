import type { ConfiguredClient } from "../../internal/config/config.js";
import { Fault } from "../../internal/errs/errs.js";

/** What the environment says about sign-in. */
export interface OAuthSettings {
  /** The owner password; undefined: one is made. */
  readonly password: string | undefined;
  /** Hex; undefined: keys are made and kept. */
  readonly tokenSecret: string | undefined;
  /** Seconds. */
  readonly tokenTtl: number;
  /** The client that need not register. */
  readonly client: ConfiguredClient | undefined;
}

const defaultTtl = "86400";

/**
 * Reads the `OAUTH_*` variables; `variable` gives one by its name without the prefix.
 *
 * @throws Fault USAGE for one that cannot be used. Secrets are never repeated.
 */
export function readOAuth(variable: (name: string) => string | undefined): OAuthSettings {
  const tokenSecret = variable("OAUTH_TOKEN_SECRET");
  if (tokenSecret !== undefined && !/^(?:[0-9a-f]{2}){32,}$/i.test(tokenSecret)) {
    throw usage("OAUTH_TOKEN_SECRET is not at least 32 bytes in hex", "make one with: openssl rand -hex 32");
  }
  const ttl = variable("OAUTH_TOKEN_TTL") ?? defaultTtl;
  const tokenTtl = Number(ttl);
  if (!/^\d+$/.test(ttl) || tokenTtl < 60 || tokenTtl > 604_800) {
    throw usage(`OAUTH_TOKEN_TTL is ${ttl}`, "write seconds from 60 to 604800");
  }
  return { password: variable("OAUTH_PASSWORD"), tokenSecret, tokenTtl, client: readClient(variable) };
}

function readClient(variable: (name: string) => string | undefined): ConfiguredClient | undefined {
  const id = variable("OAUTH_CLIENT_ID");
  if (id === undefined) {
    const alone = ["OAUTH_CLIENT_SECRET", "OAUTH_REDIRECT_URIS"].find((name) => variable(name) !== undefined);
    if (alone !== undefined) throw usage(`${alone} is set without OAUTH_CLIENT_ID`, "set both");
    return undefined;
  }
  const redirectUris = (variable("OAUTH_REDIRECT_URIS") ?? "http://127.0.0.1/callback")
    .split(",")
    .map((uri) => uri.trim())
    .filter((uri) => uri !== "");
  const wrong = redirectUris.find((uri) => !URL.canParse(uri));
  if (wrong !== undefined) throw usage(`OAUTH_REDIRECT_URIS: ${wrong} is not a URL`, "write whole addresses");
  return { id, secret: variable("OAUTH_CLIENT_SECRET"), redirectUris };
}

function usage(message: string, hint: string): Fault {
  return new Fault("USAGE", `CODING_TOOLS_MCP_${message}`, { hint });
}
