import type { Clock } from "../../clock/clock.js";
import { Fault } from "../../errs/errs.js";
import { parseJson } from "../../jsonx/parse.js";
import { createRateLimiter } from "../../limits/rate.js";
import { readClientName, readRedirectUris } from "./client-metadata.js";
import { scope } from "./metadata.js";
import { jsonReply, OAuthRefusal, refusalReply } from "./refusal.js";
import type { ClientMetadata, Registration, Registry } from "./registry.js";
import { sourceOf } from "./source.js";
import type { ClientAuthMethod, OAuthReply, OAuthRequest, OnAuthEvent, Site } from "./types.js";

export interface RegisterEndpointDeps {
  readonly registry: Pick<Registry, "register">;
  readonly clock: Clock;
  readonly onEvent: OnAuthEvent;
}

/**
 * The registration endpoint (RFC 7591 section 3), open to everybody: 20 at once and 30 a minute for all, half of that for
 * one source where sources can be told apart. What the server does not support is left out of the answer instead of
 * refused: the answer says what was registered.
 *
 * @throws OAuthRefusal when the metadata will not do, Fault when the state cannot be written.
 */
export function createRegisterEndpoint({
  registry,
  clock,
  onEvent,
}: RegisterEndpointDeps): (request: OAuthRequest, site: Site) => Promise<OAuthReply> {
  const overall = createRateLimiter({ perSecond: 0.5, burst: 20, clock });
  const perSource = createRateLimiter({ perSecond: 0.25, burst: 10, clock });

  return async (request, site) => {
    if (request.method !== "POST") return wrongMethod();
    const wait = waitFor(request, site);
    if (wait > 0) return slowDown(wait);
    return jsonReply(201, answer(await registry.register(readMetadata(request, site))));
  };

  /** Milliseconds until this request would be let in; 0 lets it in. The source goes first: it must not use up the rest. */
  function waitFor(request: OAuthRequest, site: Site): number {
    const source = sourceOf(request, site);
    const bySource = source === undefined ? undefined : perSource.take(source);
    const take = bySource?.ok === false ? bySource : overall.take("");
    return take.ok ? 0 : take.retryAfterMs;
  }

  function readMetadata({ body }: OAuthRequest, site: Site): ClientMetadata {
    try {
      const metadata = parseObject(body);
      return {
        name: readClientName(metadata.client_name),
        redirectUris: readRedirectUris(metadata.redirect_uris, site.redirectUris),
        authMethod: readAuthMethod(metadata.token_endpoint_auth_method),
      };
    } catch (error) {
      if (error instanceof OAuthRefusal) onEvent({ event: "registration_refused", detail: error.message });
      throw error;
    }
  }
}

function answer({ client, secret, createdAt }: Registration): object {
  return {
    client_id: client.id,
    client_id_issued_at: Math.floor(createdAt / 1_000),
    // 0: does not expire.
    ...(secret !== undefined && { client_secret: secret, client_secret_expires_at: 0 }),
    ...(client.name !== undefined && { client_name: client.name }),
    redirect_uris: client.redirectUris,
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: client.authMethod,
    scope,
  };
}

function parseObject(body: Buffer): Record<string, unknown> {
  const value = parse(body);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new OAuthRefusal("invalid_client_metadata", "the body must be a json object");
  }
  return value as Record<string, unknown>;
}

function parse(body: Buffer): unknown {
  try {
    return parseJson(body);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new OAuthRefusal("invalid_client_metadata", error.message);
  }
}

/** Public unless it asks for a secret in a way that the server knows: RFC 7591's default would give one to everybody. */
function readAuthMethod(value: unknown): ClientAuthMethod {
  return value === "client_secret_post" || value === "client_secret_basic" ? value : "none";
}

function slowDown(waitMs: number): OAuthReply {
  const reply = refusalReply(new OAuthRefusal("slow_down", "too many registrations, try again later"));
  return { ...reply, headers: { ...reply.headers, "Retry-After": String(Math.ceil(waitMs / 1_000)) } };
}

function wrongMethod(): OAuthReply {
  const description = "this endpoint takes POST only";
  return jsonReply(405, { error: "invalid_request", error_description: description }, { Allow: "POST" });
}
