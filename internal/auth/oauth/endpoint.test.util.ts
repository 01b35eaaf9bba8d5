import { randomBytes } from "node:crypto";
import { dirname } from "node:path";
import { type AccessTokens, createAccessTokens } from "./access-token.js";
import { sha256Hex } from "./digest.js";
import { client, consent, openStage, type Stage, site, verifier } from "./grants.test.util.js";
import { openKeys } from "./keys.js";
import { OAuthRefusal, refusalReply } from "./refusal.js";
import { createRevokeEndpoint } from "./revoke-endpoint.js";
import { createTokenEndpoint } from "./token-endpoint.js";
import type { Consent, OAuthClient, OAuthReply, OAuthRequest } from "./types.js";

export const secret = "s3cret+with%signs&more";

/** Clients that registered themselves, by id. */
const registered: ReadonlyMap<string, OAuthClient> = new Map(
  [
    client,
    { ...client, id: "client-2" },
    { ...client, id: "post", authMethod: "client_secret_post" as const, secretHash: sha256Hex(secret) },
    { ...client, id: "basic: é", authMethod: "client_secret_basic" as const, secretHash: sha256Hex(secret) },
  ].map((known) => [known.id, known]),
);

/** One the owner configured. */
export const configured: OAuthClient = {
  ...client,
  id: "own",
  kind: "configured",
  authMethod: "client_secret_post",
  secretHash: sha256Hex(secret),
};
export const documentId = "https://app.example/client.json";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly json: Readonly<Record<string, unknown>>;
}

/** The token and the revocation endpoint over grants on a real file. */
export interface EndpointStage extends Stage {
  readonly tokens: AccessTokens;
  /** Ids that were looked up in the registry. */
  readonly lookups: string[];
  code(other?: Partial<Consent>): Promise<string>;
  token(form: Fields, headers?: Headers): Promise<Answer>;
  revoke(form: Fields, headers?: Headers): Promise<Answer>;
  /** The token endpoint as others' clients reach it. */
  fetch(url: string | URL, init?: RequestInit): Promise<Response>;
}

/** A body as it is, or the fields of a form, undefined ones left out. */
export type Fields = string | Readonly<Record<string, string | undefined>>;
type Headers = Readonly<Record<string, string>>;

export const formType = "application/x-www-form-urlencoded";

export async function openEndpoints(): Promise<EndpointStage> {
  const stage = await openStage();
  const { clock } = stage;
  const keys = await openKeys({
    stateDir: dirname(stage.path),
    uid: process.getuid?.() ?? 0,
    clock,
    secret: Buffer.alloc(32, 9),
    onDamaged: () => {},
  });
  const tokens = createAccessTokens({ keys, clock, random: randomBytes });
  const lookups: string[] = [];
  const deps = {
    grants: stage.grants,
    tokens,
    async findClient(id: string) {
      lookups.push(id);
      return registered.get(id);
    },
  };
  const token = createTokenEndpoint(deps);
  const revoke = createRevokeEndpoint(deps);
  return Object.assign(stage, {
    tokens,
    lookups,
    code: (other: Partial<Consent> = {}) => stage.grants.issueCode({ ...consent, ...other }),
    token: async (form: Fields, headers: Headers = {}) => answerOf(await call(token, form, headers)),
    revoke: async (form: Fields, headers: Headers = {}) => answerOf(await call(revoke, form, headers)),
    async fetch(_url: string | URL, init: RequestInit = {}) {
      const headers = Object.fromEntries(new Headers(init.headers));
      const { body, ...head } = await call(token, String(init.body), headers);
      return new Response(body, { ...head });
    },
  });
}

type Run = (request: OAuthRequest, at: typeof site) => Promise<OAuthReply>;

async function call(run: Run, form: Fields, { method = "POST", ...headers }: Headers): Promise<OAuthReply> {
  const body = typeof form === "string" ? form : encode(form);
  const request = {
    method,
    query: new URLSearchParams(),
    headers: { "content-type": formType, ...headers },
    body: Buffer.from(body),
  };
  try {
    return await run(request, { ...site, clients: [configured] });
  } catch (error) {
    if (error instanceof OAuthRefusal) return refusalReply(error);
    throw error;
  }
}

function encode(form: Exclude<Fields, string>): string {
  const fields = new URLSearchParams();
  for (const [name, value] of Object.entries(form)) if (value !== undefined) fields.set(name, value);
  return fields.toString();
}

function answerOf({ status, headers, body }: OAuthReply): Answer {
  return { status, headers, json: JSON.parse(body) };
}

/** The form of an ordinary exchange of `code`. */
export function exchangeForm(code: string): Readonly<Record<string, string>> {
  return {
    grant_type: "authorization_code",
    code,
    client_id: client.id,
    redirect_uri: consent.redirectUri,
    code_verifier: verifier,
  };
}
