import { randomBytes } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createTestClock } from "../../../test/support/clock.js";
import { site } from "./authorize.test.util.js";
import { createFormSeal, isFromOwnPage } from "./csrf.js";

const local = { ...site, origin: "http://127.0.0.1:8765" };
const minute = 60_000;

function open() {
  const clock = createTestClock();
  const keys = { pageKey: Buffer.alloc(32, 1) };
  return { clock, keys, forms: createFormSeal({ keys, clock, random: randomBytes }) };
}

function cookieIn(setCookie: string): string {
  return setCookie.split(";")[0] ?? "";
}

test("a form fits the browser and the text it was made for, until it is half an hour old", () => {
  const { forms, clock, keys } = open();
  const { browser, setCookie } = forms.mark({}, site);
  const cookie = cookieIn(setCookie);
  const token = forms.seal(browser, "text");
  const fits = (headers: { cookie?: string }, text = "text", sent = token): boolean =>
    forms.fits(sent, text, headers, site);
  assert.ok(fits({ cookie }));
  assert.ok(fits({ cookie: `a=b; ${cookie}; c=d` }));
  assert.not(fits({}), "no cookie");
  assert.not(fits({ cookie: cookieIn(forms.mark({}, site).setCookie) }), "another browser's");
  assert.not(fits({ cookie: `x${cookie}` }));
  assert.not(fits({ cookie }, "other text"));
  assert.not(fits({ cookie }, "text", ""));
  assert.not(fits({ cookie }, "text", `9${token}`), "a later end");
  clock.advance(29 * minute);
  assert.ok(fits({ cookie }));
  clock.advance(minute);
  assert.not(fits({ cookie }), "too old");

  const later = forms.seal(browser, "text");
  assert.ok(fits({ cookie }, "text", later));
  keys.pageKey = Buffer.alloc(32, 2);
  assert.not(fits({ cookie }, "text", later), "another key");
});

test("a browser keeps its mark, unless it is none of ours", () => {
  const { forms } = open();
  const first = forms.mark({}, site);
  assert.is(forms.mark({ cookie: cookieIn(first.setCookie) }, site).browser, first.browser);
  assert.is.not(forms.mark({ cookie: "__Host-ctmcp=x" }, site).browser, "x");
});

test("the cookie is bound to the host by its name over https, and works over http on loopback", () => {
  const { forms } = open();
  assert.match(
    forms.mark({}, site).setCookie,
    /^__Host-ctmcp=[\w-]{22}; Max-Age=1800; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
  );
  const { browser, setCookie } = forms.mark({}, local);
  assert.match(setCookie, /^ctmcp=[\w-]{22}; Max-Age=1800; Path=\/; HttpOnly; SameSite=Lax$/);
  const token = forms.seal(browser, "text");
  assert.ok(forms.fits(token, "text", { cookie: cookieIn(setCookie) }, local));
  assert.not(forms.fits(token, "text", { cookie: cookieIn(setCookie) }, site), "no weaker name over https");
});

test("a form is ours when the browser names our origin, or nothing", () => {
  const ours = (headers: Record<string, string>): boolean => isFromOwnPage(headers, site);
  assert.ok(ours({}));
  assert.ok(ours({ origin: site.origin }));
  assert.ok(ours({ origin: site.origin, "sec-fetch-site": "same-origin" }));
  for (const origin of [
    "null",
    "https://evil.example",
    "http://mcp.example.com",
    `${site.origin}.evil.example`,
  ])
    assert.not(ours({ origin }), origin);
  for (const from of ["cross-site", "same-site", "none"]) assert.not(ours({ "sec-fetch-site": from }), from);
});

test.run();
