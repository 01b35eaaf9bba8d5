import type { IncomingHttpHeaders } from "node:http";
import type { Profile } from "../../config/config.js";

/** How a client proves itself at the token endpoint (RFC 7591 section 2). */
export type ClientAuthMethod = "none" | "client_secret_post" | "client_secret_basic";

/** An application that may ask the owner for access. Nothing a client says of itself is verified. */
export interface OAuthClient {
  readonly id: string;
  /** `registered`: by RFC 7591. `document`: its id is the URL of its metadata. `configured`: by the owner. */
  readonly kind: "registered" | "document" | "configured";
  readonly name: string | undefined;
  readonly redirectUris: readonly string[];
  readonly authMethod: ClientAuthMethod;
  /** SHA-256 of its secret in hex; undefined with method `none`. */
  readonly secretHash: string | undefined;
}

/** A client that registered itself, as it is kept. */
export interface RegisteredClient {
  name: string | null;
  redirectUris: string[];
  authMethod: ClientAuthMethod;
  secretHash: string | null;
  /** Milliseconds since the epoch. */
  createdAt: number;
  /** When it last asked the owner for access; unused clients are evicted in this order. */
  usedAt: number;
}

/** What the owner allowed one client. Tokens only point here: changing or deleting it takes effect at once. */
export interface Grant {
  id: string;
  clientId: string;
  clientName: string | null;
  /** Host of the redirect URI that the code went to, or its scheme when it is a private-use one. */
  redirectHost: string;
  /** Workspace ids; null: all, also ones added later. */
  workspaces: string[] | null;
  profile: Profile;
  /** Milliseconds since the epoch. */
  createdAt: number;
  /** When its last token was issued. */
  usedAt: number;
  /** When its refresh token ends, unless used before. */
  expiresAt: number;
  /** Number of the refresh token in force, from 1. */
  generation: number;
  /** When earlier refresh tokens were replaced, the ones within the grace window. */
  replaced: { generation: number; at: number }[];
}

/** What the owner allows in the answer to one authorization request. */
export interface Consent {
  readonly client: OAuthClient;
  readonly redirectUri: string;
  /** PKCE S256 challenge: 43 characters of base64url (RFC 7636). */
  readonly codeChallenge: string;
  readonly workspaces: readonly string[] | null;
  readonly profile: Profile;
}

/** An authorization code, kept under its SHA-256 in hex until it ends, also after use, so that a replay shows. */
export interface PendingCode {
  clientId: string;
  clientName: string | null;
  redirectUri: string;
  codeChallenge: string;
  workspaces: string[] | null;
  profile: Profile;
  expiresAt: number;
  /** The grant it was exchanged for; null: not used yet. */
  grantId: string | null;
}

/** All that survives a restart; `oauth.json` in the state directory. */
export interface OAuthState {
  clients: Record<string, RegisteredClient>;
  grants: Record<string, Grant>;
  codes: Record<string, PendingCode>;
}

/** The part of a configuration that sign-in depends on. */
export interface Site {
  /** The issuer: scheme, host and port, no trailing slash. From the configuration, never from a Host header. */
  readonly origin: string;
  readonly workspaces: readonly { readonly id: string; readonly path: string; readonly profile: Profile }[];
  /** The owner password when the configuration gives it; undefined: the one whose hash is kept. */
  readonly password: string | undefined;
  /** Seconds. */
  readonly accessTtlS: number;
  readonly refreshTtlS: number;
  readonly refreshGraceS: number;
  /** Further redirect URIs of private-use schemes that may be registered, exactly as written. */
  readonly redirectUris: readonly string[];
  /** Clients the owner configured, secrets hashed. */
  readonly clients: readonly OAuthClient[];
  /** Request header in which the configured tunnel puts the caller's address; undefined: nobody can be told apart. */
  readonly sourceHeader: string | undefined;
}

export type Endpoint = "authorize" | "token" | "register" | "revoke";

/** One request to an endpoint, its body read whole. */
export interface OAuthRequest {
  readonly method: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface OAuthReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What happened, for the log and the audit. Never holds a password, token, code or verifier. */
export interface AuthEvent {
  readonly event:
    | "client_registered"
    | "client_evicted"
    | "registration_refused"
    | "consent_given"
    | "consent_denied"
    | "password_wrong"
    | "password_throttled"
    | "token_issued"
    | "token_refreshed"
    | "code_replayed"
    | "refresh_replayed"
    | "grant_changed"
    | "grant_revoked";
  readonly clientId?: string;
  readonly grantId?: string;
  readonly detail?: string;
}

export type OnAuthEvent = (event: AuthEvent) => void;
