import type { Principal } from "./principal.js";

/** Why a request has no principal. */
export interface AuthFailure {
  /** `missing`: no bearer credential came. `invalid`: one came and is wrong. */
  readonly failure: "missing" | "invalid";
}

/** One way of finding out who is calling. Built once for a configuration and asked once a request. */
export interface Authenticator {
  /** `authorization` is the header's value as node:http gives it (latin-1), or undefined. */
  authenticate(authorization: string | undefined): Principal | AuthFailure;
  /** The `WWW-Authenticate` value that goes with a 401. */
  challenge(failure: AuthFailure): string;
}

/** Tells the two answers of `authenticate` apart. */
export function isAuthFailure(answer: Principal | AuthFailure): answer is AuthFailure {
  return "failure" in answer;
}

const realm = 'Bearer realm="coding-tools-mcp"';

/** RFC 6750 section 3: an error code only when a token was presented. */
export function bearerChallenge({ failure }: AuthFailure): string {
  return failure === "invalid" ? `${realm}, error="invalid_token"` : realm;
}
