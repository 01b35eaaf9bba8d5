import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Fault } from "../errs/errs.js";
import { compilePattern } from "./pattern.js";

function found(pattern: string, ...chunks: readonly (string | Buffer)[]): boolean {
  const matcher = compilePattern(pattern)();
  return (chunks.length === 0 ? [""] : chunks)
    .map((chunk) => matcher.feed(Buffer.from(chunk as string)))
    .includes("found");
}

function codeOf(pattern: string): string {
  try {
    compilePattern(pattern);
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
  return "none";
}

const text = fc
  .array(fc.constantFrom("a", "b", "A", "1", "_", " ", "-", "\n", "\r", "."), { maxLength: 14 })
  .map((chars) => chars.join(""));

const leaves = [
  "a",
  "b",
  "B",
  "1",
  ".",
  "\\d",
  "\\W",
  "\\s",
  "[ab]",
  "[^a]",
  "[a-c1]",
  "[^\\w-]",
  "\\.",
  "\\x61",
  " ",
];
const edges = ["^", "$", "\\b", "\\B"];

function patterns(atoms: readonly string[]): fc.Arbitrary<string> {
  return fc.letrec<{ any: string }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 4, depthSize: "small" },
      fc.constantFrom(...atoms),
      fc.tuple(tie("any"), tie("any")).map(([left, right]) => left + right),
      fc.tuple(tie("any"), tie("any")).map(([left, right]) => `(${left}|${right})`),
      fc
        .tuple(tie("any"), fc.constantFrom("*", "+", "?", "{2}", "{0,2}", "{1,}", "*?", "+?"))
        .map(([item, times]) => `(?:${item})${times}`),
    ),
  })).any;
}

test("it finds what JavaScript's own engine finds", () => {
  fc.assert(
    fc.property(patterns([...leaves, ...edges]), text, fc.boolean(), (pattern, output, anyCase) => {
      const expected = new RegExp(pattern, anyCase ? "mi" : "m").test(output);
      assert.is(found(anyCase ? `(?i)${pattern}` : pattern, output), expected, `${pattern} in ${output}`);
    }),
    { numRuns: 5000 },
  );
});

test("how the output is cut into chunks makes no difference", () => {
  fc.assert(
    fc.property(patterns(leaves), text, fc.nat({ max: 14 }), (pattern, output, cut) => {
      const expected = new RegExp(pattern, "m").test(output);
      assert.is(found(pattern, output.slice(0, cut), output.slice(cut)), expected);
      assert.is(found(pattern, ...output), expected);
    }),
    { numRuns: 3000 },
  );
});

test("a prompt without a line end is the end of a line so far", () => {
  assert.ok(found("[$#] $", "user@host:~$ "));
  assert.not(found("^\\$ $", "$ x\n"));
});

test("characters beyond ASCII match as wholes, also across chunks", () => {
  assert.ok(found("✔ done|é+!", "x✔ done"));
  assert.ok(found("✔", Buffer.from("✔").subarray(0, 1), Buffer.from("✔").subarray(1)));
  assert.not(found("✔", "✖"));
  assert.is(codeOf("[é]"), "INVALID_ARGUMENT");
});

test("braces that count nothing are literal", () => {
  assert.ok(found('\\{"ready":true}', 'log {"ready":true}'));
  assert.ok(found("a{,2}", "a{,2}"));
});

test("what cannot be matched in linear time, and broken syntax, are refused", () => {
  const broken = [
    "(?=a)",
    "(?<!a)b",
    "(a)\\1",
    "\\p{L}",
    "a**",
    "*a",
    "(a",
    "a)",
    "[a",
    "[z-a]",
    "a{3,1}",
    "a\\",
    "(?i:a)",
  ];
  assert.equal(
    broken.filter((pattern) => codeOf(pattern) !== "INVALID_ARGUMENT"),
    [],
  );
  assert.is(codeOf("a{2000}"), "INVALID_ARGUMENT");
  assert.is(codeOf("x".repeat(1001)), "INVALID_ARGUMENT");
});

// JavaScript's engine does not come back from compiling the first of these, nor from running the second.
test("patterns made to take for ever are refused or answered", () => {
  assert.is(codeOf("(((((a{1,99}){1,99}){1,99}){1,99}){1,99}){1,99}b"), "INVALID_ARGUMENT");
  assert.is(codeOf("(((((){1,999}){1,999}){1,999}){1,999}){1,999}"), "INVALID_ARGUMENT");
  assert.not(found("(a+)+$x|(a|a)*b", `${"a".repeat(100_000)}c`));
});

test("a pattern that needs ever new states gives up instead of going on", () => {
  let seed = 1;
  const noise = new Uint8Array(1 << 20).map(() => {
    seed = (seed * 48_271) % 0x7fffffff;
    return 97 + (seed & 1);
  });
  const matcher = compilePattern("a[ab]{400}c")();
  assert.is(matcher.feed(noise), "exhausted");
  assert.is(matcher.feed(Buffer.from("c")), "exhausted");
  assert.is(compilePattern("a[ab]{4}c")().feed(noise), "searching");
});

test.run();
