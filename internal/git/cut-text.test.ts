import { test } from "uvu";
import * as assert from "uvu/assert";
import { cutText } from "./cut-text.js";

function cut(text: string, maxBytes: number, isCut = false): unknown[] {
  const { text: shown, lines, bytes, cutBy } = cutText(Buffer.from(text), { maxBytes, cut: isCut });
  return [shown, lines, bytes, cutBy];
}

test("what fits stays whole", () => {
  assert.equal(cut("", 10), ["", 0, 0, undefined]);
  assert.equal(cut("a\nb\n", 4), ["a\nb\n", 2, 4, undefined]);
  assert.equal(cut("a\nb", 3), ["a\nb", 2, 3, undefined]);
});

test("only whole lines, and never half a character", () => {
  assert.equal(cut("a\nbc\n", 4), ["a\n", 1, 2, "bytes"]);
  assert.equal(cut("aé", 2), ["a", 1, 1, "bytes"]);
  assert.equal(cut("😀😀", 7), ["😀", 1, 4, "bytes"]);
  assert.equal(cut("é", 1), ["", 1, 0, "bytes"]);
});

test("the last line of a text that was cut before is not taken for whole", () => {
  assert.equal(cut("a\nb", 10, true), ["a\n", 1, 2, "bytes"]);
  assert.equal(cut("a\nb\n", 10, true), ["a\nb\n", 2, 4, "bytes"]);
  assert.equal(cut("", 10, true), ["", 0, 0, "bytes"]);
});

test("at most 2,000 lines", () => {
  const [, lines, bytes, cutBy] = cut("a\n".repeat(2001), 1 << 20);
  assert.equal([lines, bytes, cutBy], [2000, 4000, "lines"]);
  assert.equal(cut("a\n".repeat(2000), 1 << 20).slice(1), [2000, 4000, undefined]);
});

test.run();
