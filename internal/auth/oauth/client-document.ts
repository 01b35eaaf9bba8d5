import { isIP } from "node:net";
import type { Clock } from "../../clock/clock.js";
import { messageOf } from "../../errs/errs.js";
import { createRateLimiter } from "../../limits/rate.js";
import { setBounded } from "./bounded.js";
import { readClientName, readRedirectUris } from "./client-metadata.js";
import { createDocumentFetch, type FetchDocument } from "./document-fetch.js";
import { knownDocuments } from "./known-documents.js";
import { type OAuthErrorCode, OAuthRefusal } from "./refusal.js";
import type { OAuthClient, OnAuthEvent } from "./types.js";

/** Characters of a client id. */
const longestId = 2_048;
/** Documents kept, and as many failures. */
const mostKept = 100;
/** Seconds before a document that could not be had is asked for again. */
const retryAfter = 30;

export interface ClientDocumentsDeps {
  readonly clock: Clock;
  readonly onEvent: OnAuthEvent;
  /** How documents are fetched; as createDocumentFetch does unless a test says otherwise. */
  readonly fetchDocument?: FetchDocument;
}

/** Clients whose id is the URL of their metadata (draft-ietf-oauth-client-id-metadata-document). */
export interface ClientDocuments {
  /**
   * The client whose document is at `url`; `extra` are redirect URIs allowed beyond the built-in policy. Fetches at most
   * once while what it got may be kept, and never more often than every 30 s.
   *
   * @throws OAuthRefusal when the URL or the document will not do, or when it cannot be had.
   */
  get(url: string, extra: readonly string[]): Promise<OAuthClient>;
}

/** A document, or why there is none. */
interface Found {
  readonly document?: unknown;
  readonly failure?: OAuthRefusal;
}

interface Kept extends Found {
  /** On the monotonic clock. */
  readonly until: number;
}

export function createClientDocuments({
  clock,
  onEvent,
  fetchDocument = createDocumentFetch({ clock }),
}: ClientDocumentsDeps): ClientDocuments {
  const documents = new Map<string, Kept>();
  // Apart from the documents: whoever makes up URLs that lead nowhere must not push out those in use.
  const failures = new Map<string, Kept>();
  const underWay = new Map<string, Promise<Found>>();
  const perHost = createRateLimiter({ perSecond: 0.1, burst: 5, clock });
  const overall = createRateLimiter({ perSecond: 0.5, burst: 20, clock });

  return {
    async get(url, extra) {
      const wrong = checkDocumentUrl(url);
      if (wrong !== undefined) throw new OAuthRefusal("invalid_client", `the client id ${wrong}`);
      const { document, failure } =
        fresh(documents, url) ?? fresh(failures, url) ?? (await shared(url, extra));
      if (failure !== undefined) throw failure;
      return readClientDocument(url, document, extra);
    },
  };

  function fresh(map: Map<string, Kept>, url: string): Kept | undefined {
    const kept = map.get(url);
    return kept !== undefined && kept.until > clock.monotonic() ? kept : undefined;
  }

  function keep(map: Map<string, Kept>, url: string, found: Found, seconds: number): Found {
    setBounded(map, url, { ...found, until: clock.monotonic() + seconds * 1_000 }, mostKept);
    return found;
  }

  /** One fetch for all who ask for the same document meanwhile. */
  function shared(url: string, extra: readonly string[]): Promise<Found> {
    const running = underWay.get(url);
    if (running !== undefined) return running;
    const started = renew(url, extra).finally(() => underWay.delete(url));
    underWay.set(url, started);
    return started;
  }

  async function renew(url: string, extra: readonly string[]): Promise<Found> {
    if (!mayFetch(url)) return standIn(url, "slow_down", "too many clients' documents were asked for");
    try {
      const { value, maxAge } = await fetchDocument(url);
      readClientDocument(url, value, extra);
      return keep(documents, url, { document: value }, maxAge);
    } catch (error) {
      // A document that was fetched and will not do stays refused. What goes wrong in between is for the log only: it can
      // tell a stranger about hosts that he cannot see.
      const found =
        error instanceof OAuthRefusal
          ? { failure: error }
          : standIn(url, "invalid_client", "the client's metadata document cannot be had");
      if (found.failure) onEvent({ event: "registration_refused", clientId: url, detail: messageOf(error) });
      return keep(failures, url, found, retryAfter);
    }
  }

  function mayFetch(url: string): boolean {
    return perHost.take(new URL(url).hostname).ok && overall.take("").ok;
  }
}

/** What is known of the client without fetching, or the refusal. */
function standIn(url: string, error: OAuthErrorCode, description: string): Found {
  const document = knownDocuments.get(url);
  return document === undefined ? { failure: new OAuthRefusal(error, description) } : { document };
}

/** True when `id` is meant as the URL of a metadata document. */
export function isDocumentId(id: string): boolean {
  return id.startsWith("https://");
}

/** Why a document cannot be named like this (section 3 of the draft), or undefined. */
function checkDocumentUrl(text: string): string | undefined {
  if (text.length > longestId) return `is longer than ${longestId} characters`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // Also without dot segments then, and host names in lower case.
  if (url?.href !== text || url.protocol !== "https:") return "is not an https url in its normal form";
  if (url.pathname === "/") return "has no path";
  if (text.includes("#")) return "has a fragment";
  if (url.username !== "" || url.password !== "") return "has user information";
  // An address would be dialled without the lookup that guards connections.
  if (isIP(url.hostname.replace(/^\[|\]$/g, "")) !== 0) return "names an address instead of a host";
  return undefined;
}

/**
 * The client that a metadata document describes (section 4 of the draft). It must name its own URL, as text, and be a
 * public client: a document that all can read keeps no secret.
 *
 * @throws OAuthRefusal saying what is wrong with it.
 */
export function readClientDocument(url: string, document: unknown, extra: readonly string[]): OAuthClient {
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw refused("is not an object");
  }
  const metadata = document as Record<string, unknown>;
  if (metadata.client_id !== url) throw refused("has another client_id");
  if ("client_secret" in metadata || "client_secret_expires_at" in metadata) throw refused("has a secret");
  if (!mayBePublic(metadata)) throw refused("does not allow token_endpoint_auth_method none");
  return {
    id: url,
    kind: "document",
    name: readClientName(metadata.client_name),
    redirectUris: readRedirectUris(metadata.redirect_uris, extra),
    authMethod: "none",
    secretHash: undefined,
  };
}

/** ChatGPT prefers `private_key_jwt` and lists `none` as another method it supports. */
function mayBePublic(metadata: Record<string, unknown>): boolean {
  const { token_endpoint_auth_method: method = "none", token_endpoint_auth_methods_supported: others } =
    metadata;
  return method === "none" || (Array.isArray(others) && others.includes("none"));
}

function refused(what: string): OAuthRefusal {
  return new OAuthRefusal("invalid_client_metadata", `the client's metadata document ${what}`);
}
