import { Buffer } from "node:buffer";
import { hash, timingSafeEqual } from "node:crypto";
import { type Authenticator, bearerChallenge, bearerCredential } from "./authenticator.js";
import type { Principal } from "./principal.js";

export interface BearerOptions {
  /** The one accepted token; any length but not empty. Only its digest is kept. */
  readonly token: string;
  readonly principal: Principal;
}

/**
 * Accepts one bearer token, from the Authorization header only (RFC 6750 section 2.1; the scheme in any case, RFC 9110
 * section 11.1). Digests are compared, in constant time: the token's length shows neither in time nor in an error.
 */
export function createBearerAuth({ token, principal }: BearerOptions): Authenticator {
  // node:http decodes headers as latin-1, so that is how the token's bytes will look.
  const expected = digest(Buffer.from(token, "utf8").toString("latin1"));
  return {
    authenticate(authorization) {
      const presented = bearerCredential(authorization);
      if (presented === undefined) return { failure: "missing" };
      return timingSafeEqual(digest(presented), expected) ? principal : { failure: "invalid" };
    },
    challenge: bearerChallenge,
    current: (id) => (id === principal.id ? principal : undefined),
  };
}

/** In hex: a digest in bytes would be an allocation outside the heap for each request. */
function digest(text: string): Buffer {
  return Buffer.from(hash("sha256", text, "hex"));
}
