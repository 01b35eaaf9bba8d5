import type { JWTPayload } from "jose";
import type { Clock } from "../../clock/clock.js";
import { Fault } from "../../errs/errs.js";
import { setBounded } from "./bounded.js";
import { sha256Hex } from "./digest.js";
import type { Expected, Keys } from "./keys.js";
import { audienceOf, scope } from "./metadata.js";
import type { Grant, Site } from "./types.js";

export interface AccessTokens {
  /** A token for `grant` that lives `site.accessTtlS` seconds: a JWT of type at+jwt (RFC 9068). */
  mint(grant: Grant, site: Site): Promise<string>;
  /**
   * The id of the grant that `token` points to; undefined unless `site` issued it for itself and it has not expired. The
   * answer for a token seen a short while ago comes at once. Whether the grant still stands is for the caller to look up.
   */
  verify(token: string, site: Site): string | undefined | Promise<string | undefined>;
  /** Drops every remembered answer: for when a signing key was cut off. */
  forget(): void;
}

export interface AccessTokensDeps {
  readonly keys: Pick<Keys, "sign" | "verify">;
  readonly clock: Clock;
  readonly random: (size: number) => Buffer;
}

interface Verified {
  readonly grantId: string;
  readonly origin: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

const maxRemembered = 1_000;
/** How long an answer is reused, so that a retired key's tokens end with it. */
const rememberMs = 300_000;

/** Makes and checks access tokens. Only digests of tokens are remembered. */
export function createAccessTokens({ keys, clock, random }: AccessTokensDeps): AccessTokens {
  let remembered = new Map<string, Verified>();

  return {
    mint(grant, site) {
      const issuedAt = Math.floor(clock.now() / 1_000);
      return keys.sign({
        iss: site.origin,
        aud: audienceOf(site),
        sub: "owner",
        client_id: grant.clientId,
        gid: grant.id,
        scope,
        jti: random(16).toString("base64url"),
        iat: issuedAt,
        exp: issuedAt + site.accessTtlS,
      });
    },
    verify(token, site) {
      const digest = sha256Hex(token);
      const known = remembered.get(digest);
      if (known?.origin === site.origin && clock.now() < known.until) return known.grantId;
      return check(token, digest, site);
    },
    forget() {
      // Not emptied: a check that began before the cut must not be remembered after it.
      remembered = new Map();
    },
  };

  async function check(token: string, digest: string, site: Site): Promise<string | undefined> {
    const now = clock.now();
    const answers = remembered;
    const claims = await claimsOf(token, { issuer: site.origin, audience: audienceOf(site), now });
    if (typeof claims?.gid !== "string" || claims.exp === undefined) return undefined;
    const until = Math.min(claims.exp * 1_000, now + rememberMs);
    setBounded(answers, digest, { grantId: claims.gid, origin: site.origin, until }, maxRemembered);
    return claims.gid;
  }

  async function claimsOf(token: string, expected: Expected): Promise<JWTPayload | undefined> {
    try {
      return await keys.verify(token, expected);
    } catch (error) {
      if (error instanceof Fault && error.code === "REFUSED") return undefined;
      throw error;
    }
  }
}
