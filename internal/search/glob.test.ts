import { test } from "uvu";
import * as assert from "uvu/assert";
import { compileGlob } from "./glob.js";

function matches(pattern: string, path: string, steps = 10_000): boolean | undefined {
  return compileGlob(pattern)?.(path.split("/"), { steps });
}

// What git's own matcher answers is compared in ignore.test.ts, on random patterns.
const cases: readonly [pattern: string, path: string, expected: boolean | undefined][] = [
  ["a/**/b", "a/b", true],
  ["a/**/b", "a/x/y/b", true],
  ["a/**/**/b", "a/x/b", true],
  ["a/**", "a", false],
  ["a/**", "a/b/c", true],
  ["**/a", "x/a", true],
  ["**", "x/y", true],
  ["*", "x/y", false],
  ["**/a/b", "a/a/b", true],
  ["*ab*b", "aabbab", true],
  ["*.ts", ".ts", true],
  ["a//b", "a/b", false],
  ["a\\/b", "a/b", true],
  ["[a/]b", "ab", true],
  ["[[:digit:]]x", "7x", true],
  ["[^[:space:]]", " ", false],
  ["[]-]", "-", true],
  ["[z-a]", "m", false],
  ["[\\]]", "]", true],
  ["[a-\\c]", "b", true],
  ["[[:nonsense:]]", "a", undefined],
  ["[a", "a", undefined],
  ["a\\", "a\\", undefined],
];

test("matches as gitignore(5) says", () => {
  for (const [pattern, path, expected] of cases) {
    assert.is(matches(pattern, path), expected, `${pattern} on ${path}`);
  }
});

test("stops matching when its work is used up", () => {
  for (const [pattern, path] of [
    ["*a*a?c", `${"a".repeat(100)}bc`],
    ["**/a/**/c", `${"a/".repeat(50)}c`],
  ] as const) {
    assert.is(matches(pattern, path), true);
    assert.is(matches(pattern, path, 20), false);
  }
});

test.run();
