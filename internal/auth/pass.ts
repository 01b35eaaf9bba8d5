import { randomBytes } from "node:crypto";
import type { Clock } from "../clock/clock.js";
import type { Profile } from "../config/config.js";
import { type Authenticator, bearerChallenge } from "./authenticator.js";
import { createBearerAuth } from "./bearer.js";
import type { Principal } from "./principal.js";

/** Lets in somebody whom the daemon itself gives the token. One at a time, kept in memory alone. */
export interface Pass {
  /** Makes a token for all workspaces, up to `profile`; the one before ends. */
  issue(profile: Profile): { readonly token: string; readonly expiresAt: number };
  /** Ends the token, if there is one. */
  end(): void;
  /** The token that counts now. */
  token(): string | undefined;
  readonly auth: Authenticator;
}

export interface PassOptions extends Pick<Principal, "id" | "label"> {
  readonly clock: Clock;
  /** Milliseconds a token counts; absent: until it is ended. */
  readonly lastsMs?: number;
}

interface Issued {
  readonly token: string;
  readonly auth: Authenticator;
  readonly until: number;
}

export function createPass({ clock, id, label, lastsMs = Number.POSITIVE_INFINITY }: PassOptions): Pass {
  let issued: Issued | undefined;
  const valid = (): Issued | undefined =>
    issued !== undefined && clock.monotonic() < issued.until ? issued : undefined;

  return {
    issue(profile) {
      const token = randomBytes(32).toString("base64url");
      const principal: Principal = { id, label, workspaces: undefined, profile };
      issued = { token, auth: createBearerAuth({ token, principal }), until: clock.monotonic() + lastsMs };
      return { token, expiresAt: clock.now() + lastsMs };
    },
    end() {
      issued = undefined;
    },
    token: () => valid()?.token,
    auth: {
      authenticate: (authorization) => valid()?.auth.authenticate(authorization) ?? { failure: "missing" },
      challenge: bearerChallenge,
      current: (principalId) => valid()?.auth.current(principalId),
    },
  };
}
