import { test } from "uvu";
import * as assert from "uvu/assert";
import { printableJson } from "./json.js";

/** What drives a terminal (CSI, OSC, DEL among them) or turns a line around. */
const drives = /[^\P{Cc}\n]|\p{Bidi_Control}/u;

test("what drives a terminal is spelled out, and is the same value again", () => {
  const every = Array.from({ length: 0x2100 }, (_, code) => String.fromCharCode(code)).join("");
  const value = { "\u009b31m": [every, "\u{1f600} ü\u2028", 1, null], nested: { a: "\u202e" } };
  assert.match(JSON.stringify(value), drives, "control: it is there without");
  for (const indent of [undefined, 2]) {
    const text = printableJson(value, indent);
    assert.not.match(text, drives);
    assert.equal(JSON.parse(text), value);
  }
  assert.is(printableJson({ a: "\u009b\u202e\u{1f600}" }), '{"a":"\\u009b\\u202e\u{1f600}"}');
});

test("everything else is as JSON.stringify has it", () => {
  const value = { a: [1, "two\n"], b: { c: null } };
  assert.is(printableJson(value), JSON.stringify(value));
  assert.is(printableJson(value, 2), JSON.stringify(value, null, 2));
});

test.run();
