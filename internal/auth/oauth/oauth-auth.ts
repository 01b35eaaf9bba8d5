import { isDeepStrictEqual } from "node:util";
import { type AuthAnswer, type Authenticator, bearerCredential, realm } from "../authenticator.js";
import type { Principal } from "../principal.js";
import type { AccessTokens } from "./access-token.js";
import { setBounded } from "./bounded.js";
import type { Grants } from "./grants.js";
import { scope } from "./metadata.js";
import type { Grant, Site } from "./types.js";

export interface OAuthAuthDeps {
  readonly grants: Pick<Grants, "get" | "touch">;
  readonly tokens: Pick<AccessTokens, "verify">;
}

const idPrefix = "grant:";
const maxPrincipals = 1_000;

/**
 * Accepts access tokens of `site`, from the Authorization header only (RFC 6750 section 2.1). The grant behind a token is
 * looked up on every request: revoking or narrowing it takes effect with the next one, however long the token lives.
 */
export function createOAuthAuth({ grants, tokens }: OAuthAuthDeps, site: Site): Authenticator {
  const made = new Map<string, { readonly grant: Grant; readonly principal: Principal }>();

  return {
    authenticate(authorization) {
      const token = bearerCredential(authorization);
      if (token === undefined) return { failure: "missing" };
      const grantId = tokens.verify(token, site);
      return grantId instanceof Promise ? grantId.then(answer) : answer(grantId);
    },
    challenge({ failure }, path) {
      // RFC 9728 section 5.1. RFC 6750 section 3: an error code only when a token was presented.
      const where = `resource_metadata="${site.origin}/.well-known/oauth-protected-resource${path}"`;
      const asks = `${realm}, ${where}, scope="${scope}"`;
      if (failure === "missing") return asks;
      return `${asks}, error="invalid_token", error_description="the access token has expired, was revoked or is not for this server"`;
    },
    current(id) {
      const grantId = grantIdOf(id);
      const grant = grantId === undefined ? undefined : grants.get(grantId);
      return grant && principalOf(grant);
    },
  };

  function answer(grantId: string | undefined): AuthAnswer {
    const grant = grantId === undefined ? undefined : grants.get(grantId);
    if (grant === undefined) return { failure: "invalid" };
    grants.touch(grant.id);
    return principalOf(grant);
  }

  /** The same object until what the grant allows changes. */
  function principalOf(grant: Grant): Principal {
    const known = made.get(grant.id);
    if (known?.grant === grant) return known.principal;
    const fresh = newPrincipal(grant);
    // The stored grant is a new object after every change of the state, mostly with nothing new in it.
    const principal = isDeepStrictEqual(known?.principal, fresh) && known ? known.principal : fresh;
    setBounded(made, grant.id, { grant, principal }, maxPrincipals);
    return principal;
  }
}

function newPrincipal({ id, clientName, workspaces, profile }: Grant): Principal {
  return {
    id: `${idPrefix}${id}`,
    label: clientName ?? "a client",
    workspaces: workspaces ?? undefined,
    profile,
  };
}

/** The grant a principal stands for; undefined when it did not sign in. */
export function grantIdOf(principalId: string): string | undefined {
  return principalId.startsWith(idPrefix) ? principalId.slice(idPrefix.length) : undefined;
}
