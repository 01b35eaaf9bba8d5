import type { Choices } from "../choices.js";
import { describeRedirect, type RedirectPlace } from "../redirects.js";
import type { OAuthClient, OAuthReply, Site } from "../types.js";
import { type Html, html } from "./html.js";
import { pageReply } from "./page.js";

export interface ConsentPage {
  readonly site: Site;
  readonly client: OAuthClient;
  readonly redirectUri: string;
  readonly choices: Choices;
  /** The authorization request, carried until the form is sent. */
  readonly request: string;
  readonly token: string;
  readonly setCookie: string;
  /** Why the page is shown again. */
  readonly problem?: ConsentProblem;
}

export interface ConsentProblem {
  readonly status: number;
  readonly text: string;
  /** The field to correct. */
  readonly about?: "workspaces" | "password";
  readonly retryAfterS?: number;
}

/**
 * Asks the owner. Anybody can open this page, so of the workspaces it shows the ids, which have to be chosen from, and
 * never where they are.
 */
export function consentPage(page: ConsentPage): OAuthReply {
  const { site, request, token, setCookie, problem } = page;
  const wrong = problem?.about === "password";
  return pageReply({
    status: problem?.status ?? 200,
    title: problem === undefined ? "Allow this app?" : "Please check: allow this app?",
    headers: {
      "Set-Cookie": setCookie,
      ...(problem?.retryAfterS !== undefined && { "Retry-After": String(problem.retryAfterS) }),
    },
    body: html`<h1>Allow this app to use your files?</h1>
${problem && html`<p class="alert" role="alert" id="problem">${problem.text}</p>`}
${whoAsks(page)}
<form method="post" action="?">
<input type="hidden" name="request" value="${request}">
<input type="hidden" name="token" value="${token}">
${workspaceField(page)}
${profileField(page)}
<label class="field" for="password">Owner password</label>
<input type="password" id="password" name="password" required maxlength="1024" autocomplete="current-password"
 aria-describedby="${wrong && "problem "}password-hint"${wrong && html` aria-invalid="true" autofocus`}>
<div class="soft" id="password-hint">Forgotten? On the computer that runs this server: <code>ctmcpctl rotate-secret password</code></div>
<div class="buttons">
<button class="main" name="decision" value="allow">Allow</button>
<button name="decision" value="deny" formnovalidate>Deny</button>
</div>
</form>
<p class="soft">This server is ${site.origin}. You can take access back at any time with <code>ctmcpctl clients</code>.</p>`,
  });
}

function whoAsks({ client, redirectUri }: ConsentPage): Html {
  const place = describeRedirect(redirectUri);
  const { name, note, advice } = wordsFor(place);
  const tag = client.kind === "configured" ? "set up by you" : client.name && "unverified name";
  return html`<dl>
<div><dt>App</dt><dd><bdi>${client.name ?? "One that gives no name"}</bdi>
${tag !== undefined && html`<span class="tag">${tag}</span>`}</dd></div>
${client.kind === "document" && html`<div><dt>Published by</dt><dd>${new URL(client.id).host}</dd></div>`}
<div><dt>Access goes to</dt><dd><strong class="place">${name}</strong>${note}<div class="soft">${redirectUri}</div></dd></div>
</dl>
<p class="note">${advice}</p>`;
}

/** What an address means, for people. */
function wordsFor({ kind, host, vendor }: RedirectPlace): {
  readonly name: string;
  readonly note: string;
  readonly advice: string;
} {
  switch (kind) {
    case "web":
      return {
        name: host,
        note: vendor === undefined ? "A website this server does not know" : `The address of ${vendor}`,
        advice: `Any app can call itself anything. Allow it only if you have just started this yourself and you trust ${host}.`,
      };
    case "device":
      return {
        name: "This device",
        note: `A program on the device you are using now (${host})`,
        advice:
          "Any app can call itself anything. Allow it only if you have just started this in a program on this device.",
      };
    case "app":
      return {
        name: "An app on this device",
        note: `Whichever app here opens links that start with ${host}:`,
        advice: "Any app can call itself anything. Allow it only if you have just started this in that app.",
      };
  }
}

function workspaceField({ site, choices, problem }: ConsentPage): Html {
  const chosen = choices.workspaces;
  return html`<fieldset${problem?.about === "workspaces" && html` aria-describedby="problem"`}>
<legend>Which folders?</legend>
${site.workspaces.map(({ id, profile }) =>
  choice({
    type: "checkbox",
    name: "workspace",
    value: id,
    // Behind "all folders" these do not count, and are as good as ticked.
    checked: chosen?.includes(id) ?? true,
    label: html`${id}${profile === "read-only" && html` <span class="tag">read only</span>`}`,
  }),
)}
${choice({
  type: "checkbox",
  name: "later",
  value: "yes",
  checked: chosen === null,
  label: html`All folders<span class="soft">also ones you add to this server later</span>`,
})}
</fieldset>`;
}

/** `full` is offered when some workspace allows it: without a script the page cannot follow what is ticked. */
function profileField({ site, choices }: ConsentPage): Html {
  const full = site.workspaces.filter(({ profile }) => profile === "full").length;
  const limited = full < site.workspaces.length;
  const option = { type: "radio", name: "profile" } as const;
  return html`<fieldset>
<legend>What may it do?</legend>
${choice({
  ...option,
  value: "read-only",
  checked: choices.profile === "read-only",
  label: html`Read and search files`,
})}
${
  full > 0 &&
  choice({
    ...option,
    value: "full",
    checked: choices.profile === "full",
    label: html`Also change files and run commands in the sandbox${
      limited && html`<span class="soft">not in folders marked read only</span>`
    }`,
  })
}
</fieldset>`;
}

function choice({
  type,
  name,
  value,
  checked,
  label,
}: {
  readonly type: "checkbox" | "radio";
  readonly name: string;
  readonly value: string;
  readonly checked: boolean;
  readonly label: Html;
}): Html {
  return html`<label class="choice"><input type="${type}" name="${name}" value="${value}"${
    checked && html` checked`
  }><span>${label}</span></label>`;
}
