import type { Site } from "./types.js";

/** The one scope. What a client may do is decided by the owner's grant, not by scopes. */
export const scope = "mcp";

/** What access tokens are for (RFC 8707): one audience, whichever of our endpoints a client was given. */
export function audienceOf({ origin }: Pick<Site, "origin">): string {
  return `${origin}/mcp`;
}

/** Where the owner is asked, and where codes become tokens. */
export function endpointUrls({ origin }: Pick<Site, "origin">): {
  readonly authorizationUrl: string;
  readonly tokenUrl: string;
} {
  return { authorizationUrl: `${origin}/oauth/authorize`, tokenUrl: `${origin}/oauth/token` };
}

/** Authorization server metadata (RFC 8414 section 2), as JSON: the same document wherever clients look for it. */
export function serverMetadata({ origin }: Pick<Site, "origin">): string {
  const { authorizationUrl, tokenUrl } = endpointUrls({ origin });
  return JSON.stringify({
    issuer: origin,
    authorization_endpoint: authorizationUrl,
    token_endpoint: tokenUrl,
    registration_endpoint: `${origin}/oauth/register`,
    revocation_endpoint: `${origin}/oauth/revoke`,
    response_types_supported: ["code"],
    response_modes_supported: ["query"],
    grant_types_supported: ["authorization_code", "refresh_token"],
    code_challenge_methods_supported: ["S256"],
    token_endpoint_auth_methods_supported: ["none", "client_secret_post", "client_secret_basic"],
    revocation_endpoint_auth_methods_supported: ["none", "client_secret_post", "client_secret_basic"],
    scopes_supported: [scope],
    authorization_response_iss_parameter_supported: true,
    client_id_metadata_document_supported: true,
  });
}

/**
 * Protected resource metadata (RFC 9728 section 2), as JSON. `about` is the path of the endpoint it was asked for: strict
 * clients compare `resource` with the URL they were given. At the root it speaks of `/mcp`.
 */
export function resourceMetadata({ origin }: Pick<Site, "origin">, about: string): string {
  return JSON.stringify({
    resource: `${origin}${about === "" ? "/mcp" : about}`,
    authorization_servers: [origin],
    bearer_methods_supported: ["header"],
    scopes_supported: [scope],
    resource_name: "coding-tools-mcp",
  });
}
