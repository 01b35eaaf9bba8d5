import { createHmac } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Clock } from "../../clock/clock.js";
import { sameText } from "./digest.js";
import type { Keys } from "./keys.js";
import type { Site } from "./types.js";

/** How long a form can be sent, in seconds: time to look for the password. */
const lifeS = 1_800;

/**
 * Binds a form to the browser it was shown in and to the text that it carries. All of it is in the cookie and in the form,
 * so a form that is open while the daemon restarts can still be sent.
 */
export interface FormSeal {
  /** The mark of the browser that asks, its own or a new one, and the header that leaves it there. */
  mark(headers: IncomingHttpHeaders, site: Site): { readonly browser: string; readonly setCookie: string };
  /** A token for a form that shows `text` in `browser`. */
  seal(browser: string, text: string): string;
  /** True when `token` was made for this browser and `text` in the last half hour. */
  fits(token: string, text: string, headers: IncomingHttpHeaders, site: Site): boolean;
}

export interface FormSealDeps {
  readonly keys: Pick<Keys, "pageKey">;
  readonly clock: Clock;
  readonly random: (size: number) => Buffer;
}

export function createFormSeal({ keys, clock, random }: FormSealDeps): FormSeal {
  const macOf = (...parts: readonly string[]): string =>
    createHmac("sha256", keys.pageKey).update(JSON.stringify(parts)).digest("base64url");

  return {
    mark(headers, site) {
      // Kept when there is one: a second form, in another tab, must not spoil the first.
      const browser = browserOf(headers, site) ?? random(16).toString("base64url");
      const { name, secure } = cookieFor(site);
      // Lax, not Strict: a form is reached from the app's own site, and has to find the mark that an earlier one left.
      // A POST from elsewhere is sent without it either way.
      return {
        browser,
        setCookie: `${name}=${browser}; Max-Age=${lifeS}; Path=/; HttpOnly; SameSite=Lax${secure}`,
      };
    },

    seal(browser, text) {
      const until = String(clock.now() + lifeS * 1_000);
      return `${until}.${macOf(browser, until, text)}`;
    },

    fits(token, text, headers, site) {
      const browser = browserOf(headers, site);
      const [until = "", mac = ""] = token.split(".");
      if (browser === undefined || !sameText(mac, macOf(browser, until, text))) return false;
      return Number(until) > clock.now();
    },
  };
}

/** Over http, which is loopback only, browsers that want https for `Secure` would drop the cookie. */
function cookieFor({ origin }: Site): { readonly name: string; readonly secure: string } {
  return origin.startsWith("https:")
    ? { name: "__Host-ctmcp", secure: "; Secure" }
    : { name: "ctmcp", secure: "" };
}

function browserOf({ cookie = "" }: IncomingHttpHeaders, site: Site): string | undefined {
  const start = `${cookieFor(site).name}=`;
  const found = cookie.split(/; */).find((pair) => pair.startsWith(start));
  const value = found?.slice(start.length) ?? "";
  return /^[\w-]{22}$/.test(value) ? value : undefined;
}

/** True when the page that sent this form is one of ours, as far as the browser says (the Fetch standard's headers). */
export function isFromOwnPage({ origin, ...headers }: IncomingHttpHeaders, site: Site): boolean {
  const fetchSite = headers["sec-fetch-site"];
  return (
    (origin === undefined || origin === site.origin) &&
    (fetchSite === undefined || fetchSite === "same-origin")
  );
}
