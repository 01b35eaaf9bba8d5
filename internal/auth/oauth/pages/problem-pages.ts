import type { OAuthReply } from "../types.js";
import { type Html, html } from "./html.js";
import { pageReply } from "./page.js";

/** The client is unknown: says what to remove where, because apps keep a registration that is gone. */
export function unknownClientPage(clientId: string): OAuthReply {
  const isDocument = clientId.startsWith("https://");
  return pageReply({
    status: 400,
    title: "This server does not know the app",
    body: isDocument
      ? html`<h1>This server could not look up the app</h1>
<p>The app describes itself at <code>${clientId}</code>, and this server could not read that page or cannot use what it says.</p>
<p>Check that the computer that runs this server can reach the internet, then try again. If that does not help, connect the app anew:</p>
${howToReconnect}`
      : html`<h1>This server does not know the app</h1>
<p>The app remembers a sign-in that this server no longer has. Remove the connection in the app, then add it again:</p>
${howToReconnect}
<p class="soft">The app called itself <code>${clientId}</code></p>`,
  });
}

/** The app wants the answer at an address that is not its own; nobody is sent there. */
export function wrongRedirectPage(redirectUri: string): OAuthReply {
  return pageReply({
    status: 400,
    title: "The app gave a wrong address",
    body: html`<h1>The app gave a wrong address</h1>
${
  redirectUri === ""
    ? html`<p>The app did not say where to send you back, and it has several addresses.</p>`
    : html`<p>The app wants you sent to an address that it has not registered with this server:</p>
<p><code>${redirectUri}</code></p>
<p>If you did not start this yourself, close this page. Otherwise remove the connection in the app, then add it again:</p>`
}
${howToReconnect}`,
  });
}

/** Not a request of a client at all. */
export function startInAppPage(status: number, headers: Readonly<Record<string, string>> = {}): OAuthReply {
  return pageReply({
    status,
    headers,
    title: "Start in the app",
    body: html`<h1>Start in the app</h1>
<p>This page only works when an app opens it. In the app, add this server or sign in again.</p>`,
  });
}

/** Nobody can sign in yet. */
export function noPasswordPage(): OAuthReply {
  return pageReply({
    status: 503,
    title: "No password has been set",
    body: html`<h1>No password has been set</h1>
<p>Apps are let in with the owner password, and this server has none yet. On the computer that runs it, run:</p>
<p><code>ctmcpctl rotate-secret password</code></p>
<p>Then reload this page.</p>`,
  });
}

const howToReconnect: Html = html`<ul>
<li><b>Claude</b> (web, desktop, phone): Settings &gt; Connectors, remove this server, add it again</li>
<li><b>ChatGPT</b>: Settings &gt; Apps &amp; Connectors, delete this server, create it again</li>
<li><b>Claude Code</b>: in <code>/mcp</code> choose this server, then Clear authentication; or <code>claude mcp remove</code> and <code>claude mcp add</code></li>
<li><b>Cursor</b>: Settings &gt; MCP, log out of this server or remove it, add it again</li>
<li><b>VS Code</b>: run the command <code>Authentication: Remove Dynamic Authentication Providers</code>, start the server again</li>
<li><b>mcp-remote</b>: delete the folder <code>~/.mcp-auth</code>, start it again</li>
</ul>`;
