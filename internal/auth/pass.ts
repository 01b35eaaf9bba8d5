import { randomBytes } from "node:crypto";
import type { Clock } from "../clock/clock.js";
import { type Authenticator, bearerChallenge } from "./authenticator.js";
import { createBearerAuth } from "./bearer.js";
import type { Principal } from "./principal.js";

/** Lets the owner's own checks in where clients sign in, for a minute and to read only. Kept in memory alone. */
export interface Pass {
  /** A token that lasts 60 seconds; the one before ends. */
  issue(): { readonly token: string; readonly expiresAt: number };
  /** Ends the token, if there is one. */
  end(): void;
  readonly auth: Authenticator;
}

const lastsMs = 60_000;
const principal: Principal = {
  id: "pass",
  label: "ctmcpctl",
  workspaces: undefined,
  profile: "read-only",
};

export function createPass({ clock }: { readonly clock: Clock }): Pass {
  let issued: { readonly auth: Authenticator; readonly until: number } | undefined;
  const valid = (): Authenticator | undefined =>
    issued !== undefined && clock.monotonic() < issued.until ? issued.auth : undefined;

  return {
    issue() {
      const token = randomBytes(32).toString("base64url");
      issued = { auth: createBearerAuth({ token, principal }), until: clock.monotonic() + lastsMs };
      return { token, expiresAt: clock.now() + lastsMs };
    },
    end() {
      issued = undefined;
    },
    auth: {
      authenticate: (authorization) => valid()?.authenticate(authorization) ?? { failure: "missing" },
      challenge: bearerChallenge,
      current: (id) => valid()?.current(id),
    },
  };
}
