import { describeRedirect } from "../redirects.js";
import type { OAuthReply } from "../types.js";
import { html } from "./html.js";
import { pageReply } from "./page.js";

export interface LeavingPage {
  readonly redirectUri: string;
  /** The redirect URI with the answer. */
  readonly to: string;
  readonly outcome: "allowed" | "denied" | "refused";
  /** What the app did wrong, when it is refused. */
  readonly detail?: string;
  /** Whether the browser leaves without a click. */
  readonly byItself: boolean;
}

/**
 * Sends the browser back to the app: a page, because Chromium holds every redirect that answers a form against the form's
 * `form-action`, and a link on it, because browsers open links of other schemes only at a click.
 */
export function leavingPage({ redirectUri, to, outcome, detail, byItself }: LeavingPage): OAuthReply {
  const { kind, host } = describeRedirect(redirectUri);
  const where = kind === "web" ? host : kind === "device" ? "the program on this device" : "the app";
  const { title, text } = words(outcome, where);
  return pageReply({
    status: outcome === "refused" ? 400 : 200,
    title,
    ...(byItself && { next: to }),
    body: html`<h1>${title}</h1>
<p>${text}</p>
${detail !== undefined && html`<p class="soft">For its developer: ${detail}.</p>`}
${byItself && html`<p>You are being taken back to ${where}. If nothing happens, press the button.</p>`}
<div class="buttons"><a class="button${byItself && " main"}" href="${to}">${byItself ? "Continue" : `Go back to ${where}`}</a></div>`,
  });
}

function words(
  outcome: LeavingPage["outcome"],
  where: string,
): { readonly title: string; readonly text: string } {
  switch (outcome) {
    case "allowed":
      return { title: "Allowed", text: "The app can now use the folders you chose." };
    case "denied":
      return { title: "Not allowed", text: "The app got no access. You can close this page." };
    case "refused":
      return {
        title: "The app asked in the wrong way",
        text: `This server cannot answer what ${where} sent. The app got no access, and you can close this page.`,
      };
  }
}
