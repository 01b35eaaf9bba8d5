import { createHash } from "node:crypto";
import * as oauth from "oauth4webapi";
import { type Json, modern } from "./mcp-harness.js";
import { post, type RpcAnswer } from "./rpc.js";

/** A client made of oauth4webapi, which refuses every answer that is not as the RFCs have it. */
export interface Party {
  readonly server: oauth.AuthorizationServer;
  readonly client: Known;
  /** Begins a sign-in: the page to open, and what to do with the address that the page goes to. */
  begin(more?: Readonly<Record<string, string>>): Promise<SignInUnderWay>;
  /** Rejects with `error` and `status` when the server refuses. */
  refresh(token: string): Promise<oauth.TokenEndpointResponse>;
  revoke(token: string): Promise<void>;
  /** Lists the tools with an access token. */
  list(token: string): Promise<RpcAnswer>;
  toolNames(token: string): Promise<readonly string[]>;
}

export interface SignInUnderWay {
  readonly page: URL;
  readonly verifier: string;
  readonly state: string;
  /** Checks `state` and `iss`, and exchanges the code. */
  redeem(target: URL): Promise<oauth.TokenEndpointResponse>;
}

export interface PartyOptions {
  readonly redirectUri?: string;
  /** Instead of registering. */
  readonly client?: Known;
  /** Registers as one with a secret. */
  readonly confidential?: boolean;
}

/** The secret as text, where the library's own type has whatever a server answers. */
type Known = oauth.Client & { readonly client_secret?: string };

/** Only loopback is served without TLS. */
const plain = { [oauth.allowInsecureRequests]: true };

/** Finds the server as MCP clients do, by the challenge of the endpoint, and registers there. */
export async function joinServer(
  mcpUrl: string,
  { redirectUri = "http://127.0.0.1:45679/callback", client: known, confidential = false }: PartyOptions = {},
): Promise<Party> {
  const resource = new URL(mcpUrl);
  const found = await oauth.resourceDiscoveryRequest(resource, plain);
  const { authorization_servers: [issuer = ""] = [] } = await oauth.processResourceDiscoveryResponse(
    resource,
    found,
  );
  const discovered = await oauth.discoveryRequest(new URL(issuer), { ...plain, algorithm: "oauth2" });
  const server = await oauth.processDiscoveryResponse(new URL(issuer), discovered);
  const client = known ?? (await register(server, redirectUri, confidential));
  const { client_secret: secret } = client;
  const auth = secret === undefined ? oauth.None() : oauth.ClientSecretPost(secret);
  const forThis = { ...plain, additionalParameters: { resource: mcpUrl } };

  return {
    server,
    client,
    async begin(more) {
      const verifier = oauth.generateRandomCodeVerifier();
      const state = oauth.generateRandomState();
      const page = new URL(server.authorization_endpoint ?? "");
      page.search = String(
        new URLSearchParams({
          response_type: "code",
          client_id: client.client_id,
          redirect_uri: redirectUri,
          code_challenge: createHash("sha256").update(verifier).digest("base64url"),
          code_challenge_method: "S256",
          state,
          resource: mcpUrl,
          ...more,
        }),
      );
      return {
        page,
        verifier,
        state,
        async redeem(target) {
          const params = oauth.validateAuthResponse(server, client, target, state);
          return oauth.processAuthorizationCodeResponse(
            server,
            client,
            await oauth.authorizationCodeGrantRequest(
              server,
              client,
              auth,
              params,
              redirectUri,
              verifier,
              forThis,
            ),
          );
        },
      };
    },
    async refresh(token) {
      const answer = await oauth.refreshTokenGrantRequest(server, client, auth, token, forThis);
      return oauth.processRefreshTokenResponse(server, client, answer);
    },
    async revoke(token) {
      await oauth.processRevocationResponse(
        await oauth.revocationRequest(server, client, auth, token, plain),
      );
    },
    list: (token) => post({ url: mcpUrl, token }, modern("tools/list")),
    async toolNames(token) {
      const { status, body } = await post({ url: mcpUrl, token }, modern("tools/list"));
      if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
      return body.result.tools.map(({ name }: Json) => name);
    },
  };
}

async function register(
  server: oauth.AuthorizationServer,
  redirectUri: string,
  confidential: boolean,
): Promise<Known> {
  const metadata = {
    client_name: "oauth4webapi",
    redirect_uris: [redirectUri],
    token_endpoint_auth_method: confidential ? "client_secret_post" : "none",
  };
  const answer = await oauth.dynamicClientRegistrationRequest(server, metadata, plain);
  return (await oauth.processDynamicClientRegistrationResponse(answer)) as Known;
}

/** The error code with which the server refuses `work`; undefined when it does not. */
export async function refusal(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof oauth.ResponseBodyError) return `${error.status} ${error.error}`;
    if (error instanceof oauth.AuthorizationResponseError) return error.error;
    // A challenge, or a status that the library does not look into.
    const response =
      error instanceof oauth.WWWAuthenticateChallengeError ? error.response : (error as Error).cause;
    if (response instanceof Response) return `${response.status} ${((await response.json()) as Json).error}`;
    throw error;
  }
}
