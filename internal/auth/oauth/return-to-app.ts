import { answerUri, type ReturnAddress } from "./authorization-request.js";
import { type LeavingPage, leavingPage } from "./pages/leaving-page.js";
import { describeRedirect } from "./redirects.js";
import type { OAuthRefusal } from "./refusal.js";
import type { OAuthReply, Site } from "./types.js";

/** Takes the code, which the owner has just allowed, to the app. */
export function returnCode(address: ReturnAddress, site: Site, code: string): OAuthReply {
  return leave("allowed", address, { to: answerUri(address, site, { code }), byItself: true });
}

/** Tells the app that the owner said no. */
export function returnDenial(address: ReturnAddress, site: Site): OAuthReply {
  const to = answerUri(address, site, { error: "access_denied", error_description: "the owner said no" });
  return leave("denied", address, { to, byItself: isTrusted(address) });
}

/**
 * Tells the app what is wrong with its request. Before the owner has said anything, the browser goes by itself only where
 * nobody can lie in wait: anybody may register a client, and could else send people through this server's name to any
 * address (RFC 9700 section 4.11.2).
 *
 * @param method Of the request; a form is never answered with a redirect.
 */
export function returnRefusal(
  address: ReturnAddress,
  site: Site,
  { error, message }: OAuthRefusal,
  method: string,
): OAuthReply {
  const to = answerUri(address, site, { error, error_description: message });
  const byItself = isTrusted(address);
  if (!byItself || method === "POST") return leave("refused", address, { to, byItself, detail: message });
  const headers = { Location: to, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer" };
  return { status: 302, headers, body: "" };
}

function leave(
  outcome: LeavingPage["outcome"],
  { redirectUri }: ReturnAddress,
  rest: Pick<LeavingPage, "to" | "byItself" | "detail">,
): OAuthReply {
  return leavingPage({ outcome, redirectUri, ...rest });
}

/** True for the owner's own clients, this device, and addresses that a known vendor alone receives at. */
function isTrusted({ client, redirectUri }: ReturnAddress): boolean {
  const { kind, vendor } = describeRedirect(redirectUri);
  return client.kind === "configured" || kind !== "web" || vendor !== undefined;
}
