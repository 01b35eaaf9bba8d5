import { matchesRedirect } from "./redirects.js";
import { OAuthRefusal } from "./refusal.js";
import { acceptsResource } from "./resource.js";
import type { OAuthClient, Site } from "./types.js";

/** Where the answer to a request goes; the redirect URI is one that the client has. */
export interface ReturnAddress {
  readonly client: OAuthClient;
  readonly redirectUri: string;
  readonly state: string | undefined;
}

/** A request that the owner can be asked about. */
export interface AuthorizationRequest extends ReturnAddress {
  readonly codeChallenge: string;
  /** The workspace that `resource` names, which need not exist. */
  readonly workspace: string | undefined;
}

export type Reading =
  | { readonly kind: "good"; readonly request: AuthorizationRequest }
  /** Wrong, and the client is to be told. */
  | { readonly kind: "refused"; readonly address: ReturnAddress; readonly refusal: OAuthRefusal }
  /** It is not known whom to tell but the person at the browser. `text` is what was sent. */
  | { readonly kind: "lost"; readonly problem: "client" | "redirect" | "malformed"; readonly text: string };

export type FindClient = (id: string, site: Site) => Promise<OAuthClient | undefined>;

const parameters: ReadonlySet<string> = new Set([
  "client_id",
  "code_challenge",
  "code_challenge_method",
  "redirect_uri",
  "request",
  "request_uri",
  "resource",
  "response_mode",
  "response_type",
  "state",
]);

/** The parameters of an authorization request that count, as one text: what the page carries until it is sent. */
export function requestText(query: URLSearchParams): string {
  return new URLSearchParams([...query].filter(([name]) => parameters.has(name))).toString();
}

/**
 * Reads an authorization request: code with PKCE S256 only (OAuth 2.1), `resource` as of RFC 8707. An empty parameter is
 * an absent one (RFC 6749 section 3.1); scopes, prompts and what is unknown do not count. The redirect URI may be absent
 * when the client has one only.
 *
 * @param text As `requestText` makes it.
 */
export async function readAuthorizationRequest(
  text: string,
  site: Site,
  findClient: FindClient,
): Promise<Reading> {
  const query = new URLSearchParams(text);
  const all = (name: string): readonly string[] => query.getAll(name).filter((value) => value !== "");
  const [id, ...otherIds] = all("client_id");
  const [redirect, ...otherRedirects] = all("redirect_uri");
  if (id === undefined || otherIds.length + otherRedirects.length > 0) {
    return { kind: "lost", problem: "malformed", text: id ?? "" };
  }
  const client = await findClient(id, site);
  if (client === undefined) return { kind: "lost", problem: "client", text: id };
  const redirectUri = chooseRedirect(client, redirect);
  if (redirectUri === undefined) return { kind: "lost", problem: "redirect", text: redirect ?? "" };

  const states = all("state");
  const address = { client, redirectUri, state: states.length === 1 ? states[0] : undefined };
  try {
    return { kind: "good", request: { ...address, ...readRest(all, site) } };
  } catch (error) {
    if (!(error instanceof OAuthRefusal)) throw error;
    return { kind: "refused", address, refusal: error };
  }
}

/**
 * The redirect URI with an answer added to what its query holds already, `state` and `iss` with it (RFC 6749 section
 * 4.1.2, RFC 9207). The rest of it stays as the client wrote it.
 */
export function answerUri(
  { redirectUri, state }: ReturnAddress,
  { origin }: Site,
  answer: Readonly<Record<string, string>>,
): string {
  const added = new URLSearchParams({ ...answer, ...(state !== undefined && { state }), iss: origin });
  const joint = !redirectUri.includes("?") ? "?" : /[?&]$/.test(redirectUri) ? "" : "&";
  return `${redirectUri}${joint}${added}`;
}

function chooseRedirect({ redirectUris }: OAuthClient, requested: string | undefined): string | undefined {
  if (requested === undefined) return redirectUris.length === 1 ? redirectUris[0] : undefined;
  return matchesRedirect(redirectUris, requested) ? requested : undefined;
}

function readRest(
  all: (name: string) => readonly string[],
  site: Site,
): Pick<AuthorizationRequest, "codeChallenge" | "workspace"> {
  const one = (name: string): string | undefined => {
    const [value, ...more] = all(name);
    if (more.length > 0) throw new OAuthRefusal("invalid_request", `${name} comes more than once`);
    return value;
  };
  one("state");
  if (one("request") ?? one("request_uri")) {
    throw new OAuthRefusal("invalid_request", "request objects are not supported, send plain parameters");
  }
  if ((one("response_mode") ?? "query") !== "query") {
    throw new OAuthRefusal("invalid_request", "the only response_mode is query");
  }
  const type = one("response_type");
  if (type === undefined) throw new OAuthRefusal("invalid_request", "response_type is missing");
  if (type !== "code") throw new OAuthRefusal("unsupported_response_type", "the only response_type is code");
  const codeChallenge = one("code_challenge") ?? "";
  if (!/^[\w-]{43}$/.test(codeChallenge) || one("code_challenge_method") !== "S256") {
    throw new OAuthRefusal("invalid_request", "a code_challenge with code_challenge_method S256 is required");
  }
  const resources = all("resource");
  if (!resources.every((resource) => acceptsResource(resource, site))) {
    throw new OAuthRefusal("invalid_target", `the only resource is ${site.origin}/mcp`);
  }
  const [, workspace] = /\/w\/([^/]+)\/mcp/.exec(resources[0] ?? "") ?? [];
  return { codeChallenge, workspace };
}
