import type { AccessTokens } from "./access-token.js";
import { authenticateClient, type FindClient } from "./client-auth.js";
import { formEndpoint } from "./form.js";
import { badGrant } from "./grant-rules.js";
import type { Grants } from "./grants.js";
import { jsonReply } from "./refusal.js";
import type { Grant, OAuthReply, OAuthRequest, Site } from "./types.js";

export interface RevokeEndpointDeps {
  readonly grants: Pick<Grants, "findByRefreshToken" | "get" | "revoke">;
  readonly tokens: Pick<AccessTokens, "verify">;
  readonly findClient: FindClient;
}

/**
 * The revocation endpoint (RFC 7009): a client gives up an access or a refresh token of its own, and the grant ends with
 * all its tokens. A token that is unknown or has ended is a success too; `token_type_hint` is not needed.
 *
 * @throws OAuthRefusal, also for another client's token (section 2.1); Fault when the state cannot be written.
 */
export function createRevokeEndpoint({
  grants,
  tokens,
  findClient,
}: RevokeEndpointDeps): (request: OAuthRequest, site: Site) => Promise<OAuthReply> {
  return formEndpoint(async (form, request, site) => {
    const client = await authenticateClient(request, form, { findClient, site });
    const grant = await grantOf(form.need("token"), site);
    if (grant !== undefined && grant.clientId !== client.id)
      throw badGrant("the token was issued to another client");
    if (grant !== undefined) await grants.revoke(grant.id);
    return jsonReply(200, {});
  });

  async function grantOf(token: string, site: Site): Promise<Grant | undefined> {
    const byRefresh = grants.findByRefreshToken(token);
    if (byRefresh !== undefined) return byRefresh;
    const grantId = await tokens.verify(token, site);
    return grantId === undefined ? undefined : grants.get(grantId);
  }
}
