import { createHash } from "node:crypto";
import type { OAuthReply } from "../types.js";
import { type Html, html } from "./html.js";
import { style } from "./style.js";

export interface Page {
  readonly status: number;
  readonly title: string;
  readonly body: Html;
  /** Where the browser goes by itself, at once. */
  readonly next?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const policy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join("; ");

/**
 * No Cross-Origin-Opener-Policy: any but the default cuts the tie between a popup and the app that opened it, and apps
 * that sign in by popup wait for word from it. Referrer-Policy is not no-referrer: Chromium would then send the form with
 * `Origin: null`.
 */
const pageHeaders = {
  "Content-Type": "text/html; charset=utf-8",
  "Content-Security-Policy": policy,
  "Cache-Control": "no-store",
  "Referrer-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
};

/** A page for the owner's browser: no script, nothing from elsewhere, in no frame. */
export function pageReply({ status, title, body, next, headers }: Page): OAuthReply {
  const { markup } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
${next !== undefined && html`<meta http-equiv="refresh" content="0;url=${next}">`}
<title>${title}</title>
<style>${{ markup: style }}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
  return { status, headers: { ...pageHeaders, ...headers }, body: markup };
}
