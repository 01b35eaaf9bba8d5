import { type Authenticator, bearerChallenge } from "./authenticator.js";
import type { Principal } from "./principal.js";

/** Lets everybody in as `principal`. The configuration allows it only on loopback and never behind a tunnel. */
export function createNoAuth(principal: Principal): Authenticator {
  return {
    authenticate: () => principal,
    challenge: bearerChallenge,
    current: (id) => (id === principal.id ? principal : undefined),
  };
}
