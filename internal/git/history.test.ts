import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Fault } from "../errs/errs.js";
import { type Blame, type BlameRequest, readBlame } from "./blame.js";
import { directGit, makeFolder, makeRepository, placeIn, type TestRepository } from "./git.test.util.js";
import { type Log, type LogRequest, readLog } from "./log.js";
import { readShow, type Show, type ShowRequest } from "./show.js";

let base: string;
let repository: TestRepository;
test.before.each(() => {
  base = makeFolder();
  repository = makeRepository(join(base, "app"));
});
test.after.each(() => rmSync(base, { recursive: true, force: true }));

const git = directGit();

function log(request: Partial<LogRequest> = {}): Promise<Log> {
  return readLog(git, placeIn(repository.path), {
    paths: [],
    ref: "HEAD",
    maxCount: 20,
    skip: 0,
    ...request,
  });
}

function show(request: Partial<ShowRequest> = {}): Promise<Show> {
  const defaults = { paths: [], rev: "HEAD", includeDiff: true, contextLines: 3, maxBytes: 262_144 };
  return readShow(git, placeIn(repository.path), { ...defaults, ...request });
}

function blame(request: Partial<BlameRequest> = {}): Promise<Blame> {
  const defaults = { path: "a.txt", rev: undefined, startLine: 1, endLine: undefined, maxLines: 200 };
  return readBlame(git, placeIn(repository.path), { ...defaults, ...request });
}

async function codeOf(run: Promise<unknown>): Promise<unknown> {
  return run.then(
    () => "no fault",
    (error: unknown) => (error instanceof Fault ? error.code : error),
  );
}

function hash(rev: string): string {
  return repository.git("rev-parse", rev).trim();
}

test("log: commits, newest first, a page at a time", async () => {
  assert.equal(await log(), { commits: [], truncated: false });
  repository.commit({ "a.txt": "1\n" }, "first, é\n\nbody");
  repository.commit({ "b.txt": "1\n" }, "second");
  repository.commit({ "a.txt": "2\n" }, "third");
  const { commits, truncated } = await log();
  assert.equal([commits.map(({ subject }) => subject), truncated], [["third", "second", "first, é"], false]);
  assert.equal(commits[0], {
    hash: hash("HEAD"),
    shortHash: hash("HEAD").slice(0, 7),
    authorName: "Ann",
    authorEmail: "ann@example.com",
    authorDate: "2026-01-02T03:04:05+02:00",
    subject: "third",
  });
  const page = await log({ maxCount: 1, skip: 1 });
  assert.equal([page.commits.map(({ subject }) => subject), page.truncated], [["second"], true]);
  const of = async (request: Partial<LogRequest>): Promise<string[]> =>
    (await log(request)).commits.map(({ subject }) => subject);
  assert.equal(await of({ paths: ["a.txt"] }), ["third", "first, é"]);
  assert.equal(await of({ ref: "HEAD~2..HEAD~1" }), ["second"]);
  assert.equal(await of({ paths: ["never"] }), []);
});

test("show: message, files and patch of a commit", async () => {
  repository.commit({ "a.txt": "1\n", "old é": "a\nb\nc\n" }, "first");
  repository.git("mv", "old é", "new é");
  repository.commit({ "a.txt": "2\n" }, "second: it works\n\nwith a body");
  const { content, files } = await show();
  assert.is(
    content.text,
    `commit ${hash("HEAD")}
Author: Ann <ann@example.com>
Date:   2026-01-02T03:04:05+02:00

    second: it works

    with a body

${repository.git("-c", "core.quotePath=false", "show", "--format=", "HEAD")}`,
  );
  assert.equal(
    files.map(({ status, path, oldPath }) => [status, path, oldPath]),
    [
      ["modified", "a.txt", undefined],
      ["renamed", "new é", "old é"],
    ],
  );
  const names = await show({ includeDiff: false });
  assert.equal(names.files, files);
  assert.ok(content.text.startsWith(names.content.text) && !names.content.text.includes("diff --git"));
  const one = await show({ paths: ["a.txt"] });
  assert.equal(
    one.files.map(({ path }) => path),
    ["a.txt"],
  );
  assert.match((await show({ rev: "HEAD~1" })).content.text, "new file mode");
});

test("show: empty commits, merges, tags, files and directories", async () => {
  repository.commit({ "dir/a.txt": "one\n" }, "first");
  repository.commit({}, "nothing in it: really");
  const empty = await show();
  assert.equal([empty.files, empty.content.cutBy], [[], undefined]);
  assert.match(empty.content.text, /nothing in it: really\n+$/);
  repository.git("checkout", "--quiet", "-b", "topic");
  repository.commit({ topic: "1\n" }, "topic");
  repository.git("checkout", "--quiet", "main");
  repository.commit({ main: "1\n" }, "main");
  repository.git("merge", "--quiet", "--no-edit", "topic");
  assert.equal(
    (await show()).files.map(({ path }) => path),
    ["topic"],
  );
  repository.git("tag", "--annotate", "--message", "the tag", "v1");
  const tag = await show({ rev: "v1" });
  assert.match(tag.content.text, /^tag v1\n[\s\S]*the tag\n[\s\S]*commit [0-9a-f]{40}\n/);
  assert.equal(
    tag.files.map(({ path }) => path),
    ["topic"],
  );
  assert.is((await show({ rev: "HEAD:dir/a.txt" })).content.text, "one\n");
  assert.is((await show({ rev: "HEAD:dir" })).content.text, "tree HEAD:dir\n\na.txt\n");
  repository.commit({ binary: "x\0y" });
  assert.is(await codeOf(show({ rev: "HEAD:binary" })), "BINARY_FILE");
});

test("show: a limit cuts whole lines", async () => {
  repository.commit({ a: "a\n".repeat(500), b: "b\n".repeat(500) });
  const cut = await show({ maxBytes: 1000 });
  assert.equal([cut.content.cutBy, cut.left.length, cut.files.length], ["bytes", 2, 2]);
  assert.ok(cut.content.bytes <= 1000 && cut.content.text.endsWith("\n"));
  repository.commit({ text: "é".repeat(1000) });
  const word = await show({ rev: "HEAD:text", maxBytes: 101 });
  assert.equal([word.content.text, word.content.cutBy], ["é".repeat(50), "bytes"]);
});

test("blame: who changed each line, committed or not", async () => {
  repository.commit({ "a.txt": "one\ntwo\n" }, "first");
  const first = hash("HEAD");
  repository.commit({ "a.txt": "zero\none\ntwo\n" }, "second");
  repository.write("a.txt", "zero\none\nTWO\n");
  const { lines } = await blame();
  const zeros = "0".repeat(40);
  assert.equal(
    lines.map(({ line, originalLine, commit, summary, content }) => [
      line,
      originalLine,
      commit,
      summary,
      content,
    ]),
    [
      [1, 1, hash("HEAD"), "second", "zero"],
      [2, 1, first, "first", "one"],
      [3, 3, zeros, "Version of a.txt from a.txt", "TWO"],
    ],
  );
  const [line] = lines;
  assert.equal([line?.author, line?.authorMail, line?.authorTime], ["Ann", "ann@example.com", 1_767_315_845]);
  const old = await blame({ rev: first });
  assert.equal(
    old.lines.map(({ content }) => content),
    ["one", "two"],
  );
});

test("blame: ranges, limits and odd content", async () => {
  const text = Array.from({ length: 10 }, (_, at) => `line ${at + 1}\n`).join("");
  repository.commit({
    "a.txt": text,
    empty: "",
    binary: "x\0y\n",
    long: `${"x".repeat(2000)}\n`,
    odd: "\tauthor x\r\n\n",
  });
  const numbers = async (request: Partial<BlameRequest>): Promise<unknown> => {
    const { lines, truncated } = await blame(request);
    return [lines.map((line) => line.line), truncated];
  };
  assert.equal(await numbers({ startLine: 3, endLine: 5 }), [[3, 4, 5], false]);
  assert.equal(await numbers({ startLine: 9, endLine: 99 }), [[9, 10], false]);
  assert.equal(await numbers({ startLine: 3, maxLines: 2 }), [[3, 4], true]);
  assert.equal(await numbers({ startLine: 9, maxLines: 2 }), [[9, 10], false]);
  assert.equal(await numbers({ startLine: 3, endLine: 4, maxLines: 2 }), [[3, 4], false]);
  assert.equal(await numbers({ path: "empty" }), [[], false]);
  const [long] = (await blame({ path: "long" })).lines;
  assert.equal([long?.content.length, long?.contentCut], [1000, true]);
  assert.equal(
    (await blame({ path: "odd" })).lines.map(({ content }) => content),
    ["\tauthor x\r", ""],
  );
  assert.is(await codeOf(blame({ startLine: 11 })), "INVALID_ARGUMENT");
  assert.is(await codeOf(blame({ path: "binary" })), "BINARY_FILE");
});

test("what is not there is not found, and a revision is never an option", async () => {
  repository.commit({ "a.txt": "1\n" });
  const calls = [
    log({ ref: "nope" }),
    show({ rev: "nope" }),
    show({ rev: "HEAD:nope" }),
    blame({ rev: "nope" }),
    blame({ path: "nope" }),
    blame({ path: "nope", rev: "HEAD" }),
  ];
  assert.equal(
    await Promise.all(calls.map(codeOf)),
    calls.map(() => "NOT_FOUND"),
  );
  const file = join(base, "written");
  const attack = `--output=${file}`;
  const refused = [
    log({ ref: attack }),
    show({ rev: attack }),
    blame({ rev: attack }),
    show({ rev: "a..b" }),
    log({ ref: "a\nb" }),
    log({ ref: "" }),
  ];
  assert.equal(
    await Promise.all(refused.map(codeOf)),
    refused.map(() => "INVALID_ARGUMENT"),
  );
  repository.git("log", attack);
  assert.is(repository.git("status", "--porcelain"), "", "the control wrote outside");
  assert.ok(rmSync(file) === undefined, "the option writes a file where it is one");
});

test("a damaged repository is not taken for an empty one", async () => {
  repository.commit({ "a.txt": "1\n" });
  const commit = hash("HEAD");
  rmSync(join(repository.path, ".git/objects", commit.slice(0, 2), commit.slice(2)));
  assert.not.equal(await codeOf(log()), "no fault");
});

test("paths are paths: no options, no magic, no patterns", async () => {
  repository.commit({ "a.txt": "1\n", "*": "1\n", ":(glob)*": "1\n", "--output=x": "1\n" });
  for (const name of ["*", ":(glob)*", "--output=x"]) repository.write(name, "2\n");
  repository.commit({});
  for (const path of ["*", ":(glob)*", "--output=x"]) {
    assert.equal(
      (await show({ paths: [path] })).files.map((file) => file.path),
      [path],
    );
    assert.is((await blame({ path })).lines.length, 1);
  }
});

test("configuration does not change the history that is shown", async () => {
  repository.commit({ "a.txt": "1\n" }, "é");
  repository.commit({ "a.txt": "2\n" }, "two");
  const before = [await log(), await show({ rev: "HEAD~1" }), await blame()];
  const settings = [
    "log.showRoot=false",
    "log.decorate=full",
    "log.follow=true",
    "log.diffMerges=off",
    "log.date=relative",
    "i18n.logOutputEncoding=latin1",
    "format.pretty=oneline",
    "blame.showEmail=true",
    "blame.blankBoundary=true",
    "core.abbrev=7",
  ];
  for (const setting of settings) repository.git("config", ...setting.split("="));
  assert.equal([await log(), await show({ rev: "HEAD~1" }), await blame()], before);
});

test.run();
