import { hash } from "node:crypto";
import { sameText } from "./digest.js";
import type { RefreshClaim } from "./refresh-token.js";
import { OAuthRefusal } from "./refusal.js";
import type { Consent, Grant, OAuthState, PendingCode, Site } from "./types.js";

/**
 * The rules of codes, grants and refresh tokens, on a draft of the state that was pruned before. A refusal is thrown and
 * changes nothing.
 */

/** RFC 9700 section 2.1.1 and OAuth 2.1 want minutes at most; the client fetches its tokens right away. */
const codeLifetimeMs = 60_000;
const maxCodes = 200;
const maxGrants = 500;
/** Replaced refresh tokens remembered for a grant, for a client that refreshes without end. */
const maxReplaced = 100;

/** When it is, and under which configuration. */
export interface Moment {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly site: Site;
}

/** What a client presents to turn a code into tokens. */
export interface CodeExchange {
  readonly code: string;
  readonly clientId: string;
  /** OAuth 2.1 needs it no longer; one that is sent has to be the one the code went to. */
  readonly redirectUri: string | undefined;
  /** PKCE (RFC 7636). */
  readonly verifier: string;
}

/** Drops what has ended. */
export function prune(draft: OAuthState, now: number): void {
  for (const [key, { expiresAt }] of Object.entries(draft.codes)) {
    if (expiresAt <= now) delete draft.codes[key];
  }
  for (const [id, { expiresAt }] of Object.entries(draft.grants)) {
    if (expiresAt <= now) delete draft.grants[id];
  }
}

/** Keeps a new code under `key`. */
export function addCode(draft: OAuthState, key: string, consent: Consent, now: number): void {
  if (Object.keys(draft.codes).length >= maxCodes) throw full("sign-ins in progress");
  draft.codes[key] = {
    clientId: consent.client.id,
    clientName: consent.client.name ?? null,
    redirectUri: consent.redirectUri,
    codeChallenge: consent.codeChallenge,
    workspaces: consent.workspaces && [...consent.workspaces],
    profile: consent.profile,
    expiresAt: now + codeLifetimeMs,
    grantId: null,
  };
}

/**
 * Turns the code under `key` into the grant `grantId`. A second use revokes what the first one made (RFC 6749 section
 * 4.1.2), and `replayed` is the id of that grant.
 *
 * A use only counts when client, redirect URI and verifier are right: who holds nothing but a leaked code can neither use
 * it up nor end the sign-in of the client that has it.
 */
export function redeemCode(
  draft: OAuthState,
  request: CodeExchange & { readonly key: string; readonly grantId: string },
  moment: Moment,
): { readonly grant: Grant } | { readonly replayed: string } {
  const { key, grantId, clientId, redirectUri, verifier } = request;
  const code = draft.codes[key];
  if (code === undefined) throw badGrant("the code is unknown or has expired");
  if (code.clientId !== clientId) throw badGrant("the code was issued to another client");
  if (redirectUri !== undefined && redirectUri !== code.redirectUri)
    throw badGrant("redirect_uri is not the one the code was sent to");
  if (!provesChallenge(verifier, code.codeChallenge))
    throw badGrant("code_verifier does not match the code_challenge");
  if (code.grantId !== null) {
    delete draft.grants[code.grantId];
    return { replayed: code.grantId };
  }
  if (Object.keys(draft.grants).length >= maxGrants) throw full("clients signed in");
  const grant = newGrant(grantId, code, moment);
  draft.grants[grantId] = grant;
  code.grantId = grantId;
  return { grant };
}

/**
 * Replaces the refresh token that `claim` came from (OAuth 2.1 section 4.3.1). A token replaced within the grace window
 * leads to the one in force again: clients refresh twice at once, and answers get lost. One replaced before that was
 * copied by somebody, so the grant is revoked: `replayed`.
 *
 * A number beyond the one stored comes from a state restored from a backup: the seal shows that we gave it out later.
 */
export function rotate(
  draft: OAuthState,
  { grantId, generation, clientId }: RefreshClaim & { readonly clientId: string },
  { now, site }: Moment,
): { readonly grant: Grant; readonly repeated: boolean } | { readonly replayed: string } {
  const grant = draft.grants[grantId];
  if (grant === undefined) throw badGrant("the refresh token was revoked or has expired");
  if (grant.clientId !== clientId) throw badGrant("the refresh token was issued to another client");
  const isRecent = ({ at }: { at: number }): boolean => now - at < site.refreshGraceS * 1_000;
  if (generation < grant.generation) {
    const replaced = grant.replaced.find((entry) => entry.generation === generation);
    if (replaced !== undefined && isRecent(replaced)) return { grant, repeated: true };
    delete draft.grants[grantId];
    return { replayed: grantId };
  }
  grant.replaced = [...grant.replaced.filter(isRecent), { generation, at: now }].slice(-maxReplaced);
  grant.generation = generation + 1;
  grant.usedAt = now;
  grant.expiresAt = now + lifetimeMs(site);
  return { grant, repeated: false };
}

export function badGrant(description: string): OAuthRefusal {
  return new OAuthRefusal("invalid_grant", description);
}

function newGrant(id: string, code: PendingCode, { now, site }: Moment): Grant {
  const { protocol, hostname } = new URL(code.redirectUri);
  return {
    id,
    clientId: code.clientId,
    clientName: code.clientName,
    redirectHost: /^https?:$/.test(protocol) ? hostname : protocol.slice(0, -1),
    workspaces: code.workspaces,
    profile: code.profile,
    createdAt: now,
    usedAt: now,
    expiresAt: now + lifetimeMs(site),
    generation: 1,
    replaced: [],
  };
}

/** An access token may be set to outlive the refresh token; its grant has to last as long. */
function lifetimeMs({ accessTtlS, refreshTtlS }: Site): number {
  return Math.max(accessTtlS, refreshTtlS) * 1_000;
}

/** RFC 7636 section 4.6, method S256 only. */
function provesChallenge(verifier: string, challenge: string): boolean {
  return /^[\w.~-]{43,128}$/.test(verifier) && sameText(hash("sha256", verifier, "base64url"), challenge);
}

/** Live ones are never dropped to make room: that would log somebody out without a word. */
function full(what: string): OAuthRefusal {
  return new OAuthRefusal("temporarily_unavailable", `there are too many ${what}`);
}
