import { checkRedirectUri } from "./redirects.js";
import { OAuthRefusal } from "./refusal.js";

const mostRedirectUris = 10;
/** Characters of a client's name. */
const longestName = 200;

/**
 * The `redirect_uris` of client metadata (RFC 7591 section 2) that may be used, each once, 1 to 10 of them. One that may
 * not is dropped: clients send all the forms they know, and one form must not cost them the others.
 *
 * @throws OAuthRefusal invalid_redirect_uri when none is left; it names the first and what is wrong with it.
 */
export function readRedirectUris(value: unknown, extra: readonly string[]): string[] {
  if (!Array.isArray(value) || value.length === 0)
    throw refused("redirect_uris must be a list of at least one uri");
  if (value.length > mostRedirectUris)
    throw refused(`redirect_uris has more than ${mostRedirectUris} entries`);
  const checked = value.map((uri) => ({
    uri,
    wrong: typeof uri === "string" ? checkRedirectUri(uri, extra) : "not a string",
  }));
  const good = checked.filter(({ wrong }) => wrong === undefined).map(({ uri }) => uri as string);
  const [first] = checked;
  if (good.length === 0) throw refused(`redirect uri "${shown(String(first?.uri))}": ${first?.wrong}`);
  return [...new Set(good)];
}

/**
 * The `client_name` of client metadata, safe to show: one line without control, direction and invisible characters, at
 * most 200 characters; undefined when nothing is left.
 */
export function readClientName(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const name = value.replace(/\s+/g, " ").replace(/[\p{C}\p{Default_Ignorable_Code_Point}]/gu, "");
  return [...name.trim()].slice(0, longestName).join("").trim() || undefined;
}

/** Text from outside within the characters of an `error_description` (RFC 6749 section 5.2). */
function shown(text: string): string {
  return text.slice(0, 100).replace(/[^\x20-\x7e]|["\\]/g, "?");
}

function refused(description: string): OAuthRefusal {
  return new OAuthRefusal("invalid_redirect_uri", description);
}
