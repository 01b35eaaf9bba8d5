import { Buffer } from "node:buffer";
import { sameText, sha256Hex } from "./digest.js";
import type { Form } from "./form.js";
import { OAuthRefusal } from "./refusal.js";
import type { OAuthClient, OAuthRequest, Site } from "./types.js";

/** Finds a client by its id; undefined when nobody knows it. */
export type FindClient = (id: string, site: Site) => Promise<OAuthClient | undefined>;

/** What a client says of itself. */
interface Presented {
  readonly id: string;
  /** Its secret in every way it can be read; none: it sent none. */
  readonly secrets: readonly string[];
}

/**
 * Who is asking at the token or the revocation endpoint (RFC 6749 section 2.3). A client with a secret proves it in the
 * header or in the body, whichever it registered for; one without is known by its id only, and an empty secret is none.
 *
 * @throws OAuthRefusal invalid_client (401, the one answer that makes clients register again) when the client is unknown
 * or does not prove itself; invalid_request when it names itself twice or not at all.
 */
export async function authenticateClient(
  { headers }: Pick<OAuthRequest, "headers">,
  form: Form,
  { findClient, site }: { readonly findClient: FindClient; readonly site: Site },
): Promise<OAuthClient> {
  const { id, secrets } = presented(headers.authorization, form);
  const client =
    site.clients.find((configured) => configured.id === id) ??
    documentClient(id) ??
    (await findClient(id, site));
  if (client === undefined) throw badClient("the client is not known here: register again");
  const { secretHash } = client;
  if (secretHash === undefined && secrets.length > 0) throw badClient("this client has no secret");
  if (secretHash !== undefined && !secrets.some((secret) => sameText(sha256Hex(secret), secretHash)))
    throw badClient("the client secret is missing or wrong");
  return client;
}

/**
 * The client whose id is the URL of its metadata. Its document is not fetched here: such a client has no secret, its code
 * or refresh token says which id it was issued to, and a refresh must not fail because another site is down.
 */
function documentClient(id: string): OAuthClient | undefined {
  if (!/^https:\/\/[^/]+\/./.test(id)) return undefined;
  return {
    id,
    kind: "document",
    name: undefined,
    redirectUris: [],
    authMethod: "none",
    secretHash: undefined,
  };
}

function presented(authorization: string | undefined, form: Form): Presented {
  const inBody = form.get("client_secret");
  const basic = basicCredentials(authorization);
  if (basic === undefined)
    return { id: form.need("client_id"), secrets: inBody === undefined ? [] : [inBody] };
  if (basic.secrets.length > 0 && inBody !== undefined)
    throw new OAuthRefusal("invalid_request", "the client secret comes both in the header and in the body");
  if (basic.id !== (form.get("client_id") ?? basic.id))
    throw new OAuthRefusal("invalid_request", "client_id is not the one in the Authorization header");
  return { id: basic.id, secrets: inBody === undefined ? basic.secrets : [inBody] };
}

/** The credentials of a Basic header; undefined when there is none. */
function basicCredentials(authorization: string | undefined): Presented | undefined {
  const [, encoded] = /^basic +(.*)$/i.exec(authorization ?? "") ?? [];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 1) throw badClient("the Authorization header is malformed");
  const secret = text.slice(colon + 1);
  // RFC 6749 section 2.3.1 has both parts form-encoded first. The TypeScript SDK leaves that out, which shows in a secret
  // with a plus or percent sign.
  return {
    id: formDecoded(text.slice(0, colon)),
    secrets: secret === "" ? [] : [formDecoded(secret), secret],
  };
}

function formDecoded(text: string): string {
  return new URLSearchParams(`v=${text}`).get("v") ?? "";
}

function badClient(description: string): OAuthRefusal {
  return new OAuthRefusal("invalid_client", description);
}
