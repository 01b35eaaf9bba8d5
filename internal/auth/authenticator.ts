import type { Principal } from "./principal.js";

/** Why a request has no principal. */
export interface AuthFailure {
  /** `missing`: no bearer credential came. `invalid`: one came and is wrong. */
  readonly failure: "missing" | "invalid";
}

/** Who is calling, or why nobody is. */
export type AuthAnswer = Principal | AuthFailure;

/** One way of finding out who is calling. Built once for a configuration and asked once a request. */
export interface Authenticator {
  /** `authorization` is the header's value as node:http gives it (latin-1), or undefined. At once where it can. */
  authenticate(authorization: string | undefined): AuthAnswer | Promise<AuthAnswer>;
  /** The `WWW-Authenticate` value that goes with a 401 on `path`, the endpoint's path without a query. */
  challenge(failure: AuthFailure, path: string): string;
  /** The principal with this id as it stands now; undefined when its credential no longer counts. */
  current(id: string): Principal | undefined;
}

/** Tells the two answers of `authenticate` apart. */
export function isAuthFailure(answer: AuthAnswer): answer is AuthFailure {
  return "failure" in answer;
}

export const realm = 'Bearer realm="coding-tools-mcp"';

/** RFC 6750 section 3: an error code only when a token was presented. */
export function bearerChallenge({ failure }: AuthFailure): string {
  return failure === "invalid" ? `${realm}, error="invalid_token"` : realm;
}

/** What follows the scheme name; undefined when nothing does, or when another scheme or none was used. */
export function bearerCredential(authorization: string | undefined): string | undefined {
  if (authorization === undefined || !/^bearer /i.test(authorization)) return undefined;
  return authorization.slice("bearer ".length).trim() || undefined;
}

/** Asks `first`, and then `second` about a credential `first` does not know. The challenge is the second one's. */
export function eitherAuth(first: Authenticator, second: Authenticator): Authenticator {
  return {
    async authenticate(authorization) {
      const answer = await first.authenticate(authorization);
      return isAuthFailure(answer) ? second.authenticate(authorization) : answer;
    },
    challenge: (failure, path) => second.challenge(failure, path),
    current: (id) => first.current(id) ?? second.current(id),
  };
}
