import type { AuthConfig, OAuthConfig } from "./config.js";
import type { Path } from "./document.js";
import type { RawConfig } from "./raw.js";
import type { References } from "./references.js";
import type { ResolveContext } from "./resolve.js";
import { configSchema } from "./schema.js";
import { resolveSecret, type Secret } from "./secrets.js";

type RawAuth = NonNullable<RawConfig["auth"]>;

/** Characters; below this a token can be guessed. */
const shortestSafeToken = 16;
/** Characters; guesses at the page are slowed down, so it may be shorter. */
const shortestSafePassword = 12;

const { properties } = configSchema.properties.auth;

/** Resolves the `auth` section and checks that the secrets it names can be read and used. */
export function resolveAuth(raw: RawAuth, references: References, context: ResolveContext): AuthConfig {
  const token = secretOf("token", raw, references, context);
  if (token.value !== undefined) checkToken(token.at, token.value, context);
  return {
    mode: raw.mode ?? properties.mode.default,
    tokenFile: token.file,
    token: token.file === undefined ? token.value : undefined,
    oauth: resolveOAuth(raw, references, context),
  };
}

function resolveOAuth(raw: RawAuth, references: References, context: ResolveContext): OAuthConfig {
  const password = secretOf("password", raw, references, context);
  if (password.value !== undefined && password.value.length < shortestSafePassword) {
    context.warning(
      password.at,
      `the password is shorter than ${shortestSafePassword} characters`,
      "remove the key, then run: ctmcpctl rotate-secret password",
    );
  }
  const seconds = (key: keyof typeof durations): number => resolveDuration(key, raw[key], context);
  return {
    password: password.value,
    passwordFile: password.file,
    accessTokenTtl: seconds("access_token_ttl"),
    refreshTokenTtl: seconds("refresh_token_ttl"),
    refreshGrace: seconds("refresh_grace"),
    redirectUris: (raw.redirect_uris ?? []).filter((uri) => uri !== undefined),
    tokenSecret: undefined,
    clients: [],
  };
}

function secretOf(
  name: "token" | "password",
  raw: RawAuth,
  references: References,
  context: ResolveContext,
): Secret {
  const without = `create it, or remove the key to have a ${name} made`;
  return resolveSecret({ section: "auth", name, raw, without }, references, context);
}

/** The token itself is never part of a report. */
function checkToken(at: Path, token: string, { problem, warning }: ResolveContext): void {
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

const units = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

/** The least and the most each may be, as written. */
const durations = {
  access_token_ttl: ["1m", "7d"],
  refresh_token_ttl: ["1h", "1000d"],
  refresh_grace: ["0s", "1d"],
} as const;

/** In seconds. */
function resolveDuration(
  key: keyof typeof durations,
  text: string | undefined,
  { problem }: ResolveContext,
): number {
  const seconds = toSeconds(text ?? properties[key].default);
  const [least, most] = durations[key];
  if (seconds < toSeconds(least) || seconds > toSeconds(most))
    problem(["auth", key], `auth.${key} is ${text}`, `write a time from ${least} to ${most}`);
  return seconds;
}

function toSeconds(text: string): number {
  return Number(text.slice(0, -1)) * units[text.slice(-1) as keyof typeof units];
}
