import { systemClock } from "../../../internal/clock/clock.js";
import { brief } from "../../../internal/errs/brief.js";
import { skewOf } from "../../../internal/tunnel/probe.js";
import { skewFault } from "../../../internal/tunnel/public-faults.js";
import { ask, type Outside, objectIn, unexpected } from "./outside.js";
import { fail, ok, type Row, warn } from "./row.js";

export type Document = Readonly<Record<string, unknown>>;

const cardPath = "/.well-known/mcp.json";
const resourcePaths = ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"];
/** Every place where a client looks (RFC 8414 section 3.1, OpenID Connect Discovery, and the two mixed). */
const serverPaths = [
  "/.well-known/oauth-authorization-server",
  "/.well-known/oauth-authorization-server/mcp",
  "/.well-known/openid-configuration",
  "/.well-known/openid-configuration/mcp",
  "/mcp/.well-known/openid-configuration",
];
/** Where a client is sent; each has to lie on the same server. */
const endpoints = ["registration_endpoint", "authorization_endpoint", "token_endpoint"] as const;
const misdirected = "set hostname to the name that clients use, and run: ctmcpctl reload";

/** Fetches the server card: the first sign that requests arrive at all. Also compares the clocks. */
export async function checkCard(outside: Outside): Promise<readonly Row[]> {
  const seen = await ask(outside, cardPath);
  const tools = objectIn(seen)?.tools as { count?: unknown } | undefined;
  if (seen.kind === "error" || seen.status !== 200 || typeof tools?.count !== "number") {
    return [unexpected("outside.card", "server card", seen)];
  }
  const took = Math.round(seen.firstByteMs);
  const card = ok("outside.card", `server card: ${tools.count} tools at ${outside.origin}, in ${took} ms`);
  // On this machine there is but one clock.
  if (outside.origin.startsWith("http:")) return [card];
  const skew = skewOf(seen, systemClock);
  if (Math.abs(skew) <= 60)
    return [card, ok("clock", `this machine's clock agrees with that of ${seen.host}`)];
  const { text, hint } = skewFault(seen.host, skew);
  return [card, warn("clock", text, hint)];
}

/** Protected resource metadata (RFC 9728) in both places where clients look. */
export async function checkResource(outside: Outside): Promise<Row> {
  const id = "outside.resource-metadata";
  for (const path of resourcePaths) {
    const step = `protected resource metadata at ${path}`;
    const seen = await ask(outside, path);
    const document = objectIn(seen);
    if (seen.kind === "error" || seen.status !== 200 || document === undefined) {
      return unexpected(id, step, seen);
    }
    const { resource, authorization_servers: servers } = document;
    // Strict clients compare it with the URL they were given, character by character.
    if (resource !== outside.url)
      return fail(id, `${step}: resource is ${shown(resource)}, not ${outside.url}`, misdirected);
    if (!Array.isArray(servers) || servers[0] !== outside.origin)
      return fail(id, `${step}: it names ${shown(servers)} as authorization server`, misdirected);
  }
  return ok(id, `protected resource metadata: in both places, for ${outside.url}`);
}

/** Authorization server metadata (RFC 8414); `document` when it is as it should be. */
export async function checkServer(
  outside: Outside,
): Promise<{ readonly row: Row; readonly document?: Document }> {
  const id = "outside.server-metadata";
  let first: { readonly body: string; readonly document: Document } | undefined;
  for (const path of serverPaths) {
    const step = `authorization server metadata at ${path}`;
    const seen = await ask(outside, path);
    const document = objectIn(seen);
    if (seen.kind === "error" || seen.status !== 200 || document === undefined) {
      return { row: unexpected(id, step, seen) };
    }
    if (document.issuer !== outside.origin) {
      const text = `${step}: issuer is ${shown(document.issuer)}, not ${outside.origin}`;
      return { row: fail(id, text, misdirected) };
    }
    first ??= { body: seen.body, document };
    if (seen.body !== first.body) {
      const hint = "the proxy sends this path elsewhere: pass every path under /.well-known on";
      return { row: fail(id, `${step}: it differs from that at ${serverPaths[0]}`, hint) };
    }
    const astray = endpoints.find((key) => !isOn(outside.origin, document[key]));
    if (astray !== undefined) {
      const text = `${step}: ${astray} is ${shown(document[astray])}, not a URL of ${outside.origin}`;
      return { row: fail(id, text, "something in front changes this document: have it passed on as it is") };
    }
  }
  const row = ok(id, `authorization server metadata: the same in all ${serverPaths.length} places`);
  return first === undefined ? { row } : { row, document: first.document };
}

/** Without sign-in every one of these places has to answer 404 in JSON: anything else makes clients try to register. */
export async function checkNoSignIn(outside: Outside): Promise<Row> {
  const id = "outside.no-sign-in";
  for (const path of [...resourcePaths, ...serverPaths]) {
    const seen = await ask(outside, path);
    if (seen.kind === "answer" && seen.status === 404 && objectIn(seen) !== undefined) continue;
    return unexpected(id, `no sign-in, which ${path} has to say by 404`, seen);
  }
  return ok(id, `no sign-in: clients that look for it are told so in all places`);
}

function isOn(origin: string, url: unknown): boolean {
  return typeof url === "string" && URL.canParse(url) && new URL(url).origin === origin;
}

/** What stands in a document, in a few words. */
function shown(value: unknown): string {
  return typeof value === "string" ? brief(value) : brief(JSON.stringify(value) ?? "missing");
}
