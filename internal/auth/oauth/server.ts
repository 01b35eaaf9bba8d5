import { randomBytes } from "node:crypto";
import type { Clock } from "../../clock/clock.js";
import { Fault } from "../../errs/errs.js";
import type { Authenticator } from "../authenticator.js";
import { givenPassword, openPassword, type Password } from "../password.js";
import { createAccessTokens } from "./access-token.js";
import { createAuthorizeEndpoint } from "./authorize-endpoint.js";
import { createClientDocuments } from "./client-document.js";
import { createGrants, type Grants } from "./grants.js";
import { openKeys } from "./keys.js";
import { endpointUrls, resourceMetadata, serverMetadata } from "./metadata.js";
import { createOAuthAuth } from "./oauth-auth.js";
import { OAuthRefusal, refusalReply } from "./refusal.js";
import { createRegisterEndpoint } from "./register-endpoint.js";
import { createRegistry } from "./registry.js";
import { createRevokeEndpoint } from "./revoke-endpoint.js";
import { openOAuthState } from "./state.js";
import { createThrottle } from "./throttle.js";
import { createTokenEndpoint } from "./token-endpoint.js";
import type { Endpoint, OAuthReply, OAuthRequest, OnAuthEvent, Site } from "./types.js";

export interface AuthorizationServerOptions {
  /** Absolute, 0700: where clients, grants and keys are kept. */
  readonly stateDir: string;
  readonly uid: number;
  readonly clock: Clock;
  readonly onEvent: OnAuthEvent;
  /** A grant was made, changed or taken away. */
  readonly onChange: () => void;
  /** A file was damaged and set aside as `kept`. */
  readonly onDamaged: (kept: string, reason: string) => void;
  /** The state could not be written: clients are told to try again, the owner why. */
  readonly onFailure: (error: Fault) => void;
  /** Signs access tokens instead of a key of our own; at least 32 bytes. */
  readonly tokenSecret: Uint8Array | undefined;
}

/** Sign-in under one configuration. */
export interface SignIn {
  readonly auth: Authenticator;
  readonly urls: ReturnType<typeof endpointUrls>;
  /** RFC 8414, as JSON. */
  readonly serverMetadata: string;
  /** RFC 9728 for the MCP endpoint at path `about`, as JSON. */
  resourceMetadata(about: string): string;
  /** Answers one endpoint; whatever goes wrong is an answer too. */
  handle(endpoint: Endpoint, request: OAuthRequest): Promise<OAuthReply>;
}

/** The authorization server of one owner, across configurations. */
export interface AuthorizationServer {
  readonly grants: Grants;
  /** The password whose hash is kept. */
  readonly password: Password;
  /** A client with this id has registered; said of what strangers send as one, it may be kept. */
  isRegistered(id: string): boolean;
  /** Signs with a new key; the old one counts for `overlapS` seconds more. With 0 every token ends. */
  rotateKey(overlapS: number): Promise<void>;
  /** Ends the delays that wrong passwords have brought; returns how many there were. */
  unlock(): number;
  at(site: Site): SignIn;
}

const unavailable = new OAuthRefusal("temporarily_unavailable", "the server cannot do this now, try again");

/**
 * Opens what is kept and puts the endpoints together: authorization code with PKCE (OAuth 2.1), RFC 7591 registration,
 * client-id metadata documents, refresh tokens, RFC 7009 revocation.
 *
 * @throws Fault when the state directory or a file in it cannot be used.
 */
export async function openAuthorizationServer(
  options: AuthorizationServerOptions,
): Promise<AuthorizationServer> {
  const { stateDir, uid, clock, onEvent, onChange, onDamaged, onFailure } = options;
  const random = randomBytes;
  const own = { stateDir, uid, clock, onDamaged };
  const state = await openOAuthState(own);
  const keys = await openKeys({ ...own, ...(options.tokenSecret && { secret: options.tokenSecret }) });
  const password = await openPassword(own);
  const grants = createGrants({ state, keys, clock, random, onEvent, onChange });
  const documents = createClientDocuments({ clock, onEvent });
  const registry = createRegistry({ state, documents, clock, random, onEvent });
  const throttle = createThrottle({ clock });
  const tokens = createAccessTokens({ keys, clock, random });
  const { find: findClient } = registry;
  const endpoints: Readonly<Record<Endpoint, (request: OAuthRequest, site: Site) => Promise<OAuthReply>>> = {
    authorize: createAuthorizeEndpoint({
      grants,
      findClient,
      noteUse: registry.noteUse,
      password: ({ password: given }) => (given === undefined ? password : givenPassword(given)),
      keys,
      clock,
      random,
      throttle,
      onEvent,
    }),
    token: createTokenEndpoint({ grants, findClient, tokens }),
    register: createRegisterEndpoint({ registry, clock, onEvent }),
    revoke: createRevokeEndpoint({ grants, findClient, tokens }),
  };

  return {
    grants,
    password,
    isRegistered: (id) => Object.hasOwn(state.current().clients, id),
    unlock: () => throttle.unlock(),
    async rotateKey(overlapS) {
      await keys.rotate({ overlapS });
      tokens.forget();
    },
    at: (site) => ({
      auth: createOAuthAuth({ grants, tokens }, site),
      urls: endpointUrls(site),
      serverMetadata: serverMetadata(site),
      resourceMetadata: (about) => resourceMetadata(site, about),
      async handle(endpoint, request) {
        try {
          return await endpoints[endpoint](request, site);
        } catch (error) {
          if (error instanceof OAuthRefusal) return refusalReply(error);
          if (!(error instanceof Fault)) throw error;
          // The state could not be written: nothing has happened, and what was presented is as good as before.
          onFailure(error);
          return refusalReply(unavailable);
        }
      },
    }),
  };
}
