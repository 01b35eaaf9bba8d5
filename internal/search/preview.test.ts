import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Preview, previewOf } from "./preview.js";

function preview(text: string, match: string, maxBytes = 512): Preview {
  const bytes = Buffer.from(text);
  const start = bytes.indexOf(match);
  const end = start + Buffer.byteLength(match);
  return previewOf({ path: "", matched: true, number: 1, offset: 0, bytes, text, start, end }, maxBytes);
}

test("a short line is shown whole, without its end", () => {
  assert.equal(preview("\tlet x;\r\n", "x"), { text: "\tlet x;", cut: false, column: 6 });
  assert.equal(preview("x\n", "x"), { text: "x", cut: false, column: 1 });
});

test("columns count characters", () => {
  assert.is(preview("é𝒳x", "x").column, 3);
});

test("a byte that is not UTF-8 is one character", () => {
  const bytes = Buffer.from([0xe9, 0x78, 10]);
  const line = {
    path: "",
    matched: true,
    number: 1,
    offset: 0,
    bytes,
    text: bytes.toString("latin1"),
    start: 1,
    end: 2,
  };
  assert.equal(previewOf(line, 80), { text: "éx", cut: false, column: 2 });
});

test("a long line is cut so that the match is in sight", () => {
  const line = `${"a".repeat(5000)}needle${"b".repeat(5000)}`;
  const cut = preview(line, "needle", 80);
  assert.is(cut.column, 5001);
  assert.ok(cut.cut);
  assert.is(cut.text, `${"a".repeat(20)}needle${"b".repeat(54)}`);
  assert.is(preview(`needle${"b".repeat(5000)}`, "needle", 4096).text.length, 500);
});

test("cuts between characters, within the limits, and always shows the start of the match", () => {
  const part = fc.string({ unit: fc.constantFrom("a", "é", "€", "𝒳"), maxLength: 900 });
  fc.assert(
    fc.property(part, part, fc.integer({ min: 80, max: 4096 }), (before, after, maxBytes) => {
      const line = `${before}needle${after}`;
      const { text, cut, column } = preview(`${line}\n`, "needle", maxBytes);
      assert.ok(Buffer.byteLength(text) <= maxBytes);
      assert.ok([...text].length <= 500);
      assert.not.match(text, /\p{Surrogate}/u);
      assert.ok(line.includes(text));
      assert.ok(text.includes("needle"));
      assert.is(cut, text !== line);
      assert.is(column, [...before].length + 1);
    }),
  );
});

test.run();
