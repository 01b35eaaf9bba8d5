import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** What the owner answers on the sign-in page. */
export interface Answer {
  readonly password: string;
  readonly workspaces: readonly string[];
  readonly profile: "read-only" | "full";
  readonly decision?: "allow" | "deny";
}

export interface Page {
  readonly status: number;
  readonly markup: string;
  /** Where it was opened; a form goes back there. */
  readonly url: string;
}

/** As much of a browser as the sign-in page needs: cookies of one server, forms, a page that leaves by itself. */
export interface Browser {
  open(url: string | URL): Promise<Page>;
  /** Fills in the form and sends it. Only what the page offers can be chosen. */
  answer(page: Page, answer: Answer): Promise<Page>;
  /** Every cookie and hidden field that it was given. */
  readonly secrets: readonly string[];
}

export function createBrowser(): Browser {
  const cookies = new Map<string, string>();
  const secrets: string[] = [];
  return {
    secrets,
    open: (url) => load(url),
    answer(page, { password, workspaces, profile, decision = "allow" }) {
      const form = new URLSearchParams(hiddenFields(page));
      secrets.push(form.get("token") ?? "");
      for (const id of workspaces) form.append("workspace", offered(page, "workspace", id));
      form.append("profile", offered(page, "profile", profile));
      form.append("password", password);
      form.append("decision", decision);
      const headers = { origin: new URL(page.url).origin, "sec-fetch-site": "same-origin" };
      return load(page.url, { method: "POST", body: form, headers });
    },
  };

  async function load(url: string | URL, init: RequestInit = {}): Promise<Page> {
    const cookie = [...cookies].map((pair) => pair.join("=")).join("; ");
    const answer = await fetch(url, { ...init, headers: { ...init.headers, ...(cookie && { cookie }) } });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, value);
      secrets.push(value);
    }
    return { status: answer.status, markup: await answer.text(), url: String(url) };
  }
}

/** Where a page goes by itself. */
export function targetOf({ status, markup }: Page): URL {
  const [, target] = /http-equiv="refresh" content="0;url=([^"]+)"/.exec(markup) ?? [];
  if (target === undefined) throw new Error(`${status}, and it goes nowhere: ${markup}`);
  return new URL(plain(target));
}

function hiddenFields({ status, markup }: Page): [string, string][] {
  const found = [...markup.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g)];
  if (found.length === 0) throw new Error(`${status}, and no form: ${markup}`);
  return found.map(([, name = "", value = ""]) => [name, plain(value)]);
}

function offered({ markup }: Page, name: string, value: string): string {
  if (!markup.includes(`name="${name}" value="${value}"`)) throw new Error(`${name} ${value} is not offered`);
  return value;
}

function plain(text: string): string {
  return text
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&lt;", "<")
    .replaceAll("&amp;", "&");
}

/** Lets the owner answer, and goes where the page goes. */
export async function signIn(browser: Browser, url: string | URL, answer: Answer): Promise<URL> {
  return targetOf(await browser.answer(await browser.open(url), answer));
}

/** A program that clients start to open a browser, which gives the same answer each time. */
export interface BrowserProgram {
  /** For the variable BROWSER. */
  readonly path: string;
  /** How often it has signed a client in. */
  uses(): number;
}

/** Makes that program in `dir`. */
export function makeBrowserProgram(dir: string, answer: Answer): BrowserProgram {
  const path = join(dir, "browser");
  const journal = join(dir, "browser.log");
  const main = fileURLToPath(new URL("./browser-main.js", import.meta.url));
  writeFileSync(`${path}.json`, JSON.stringify({ answer, journal }));
  writeFileSync(path, `#!/bin/sh\nexec '${process.execPath}' '${main}' '${path}.json' "$@"\n`);
  chmodSync(path, 0o755);
  return {
    path,
    uses: () => (existsSync(journal) ? readFileSync(journal, "utf8").split("\n").length - 1 : 0),
  };
}
