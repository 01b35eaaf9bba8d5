import { test } from "uvu";
import * as assert from "uvu/assert";
import { sourceOf } from "./source.js";
import type { Site } from "./types.js";

const site = { sourceHeader: "CF-Connecting-IP" } as Site;
const from = (value: string | string[]): string | undefined =>
  sourceOf({ headers: { "cf-connecting-ip": value } }, site);

test("an IPv4 address is itself, also in IPv6 clothes", () => {
  assert.is(from("203.0.113.7"), "203.0.113.7");
  assert.is(from("::FFFF:203.0.113.7"), "203.0.113.7");
});

test("of an IPv6 address the network counts", () => {
  for (const address of [
    "2001:db8:1:2::1",
    "2001:db8:1:2:ffff:ffff:ffff:ffff",
    "2001:0DB8:0001:0002:0:0:0:1",
    "2001:db8:1:2::192.0.2.1",
  ])
    assert.is(from(address), "2001:db8:1:2::/64", address);
  assert.is(from("2001:db8::1"), "2001:db8:0:0::/64");
  assert.is(from("2001:db8:1:3::1"), "2001:db8:1:3::/64");
  assert.is(from("fe80::1%eth0"), "fe80:0:0:0::/64");
});

test("only the tunnel's own word counts", () => {
  assert.is(from("198.51.100.1, 203.0.113.7"), "203.0.113.7");
  assert.is(from(["198.51.100.1", "203.0.113.7"]), "203.0.113.7");
  assert.is(
    sourceOf({ headers: { "cf-connecting-ip": "203.0.113.7" } }, { ...site, sourceHeader: undefined }),
    undefined,
  );
});

test("loopback and what is no address tell nobody apart", () => {
  for (const value of ["127.0.0.1", "::1", "::ffff:127.0.0.1", "unknown", "", "203.0.113.7:80"])
    assert.is(from(value), undefined, value);
});

test.run();
