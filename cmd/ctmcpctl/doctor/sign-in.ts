import { createHash, randomBytes } from "node:crypto";
import { classify, isHtml } from "../../../internal/tunnel/public-faults.js";
import type { Document } from "./discovery.js";
import { ask, type Outside, objectIn, said, unexpected } from "./outside.js";
import { fail, ok, type Row, warn } from "./row.js";

/** Where a hosted client wants its owner sent back to. Nobody is. */
const redirectUri = "https://claude.ai/api/mcp/auth_callback";
const form = { "content-type": "application/x-www-form-urlencoded" };
/** Edges treat a person's browser differently from a program. */
const browser = {
  "user-agent":
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
  accept: "text/html,application/xhtml+xml,*/*;q=0.8",
};
/** Pages that a person can click away, once. */
const passable = new Set(["PUBLIC_NGROK_PAGE", "PUBLIC_TUNNEL_PAGE"]);

/**
 * What comes before a token, in the order of a client: registers (a client that nobody uses, and that makes room for
 * others), opens the page where the owner is asked, and has the token endpoint refuse an unknown client.
 */
export async function checkSignIn(outside: Outside, server: Document): Promise<readonly Row[]> {
  const { row, clientId } = await register(outside, String(server.registration_endpoint));
  const page =
    clientId === undefined ? [] : [await openPage(outside, String(server.authorization_endpoint), clientId)];
  return [row, ...page, await refuseToken(outside, String(server.token_endpoint))];
}

async function register(
  outside: Outside,
  endpoint: string,
): Promise<{ readonly row: Row; readonly clientId?: string }> {
  const id = "outside.register";
  const seen = await ask(outside, endpoint, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({
      client_name: "ctmcpctl doctor",
      redirect_uris: [redirectUri],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    }),
  });
  const { client_id: clientId, error } = objectIn(seen) ?? {};
  if (error === "slow_down") {
    const text = "registration: too many clients have registered just now";
    return {
      row: warn(id, text, "run the doctor again in a minute; if it stays, somebody floods the server"),
    };
  }
  if (seen.kind === "error" || seen.status !== 201 || typeof clientId !== "string") {
    return { row: unexpected(id, "registration", seen) };
  }
  return { row: ok(id, "registration: a client can register"), clientId };
}

async function openPage(outside: Outside, endpoint: string, clientId: string): Promise<Row> {
  const id = "outside.authorize";
  const url = new URL(endpoint);
  url.search = new URLSearchParams({
    response_type: "code",
    client_id: clientId,
    redirect_uri: redirectUri,
    code_challenge: createHash("sha256").update(randomBytes(32)).digest("base64url"),
    code_challenge_method: "S256",
    state: randomBytes(8).toString("hex"),
    resource: outside.url,
  }).toString();
  const seen = await ask(outside, url.href, { headers: browser });
  if (seen.kind === "answer" && isHtml(seen)) {
    const { status, body } = seen;
    if (status === 200 && /<input type="password"[^>]* name="password"/.test(body))
      return ok(id, "sign-in page: the owner is asked");
    if (status === 503 && body.includes("rotate-secret password"))
      return fail(id, "sign-in page: no password has been set", "set one: ctmcpctl rotate-secret password");
    const { code, text, hint } = classify(seen);
    if (passable.has(code)) return warn(id, `sign-in page: ${text}`, hint);
  }
  return unexpected(id, "sign-in page", seen);
}

async function refuseToken(outside: Outside, endpoint: string): Promise<Row> {
  const id = "outside.token";
  const seen = await ask(outside, endpoint, {
    method: "POST",
    headers: { ...form, accept: "application/json" },
    body: new URLSearchParams({
      grant_type: "refresh_token",
      refresh_token: "of-nobody",
      client_id: `doctor-${randomBytes(8).toString("hex")}`,
    }).toString(),
  });
  const refusal = objectIn(seen)?.error;
  if (seen.kind === "error" || refusal === undefined) return unexpected(id, "token endpoint", seen);
  // Clients register anew only on exactly this.
  if (seen.status !== 401 || refusal !== "invalid_client") {
    const hint = "the proxy changes the status: pass answers on as they are";
    return fail(id, `token endpoint: not 401 invalid_client for an unknown client; ${said(seen)}`, hint);
  }
  return ok(id, "token endpoint: an unknown client is told to register");
}
