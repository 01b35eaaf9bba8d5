import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../clock/clock.js";
import { Fault } from "../errs/errs.js";
import { openRoot } from "../workspace/root.js";
import { createIgnoreChecker } from "./ignore.js";
import { createRipgrep, findRipgrep } from "./ripgrep.js";
import { type SearchMatch, type SearchOutcome, type SearchRequest, searchText } from "./search.js";

const dir = realpathSync(mkdtempSync(join(tmpdir(), "search-")));
const root = openRoot(dir);
test.after(() => {
  root.close();
  rmSync(dir, { recursive: true, force: true });
});

function write(files: Readonly<Record<string, string | Buffer>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), content);
  }
}

const deps = {
  ripgrep: createRipgrep({ program: findRipgrep({ searchPath: undefined }), clock: systemClock }),
  ignore: createIgnoreChecker(root, { globalFile: undefined }),
};
const defaults: SearchRequest = {
  query: "needle",
  path: ".",
  regex: false,
  caseSensitive: false,
  include: [],
  exclude: [],
  includeHidden: false,
  includeIgnored: false,
  contextLines: 0,
  maxResults: 1000,
  maxPreviewBytes: 512,
};
const never = new AbortController().signal;

function search(request: Partial<SearchRequest>): Promise<SearchOutcome> {
  return searchText(root, deps, { ...defaults, ...request }, never);
}

/** `path:line:column` of each match. */
async function places(request: Partial<SearchRequest>): Promise<string[]> {
  const { matches } = await search(request);
  return matches.map(({ path, line, column }) => `${path}:${line}:${column}`);
}

function only(outcome: SearchOutcome): SearchMatch {
  assert.is(outcome.matches.length, 1);
  return outcome.matches[0] as SearchMatch;
}

test("finds a text as it is, by path and line", async () => {
  write({
    "one/b.txt": "x\nsay a.b\n",
    "one/a.txt": "a.b A.B\naxb\nA.b",
    "one/.hidden": "a.b",
    "one/dist/a": "a.b",
  });
  assert.equal(await places({ path: "one", query: "a.b" }), [
    "one/a.txt:1:1",
    "one/a.txt:3:1",
    "one/b.txt:2:5",
  ]);
  assert.equal(await places({ path: "one", query: "a.b", caseSensitive: true }), [
    "one/a.txt:1:1",
    "one/b.txt:2:5",
  ]);
  assert.equal(await places({ path: "one", query: "a.B", regex: true, caseSensitive: true }), []);
  assert.equal(await places({ path: "one", query: "^a.b$", regex: true }), [
    "one/a.txt:2:1",
    "one/a.txt:3:1",
  ]);
  assert.equal(await search({ path: "one", query: "absent" }), {
    matches: [],
    truncated: false,
    warnings: [],
  });
});

test("a query is never an option", async () => {
  write({ "option/a": "--version\n-e\n" });
  assert.equal(await places({ path: "option", query: "--version" }), ["option/a:1:1"]);
  assert.equal(await places({ path: "option", query: "-e" }), ["option/a:2:1"]);
  write({ "--files/a": "needle\n" });
  assert.equal(await places({ path: "--files" }), ["--files/a:1:1"]);
});

test("globs choose the files", async () => {
  write({
    "globs/a.ts": "needle",
    "globs/sub/b.ts": "needle",
    "globs/c.js": "needle",
    "globs/.d.ts": "needle",
  });
  assert.equal(await places({ include: ["globs/**/*.ts"] }), ["globs/a.ts:1:1", "globs/sub/b.ts:1:1"]);
  assert.equal(await places({ path: "globs", include: ["*.ts"], exclude: ["sub/"] }), ["globs/a.ts:1:1"]);
});

test("one file can be searched, hidden or reached by a link", async () => {
  write({ "file/.env": "needle", "file/[x].txt": "needle", "file/-v": "needle" });
  symlinkSync("file", join(dir, "way"));
  for (const name of [".env", "[x].txt", "-v"]) {
    assert.equal(await places({ path: `way/${name}` }), [`file/${name}:1:1`]);
  }
});

test("shows the lines around a match, and a line only as often as it is near one", async () => {
  write({ "context/a": "1\n2\nneedle 3\n4\nneedle 5\n6\n7\n8\nneedle 9\n" });
  const { matches } = await search({ path: "context", contextLines: 2 });
  assert.equal(
    matches.map(({ line, before, after }) => [line, before, after]),
    [
      [3, ["1", "2"], ["4", "needle 5"]],
      [5, ["needle 3", "4"], ["6", "7"]],
      [9, ["7", "8"], []],
    ],
  );
});

test("a cut answer has the lines around its last match", async () => {
  write({ "cut/a": "1\nneedle 2\n3\nneedle 4\n5\n6\nneedle 7\n" });
  const near = await search({ path: "cut", contextLines: 3, maxResults: 1 });
  assert.equal(only(near).after, ["3", "needle 4", "5"]);
  assert.is(near.truncated, true);
  const far = await search({ path: "cut", contextLines: 1, maxResults: 2 });
  assert.equal(
    far.matches.map(({ after }) => after),
    [["3"], ["5"]],
  );
  assert.is((await search({ path: "cut", maxResults: 3 })).truncated, false);
  assert.is((await search({ path: "cut", maxResults: 2 })).truncated, true);
});

test("stops early where there is far more than asked for", async () => {
  const line = "needle in a line of its own\n";
  for (let at = 0; at < 40; at++) write({ [`many/${at}`]: line.repeat(20_000) });
  const outcome = await search({ path: "many", maxResults: 5 });
  assert.is(outcome.matches.length, 5);
  assert.is(outcome.truncated, true);
  rmSync(join(dir, "many"), { recursive: true });
});

test("files of other encodings", async () => {
  const text = "first\r\nein Käse, needle €\r\nlast 𝒳 needle";
  const utf16 = Buffer.from(`\ufeff${text}`, "utf16le");
  write({
    "encodings/bom.txt": `\ufeff${text}`,
    "encodings/latin1.txt": Buffer.from("K\xe4se\nein K\xe4se, needle\n", "latin1"),
    "encodings/le.txt": utf16,
    "encodings/be.txt": Buffer.from(utf16).swap16(),
    "encodings/binary": Buffer.from("\0\0needle\n"),
  });
  const { matches } = await search({ path: "encodings", contextLines: 1 });
  const found = (name: string): (string | number)[][] =>
    matches
      .filter(({ path }) => path === `encodings/${name}`)
      .map(({ line, column, preview, before }) => [line, column, preview, before.join()]);
  const expected = [
    [2, 11, "ein Käse, needle €", "first"],
    [3, 8, "last 𝒳 needle", "ein Käse, needle €"],
  ];
  for (const name of ["bom.txt", "le.txt", "be.txt"]) assert.equal(found(name), expected, name);
  assert.equal(found("latin1.txt"), [[2, 11, "ein Käse, needle", "Käse"]]);
  assert.equal(found("binary"), []);
});

test("a file larger than is read at once is confirmed line by line", async () => {
  write({ "large/a": `${"filler\n".repeat(60_000)}here is the needle\n${"filler\n".repeat(10)}` });
  const match = only(await search({ path: "large", contextLines: 1 }));
  assert.equal([match.line, match.column, match.preview], [60_001, 13, "here is the needle"]);
  assert.equal([match.before, match.after], [["filler"], ["filler"]]);
});

test("a long line is cut around its match", async () => {
  write({ "long/a": `${"x".repeat(300_000)}needle${"y".repeat(300_000)}\n` });
  const match = only(await search({ path: "long", maxPreviewBytes: 80 }));
  assert.is(match.column, 300_001);
  assert.is(match.previewTruncated, true);
  assert.is(match.preview, `${"x".repeat(20)}needle${"y".repeat(54)}`);
});

test("a line that holds the text a million times is one match like any other", async () => {
  write({ "flood/a": `${"x".repeat(1_500_000)}\nx\n` });
  assert.equal(await places({ path: "flood", query: "x" }), ["flood/a:1:1", "flood/a:2:1"]);
});

test("a preview knows where a match ends, also when that is longer than what was asked for", async () => {
  write({ "end/a": `${"x".repeat(200)}\u017fpot${"y".repeat(1_000)}\n` });
  const match = only(await search({ path: "end", query: "SPOT" }));
  assert.is(match.column, 201);
  assert.match(match.preview, /^x{200}\u017fpoty/);
});

test("property: every character of a text stands for itself", async () => {
  const text = fc.string({
    unit: fc.constantFrom(..."\\.+*?()|[]{}^$#&~-/ aA1é𝒳'\"\t"),
    minLength: 1,
    maxLength: 8,
  });
  await fc.assert(
    fc.asyncProperty(text, text, async (query, before) => {
      const line = `${before}${query}`;
      write({ "literal/a": `${line}\n` });
      const { column, preview } = only(await search({ path: "literal", query, caseSensitive: true }));
      assert.is(column, [...line.slice(0, line.indexOf(query))].length + 1);
      assert.is(preview, line);
    }),
    { numRuns: 60 },
  );
});

test("a regular expression that matches nothing in particular matches every line", async () => {
  write({ "empty/a": "a\n\nb" });
  assert.equal(await places({ path: "empty", query: "x*", regex: true }), [
    "empty/a:1:1",
    "empty/a:2:1",
    "empty/a:3:1",
  ]);
});

test("a file whose name is not UTF-8 is left out and said to be", async () => {
  mkdirSync(join(dir, "names"));
  writeFileSync(Buffer.concat([Buffer.from(`${dir}/names/`), Buffer.from([0xe9])]), "needle");
  const { matches, warnings } = await search({ path: "names" });
  assert.equal(matches, []);
  assert.is(warnings.length, 1);
});

async function codeOf(request: Partial<SearchRequest>, signal = never): Promise<string> {
  try {
    await searchText(root, deps, { ...defaults, ...request }, signal);
  } catch (error) {
    return error instanceof Fault ? error.code : `not a Fault: ${error}`;
  }
  return "";
}

test("refuses what it cannot search", async () => {
  write({ ".git/config": "needle" });
  assert.is(await codeOf({ query: "(", regex: true }), "INVALID_ARGUMENT");
  assert.is(await codeOf({ query: "a\nb" }), "INVALID_ARGUMENT");
  assert.is(await codeOf({ query: "a\nb", regex: true }), "INVALID_ARGUMENT");
  assert.is(await codeOf({ query: "a\0b" }), "INVALID_ARGUMENT");
  assert.is(await codeOf({ query: "x".repeat(40_000) }), "INVALID_ARGUMENT");
  assert.is(await codeOf({ include: ["{a"] }), "INVALID_ARGUMENT");
  assert.is(await codeOf({ path: ".git" }), "INVALID_ARGUMENT");
  assert.is(await codeOf({ path: ".git/config" }), "INVALID_ARGUMENT");
  assert.is(await codeOf({ path: "../x" }), "PATH_OUTSIDE_WORKSPACE");
  assert.is(await codeOf({ path: "nowhere" }), "NOT_FOUND");
  assert.is(await codeOf({}, AbortSignal.abort()), "CANCELLED");
});

test("a pattern that takes ages elsewhere costs little here", async () => {
  write({ "ages/a": `${"a".repeat(50_000)}\n` });
  assert.equal(await places({ path: "ages", query: "(a*)*(a*)*(a*)*b", regex: true }), []);
});

test.run();
