/** Characters of a redirect URI. */
const longest = 2_048;

/** Redirect URIs of private-use schemes (RFC 8252 section 7.1) that known clients register, exactly as they write them. */
const knownPrivateUris: ReadonlySet<string> = new Set(["cursor://anysphere.cursor-mcp/oauth/callback"]);

/** What RFC 3986 allows in a URI, without the `#` of a fragment: no space, control, quote, backslash or other script. */
const uriText = /^[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9\-._~:/?[\]@!$&'()*+,;=%]+$/;

/** Schemes that run, read or show what follows instead of telling an application: refused even when they are listed. */
const harmfulScheme = /^(?:about|blob|data|file|filesystem|javascript|vbscript|view-source):/i;

const loopbackHosts: ReadonlySet<string> = new Set(["127.0.0.1", "[::1]", "localhost"]);

/** Callback hosts that only the vendor can receive on. */
const vendors: ReadonlyMap<string, string> = new Map([
  ["antigravity.google", "Antigravity"],
  ["chatgpt.com", "ChatGPT"],
  ["claude.ai", "Claude"],
  ["claude.com", "Claude"],
  ["cursor.com", "Cursor"],
  ["insiders.vscode.dev", "VS Code"],
  ["vscode.dev", "VS Code"],
  ["www.cursor.com", "Cursor"],
]);

/** Where a code would go. */
export interface RedirectPlace {
  /** `web`: a site. `device`: a program on the device whose browser asks. `app`: whichever program has the scheme. */
  readonly kind: "web" | "device" | "app";
  /** The host, with its port when that is part of who it is; for `app` the scheme. */
  readonly host: string;
  /** Who alone receives there; undefined: not known. */
  readonly vendor: string | undefined;
}

/**
 * Says why `uri` may not be registered as a redirect URI, or undefined when it may (RFC 6749 section 3.1.2, RFC 8252
 * section 7): https to any host, http to a loopback host, and other schemes only as `extra` or the known list spells
 * them. What passes reads the same to every parser: it is the string that the URL standard would write, but for the
 * slash of an empty path.
 */
export function checkRedirectUri(uri: string, extra: readonly string[]): string | undefined {
  if (uri.length > longest) return `longer than ${longest} characters`;
  if (uri.includes("#")) return "has a fragment";
  if (!uriText.test(uri)) return "not an absolute uri";
  if (harmfulScheme.test(uri)) return "this scheme is never allowed";
  if (!/^https?:/i.test(uri)) {
    const listed = knownPrivateUris.has(uri) || extra.includes(uri);
    return listed ? undefined : "not one of the allowed uris of other schemes than https";
  }
  const url = canonicalUrl(uri);
  if (url === undefined) return "not written in its normal form";
  if (url.username !== "" || url.password !== "") return "has user information";
  if (url.protocol === "http:" && !loopbackHosts.has(url.hostname)) return "http is only for loopback hosts";
  return undefined;
}

/**
 * True when a code may be sent to `requested`: it is one of `registered` to the letter, or differs from one only in the
 * port and both are http on the same loopback host (RFC 8252 section 7.3). `localhost` is not `127.0.0.1`: they may be
 * different listeners. As in the check above, `http://127.0.0.1:1` and `http://127.0.0.1:1/` are the same.
 */
export function matchesRedirect(registered: readonly string[], requested: string): boolean {
  if (registered.includes(requested)) return true;
  const wanted = loopbackKey(requested);
  return wanted !== undefined && registered.some((uri) => loopbackKey(uri) === wanted);
}

/** Says for people where a code for `uri`, an absolute URI, would go. */
export function describeRedirect(uri: string): RedirectPlace {
  const { protocol, host, hostname } = new URL(uri);
  if (protocol !== "http:" && protocol !== "https:") {
    return { kind: "app", host: protocol.slice(0, -1), vendor: undefined };
  }
  if (loopbackHosts.has(hostname)) return { kind: "device", host: hostname, vendor: undefined };
  return { kind: "web", host, vendor: protocol === "https:" ? vendors.get(host) : undefined };
}

/** A loopback redirect URI without its port; undefined for any other. */
function loopbackKey(uri: string): string | undefined {
  if (checkRedirectUri(uri, []) !== undefined) return undefined;
  const url = new URL(uri);
  return url.protocol === "http:" ? `${url.hostname}${url.pathname}${url.search}` : undefined;
}

/** `text` as a URL if it is written the way the URL standard writes it; an empty path may lack its slash. */
function canonicalUrl(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url?.href === text || url?.href === `${text}/` ? url : undefined;
}
