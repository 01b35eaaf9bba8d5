import { randomBytes } from "node:crypto";
import { createTestClock, type TestClock } from "../../../test/support/clock.js";
import type { Fault } from "../../errs/errs.js";
import { type AuthorizeEndpointDeps, createAuthorizeEndpoint } from "./authorize-endpoint.js";
import { createThrottle } from "./throttle.js";
import type { AuthEvent, Consent, OAuthClient, OAuthReply, OAuthRequest, Site } from "./types.js";

export const password = "correct horse battery staple";
export const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

export const site: Site = {
  origin: "https://mcp.example.com",
  workspaces: [
    { id: "app", path: "/home/owner/src/app", profile: "full" },
    { id: "docs", path: "/home/owner/src/docs", profile: "read-only" },
  ],
  password: undefined,
  accessTtlS: 86_400,
  refreshTtlS: 90 * 86_400,
  refreshGraceS: 120,
  redirectUris: [],
  clients: [],
  sourceHeader: undefined,
};

export function clientWith(change: Partial<OAuthClient> = {}): OAuthClient {
  return {
    id: "client-1",
    kind: "registered",
    name: "An app",
    redirectUris: ["https://app.example/callback"],
    authMethod: "none",
    secretHash: undefined,
    ...change,
  };
}

/** The parameters of a good request; undefined takes one out. */
export function requestOf(change: Readonly<Record<string, string | undefined>> = {}): URLSearchParams {
  const all = {
    response_type: "code",
    client_id: "client-1",
    redirect_uri: "https://app.example/callback",
    code_challenge: challenge,
    code_challenge_method: "S256",
    state: "state-1",
    ...change,
  };
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(all)) if (value !== undefined) query.append(name, value);
  return query;
}

/** The endpoint, and what it did. */
export interface Desk {
  readonly endpoint: (request: OAuthRequest, site: Site) => Promise<OAuthReply>;
  readonly clock: TestClock;
  readonly consents: Consent[];
  readonly events: AuthEvent[];
  /** Passwords that were verified. */
  readonly tried: string[];
  fault: Fault | undefined;
}

export function openDesk(
  clients: readonly OAuthClient[] = [clientWith()],
  change: Partial<AuthorizeEndpointDeps> = {},
): Desk {
  const clock = createTestClock();
  const desk = {
    clock,
    consents: [] as Consent[],
    events: [] as AuthEvent[],
    tried: [] as string[],
    fault: undefined as Fault | undefined,
  };
  const endpoint = createAuthorizeEndpoint({
    grants: {
      issueCode: async (consent) => {
        if (desk.fault !== undefined) throw desk.fault;
        desk.consents.push(consent);
        return `code-${desk.consents.length}`;
      },
    },
    findClient: async (id) => clients.find((client) => client.id === id),
    noteUse: async () => {},
    password: () => ({
      isSet: () => true,
      verify: async (text) => {
        desk.tried.push(text);
        return text === password;
      },
    }),
    keys: { pageKey: Buffer.alloc(32, 3) },
    clock,
    random: randomBytes,
    throttle: createThrottle({ clock }),
    onEvent: (event) => desk.events.push(event),
    ...change,
  });
  return Object.assign(desk, { endpoint });
}

/** A browser at one desk: keeps the cookie, fills in the form it was shown and sends it. */
export function openBrowser({ endpoint }: Pick<Desk, "endpoint">, at: Site = site) {
  let cookie: string | undefined;
  let page = "";
  const keep = (reply: OAuthReply): OAuthReply => {
    cookie = reply.headers["Set-Cookie"]?.split(";")[0] ?? cookie;
    page = reply.body;
    return reply;
  };
  const fetchHeaders = { origin: at.origin, "sec-fetch-site": "same-origin" };
  return {
    cookie: () => cookie,
    /** The hidden fields of the page last shown. */
    hidden: () => hiddenFields(page),
    async open(query = requestOf()): Promise<OAuthReply> {
      const headers = cookie === undefined ? {} : { cookie };
      return keep(await endpoint({ method: "GET", query, headers, body: Buffer.alloc(0) }, at));
    },
    async send(
      fields: Readonly<Record<string, string | readonly string[]>>,
      headers: Readonly<Record<string, string | undefined>> = {},
    ): Promise<OAuthReply> {
      const form = new URLSearchParams();
      for (const [name, value] of Object.entries({ ...hiddenFields(page), ...fields })) {
        for (const each of [value].flat()) form.append(name, each);
      }
      const sent = { cookie, ...fetchHeaders, ...headers };
      const present = Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== undefined));
      const body = Buffer.from(form.toString());
      return keep(
        await endpoint({ method: "POST", query: new URLSearchParams(), headers: present, body }, at),
      );
    },
  };
}

/** What the owner fills in to allow reading in one workspace. */
export const allow = { workspace: "app", profile: "read-only", password, decision: "allow" } as const;

function hiddenFields(page: string): Record<string, string> {
  const fields = page.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)">/g);
  return Object.fromEntries([...fields].map(([, name = "", value = ""]) => [name, unescaped(value)]));
}

/** Where a leaving page's link leads. */
export function linkOf({ body }: OAuthReply): URL {
  return new URL(unescaped(/href="([^"]*)"/.exec(body)?.[1] ?? ""));
}

/** Whether a page leaves without a click, and to where. */
export function refreshOf({ body }: OAuthReply): string | undefined {
  const [, to] = /http-equiv="refresh" content="0;url=([^"]*)"/.exec(body) ?? [];
  return to === undefined ? undefined : unescaped(to);
}

function unescaped(text: string): string {
  return text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&");
}
