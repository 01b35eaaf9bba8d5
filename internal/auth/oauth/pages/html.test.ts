import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { clientWith, openBrowser, openDesk, requestOf } from "../authorize.test.util.js";
import type { OAuthReply } from "../types.js";
import { html } from "./html.js";

const hostile = [
  "<script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "' autofocus onfocus='alert(1)",
  "</title><svg onload=alert(1)>",
  "</style><script>alert(1)</script>",
  "<!--",
  "&lt;b&gt;",
  "$& $' $` \\u003cb\\u003e",
  "\u202egnp.exe\u2066",
];

/** The tags of a page, with the names of their attributes: what text must not change. */
function skeleton({ body }: OAuthReply): string {
  const tags = body.replace(/<style>[\s\S]*?<\/style>/, "").matchAll(/<(\/?[\w!-]+)((?:"[^"]*"|[^">])*)>/g);
  return [...tags].map(([, name, rest = ""]) => `${name}${rest.replace(/="[^"]*"/g, "")}`).join(" ");
}

test("text is escaped, markup is not, and nothing is nothing", () => {
  const part = html`<b>${"<"}</b>`;
  assert.is(
    html`<p title="${`"'&`}">${part}${[part, part]}${undefined}${false}</p>`.markup,
    '<p title="&quot;&#39;&amp;"><b>&lt;</b><b>&lt;</b><b>&lt;</b></p>',
  );
});

test("property: text within a template gives back itself and no markup", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const { markup } = html`${text}`;
      assert.not.match(markup, /[<>"']/);
      const back = markup
        .replaceAll("&lt;", "<")
        .replaceAll("&gt;", ">")
        .replaceAll("&quot;", '"')
        .replaceAll("&#39;", "'")
        .replaceAll("&amp;", "&");
      assert.is(back, text);
    }),
  );
});

for (const text of hostile) {
  test(`no page changes its shape for ${JSON.stringify(text)}`, async () => {
    const shapeOf = async (name: string): Promise<string[]> => {
      const browser = openBrowser(openDesk([clientWith({ name })]));
      const pages = [
        await browser.open(requestOf({ client_id: name })),
        await browser.open(requestOf({ redirect_uri: name })),
        await browser.open(requestOf({ response_type: name, state: name })),
        await browser.open(requestOf({ state: name })),
        await browser.send({ workspace: name, profile: name, password: name, decision: "allow" }),
        await browser.send({ decision: "deny" }),
      ];
      return pages.map(skeleton);
    };
    assert.equal(await shapeOf(text), await shapeOf("harmless"));
  });
}

test("the shape does change when text is not escaped", () => {
  const page = (body: string): OAuthReply => ({ status: 200, headers: {}, body });
  for (const text of hostile.slice(0, 2))
    assert.is.not(skeleton(page(`<p>${text}</p>`)), skeleton(page("<p></p>")));
  assert.is.not(skeleton(page(`<input value="${hostile[1]}">`)), skeleton(page('<input value="">')));
});

test.run();
