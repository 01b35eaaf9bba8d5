import { test } from "uvu";
import * as assert from "uvu/assert";
import { Fault } from "../errs/errs.js";
import { type Edited, editText } from "./edit.js";

function edit(text: string, oldText: string, newText: string, expectedCount = 1): Edited {
  return editText(Buffer.from(text), { path: "f", oldText, newText, expectedCount });
}

function faultOf(use: () => unknown): Fault {
  try {
    use();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const rows: [
  what: string,
  text: string,
  oldText: string,
  newText: string,
  expected: string,
  count?: number,
][] = [
  ["part of a line", "let a = 1;\n", "a = 1", "b = 2", "let b = 2;\n"],
  ["nothing in its place", "a\nb\nc\n", "b\n", "", "a\nc\n"],
  ["every place", "x y x\nx\n", "x", "z", "z y z\nz\n", 3],
  ["over lines", "a\nb\nc\n", "a\nb", "1\n2\n3", "1\n2\n3\nc\n"],
  ["LF stands for CRLF", "a\r\nb\r\nc\n", "a\nb\n", "1\n2\n", "1\r\n2\r\nc\n"],
  ["LF stands for what is there, line by line", "a\rb\r\nc\n", "a\nb\nc", "1\n2\n3", "1\r2\r\n3\n"],
  ["CRLF stands for LF", "a\nb\n", "a\r\nb", "1\r\n2", "1\n2\n"],
  ["as it is spelled, where that is there", "a\nb\r\na\r\nb\n", "a\r\nb", "1\n2", "a\nb\r\n1\n2\n"],
  ["the byte order mark stays", "\ufeffa\n", "a", "b", "\ufeffb\n"],
  ["signs of patterns and replacements", "a.*$&(\n", ".*$&(", "$1$&\\", "a$1$&\\\n"],
];

for (const [what, text, oldText, newText, expected, count = 1] of rows) {
  test(`replaces ${what}`, () => {
    const result = edit(text, oldText, newText, count);
    assert.is(result.bytes.toString(), expected);
    const loose = !text.includes(oldText);
    assert.is(result.matchedWith, loose ? "line_endings" : "exact");
    assert.is(result.lines.length, count);
  });
}

test("lines and counts are told", () => {
  const { lines, additions, removals } = edit("a\r\nx\rx\n\nx", "x", "1\n2", 3);
  assert.equal([lines, additions, removals], [[2, 3, 5], 6, 3]);
});

test("another count than expected is refused and tells the lines", () => {
  const more = faultOf(() => edit("x\nx\n", "x", "y"));
  assert.equal(
    [more.code, more.details.match_count, more.details.lines],
    ["PATCH_CONTEXT_AMBIGUOUS", 2, [1, 2]],
  );
  assert.is(faultOf(() => edit("x\nx\n", "x", "y", 3)).code, "PATCH_CONTEXT_AMBIGUOUS");
  assert.is(faultOf(() => edit("x\r\nx\r\nx", "x\nx", "y")).code, "PATCH_CONTEXT_AMBIGUOUS");
});

test("places that overlap are never guessed at", () => {
  for (const count of [1, 2])
    assert.is(faultOf(() => edit("aaa", "aa", "b", count)).code, "PATCH_CONTEXT_AMBIGUOUS");
});

test("a miss shows the nearest lines and the hash", () => {
  const fault = faultOf(() => edit("one\n  two three\nfour\n", "two  three\nfour", "x"));
  assert.is(fault.code, "PATCH_CONTEXT_NOT_FOUND");
  const { nearest, sha256, already_applied, next_action } = fault.details as { [name: string]: unknown };
  assert.equal(nearest, { start_line: 2, end_line: 3, text: "  two three\nfour" });
  assert.match(sha256 as string, /^[0-9a-f]{64}$/);
  assert.is(already_applied, false);
  assert.equal(next_action, { tool: "read_file", arguments: { path: "f", start_line: 2, end_line: 3 } });
  assert.is(faultOf(() => edit("a\n", "zzz", "x")).details.nearest, undefined);
});

test("an edit that is there already says so", () => {
  assert.is(
    faultOf(() => edit("let total = 2;\n", "let total = 1;", "let total = 2;")).details.already_applied,
    true,
  );
});

test("what makes no sense is refused", () => {
  assert.is(faultOf(() => edit("a", "", "b")).code, "INVALID_ARGUMENT");
  assert.is(faultOf(() => edit("a", "a", "\ud800")).code, "INVALID_ARGUMENT");
  assert.is(faultOf(() => edit("a", "a", "a")).code, "PATCH_FAILED");
  const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
  const wanted = { path: "f", oldText: "a", newText: "b", expectedCount: 1 };
  assert.is(faultOf(() => editText(bytes("a\0"), wanted)).code, "BINARY_FILE");
  assert.is(faultOf(() => editText(bytes("a\xe9"), wanted)).code, "UNSUPPORTED_ENCODING");
});

test.run();
