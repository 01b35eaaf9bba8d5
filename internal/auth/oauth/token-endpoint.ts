import type { AccessTokens } from "./access-token.js";
import { authenticateClient, type FindClient } from "./client-auth.js";
import { type Form, formEndpoint } from "./form.js";
import type { Grants } from "./grants.js";
import { scope } from "./metadata.js";
import { jsonReply, OAuthRefusal } from "./refusal.js";
import { acceptsResource } from "./resource.js";
import type { OAuthReply, OAuthRequest, Site } from "./types.js";

export interface TokenEndpointDeps {
  readonly grants: Pick<Grants, "exchangeCode" | "refresh" | "refreshTokenOf">;
  readonly tokens: Pick<AccessTokens, "mint">;
  readonly findClient: FindClient;
}

/**
 * The token endpoint (RFC 6749 section 3.2 as OAuth 2.1 narrows it): turns a code or a refresh token into an access token
 * and the next refresh token. `scope` is ignored: what a client may do is its grant.
 *
 * @throws OAuthRefusal for what the client did wrong, Fault when the state cannot be written. Nothing is used up then.
 */
export function createTokenEndpoint({
  grants,
  tokens,
  findClient,
}: TokenEndpointDeps): (request: OAuthRequest, site: Site) => Promise<OAuthReply> {
  return formEndpoint(async (form, request, site) => {
    const { id: clientId } = await authenticateClient(request, form, { findClient, site });
    if (!form.all("resource").every((resource) => acceptsResource(resource, site)))
      throw new OAuthRefusal("invalid_target", `resource is not this server: ${site.origin}/mcp`);
    const { grant, refreshToken } = await redeem(form, clientId, site);
    return jsonReply(200, {
      access_token: await tokens.mint(grant, site),
      token_type: "Bearer",
      expires_in: site.accessTtlS,
      refresh_token: refreshToken,
      scope,
    });
  });

  async function redeem(form: Form, clientId: string, site: Site): ReturnType<Grants["refresh"]> {
    switch (form.need("grant_type")) {
      case "authorization_code": {
        const [code, verifier] = [form.need("code"), form.need("code_verifier")];
        const redirectUri = form.get("redirect_uri");
        const grant = await grants.exchangeCode({ code, clientId, redirectUri, verifier }, site);
        return { grant, refreshToken: grants.refreshTokenOf(grant) };
      }
      case "refresh_token":
        return grants.refresh({ token: form.need("refresh_token"), clientId }, site);
      default:
        throw new OAuthRefusal(
          "unsupported_grant_type",
          "grant_type must be authorization_code or refresh_token",
        );
    }
  }
}
