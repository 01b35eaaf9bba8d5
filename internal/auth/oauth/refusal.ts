import { Fault } from "../../errs/errs.js";
import type { OAuthReply } from "./types.js";

/** Error codes of RFC 6749 sections 4.1.2.1 and 5.2, RFC 7591 section 3.2.2 and RFC 8707 section 2. */
export type OAuthErrorCode =
  | "access_denied"
  | "invalid_client"
  | "invalid_client_metadata"
  | "invalid_grant"
  | "invalid_redirect_uri"
  | "invalid_request"
  | "invalid_target"
  | "server_error"
  | "slow_down"
  | "temporarily_unavailable"
  | "unsupported_grant_type"
  | "unsupported_response_type";

const statusOf: Partial<Record<OAuthErrorCode, number>> = {
  invalid_client: 401,
  server_error: 500,
  slow_down: 429,
  temporarily_unavailable: 503,
};

/** A request that sign-in refuses: an OAuth error code and a description for whoever develops the client. */
export class OAuthRefusal extends Fault {
  readonly error: OAuthErrorCode;
  readonly status: number;

  constructor(error: OAuthErrorCode, description: string) {
    super("REFUSED", description, { details: { error } });
    this.error = error;
    this.status = statusOf[error] ?? 400;
  }
}

/** A JSON answer that nothing may store (RFC 6749 section 5.1). */
export function jsonReply(
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): OAuthReply {
  return {
    status,
    headers: {
      "Content-Type": "application/json",
      "Cache-Control": "no-store",
      Pragma: "no-cache",
      ...headers,
    },
    body: JSON.stringify(body),
  };
}

const extraHeaders: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  401: { "WWW-Authenticate": 'Basic realm="coding-tools-mcp"' },
  503: { "Retry-After": "5" },
};

/** The JSON error of RFC 6749 section 5.2. */
export function refusalReply({ error, message, status }: OAuthRefusal): OAuthReply {
  return jsonReply(status, { error, error_description: message }, extraHeaders[status]);
}
