import { chmodSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Diff, type DiffRequest, readDiff } from "./diff.js";
import { directGit, makeFolder, makeRepository, placeIn, type TestRepository } from "./git.test.util.js";

let base: string;
let repository: TestRepository;
test.before.each(() => {
  base = makeFolder();
  repository = makeRepository(join(base, "app"));
});
test.after.each(() => rmSync(base, { recursive: true, force: true }));

const git = directGit();

function diff(request: Partial<DiffRequest> = {}, root = repository.path, top = ""): Promise<Diff> {
  const defaults = { paths: [], unstaged: true, staged: false, contextLines: 3, maxBytes: 262_144 };
  return readDiff(git, placeIn(root, top), { ...defaults, ...request });
}

test("work tree and index, one or both, staged last", async () => {
  repository.commit({ "a.txt": "1\n", "b.txt": "1\n" });
  repository.write("a.txt", "2\n");
  repository.git("add", "a.txt");
  repository.write("a.txt", "3\n");
  const plain = (...args: string[]): string => repository.git("diff", ...args);
  assert.is((await diff()).patch.text, plain());
  assert.is((await diff({ unstaged: false, staged: true })).patch.text, plain("--cached"));
  const both = await diff({ staged: true });
  assert.is(both.patch.text, plain() + plain("--cached"));
  assert.equal(
    both.files.map(({ path, staged }) => [path, staged]),
    [
      ["a.txt", false],
      ["a.txt", true],
    ],
  );
  assert.is((await diff({ unstaged: false })).patch.text, "");
});

test("files with their status, counts and real names", async () => {
  repository.commit({
    "é\n.txt": "1\n",
    gone: "all of\nthis\n",
    "old name": "a\nb\nc\nd\n",
    binary: "x\0y",
    script: "1\n",
    kind: "1\n",
  });
  repository.write("é\n.txt", "1\n2\n");
  repository.write("binary", "x\0z");
  rmSync(join(repository.path, "gone"));
  rmSync(join(repository.path, "kind"));
  symlinkSync("script", join(repository.path, "kind"));
  chmodSync(join(repository.path, "script"), 0o755);
  repository.git("mv", "old name", "new name");
  repository.write("new name", "a\nb\nc\nD\n");
  repository.write("added", "1\n");
  repository.git("add", "--all");
  const { files, patch } = await diff({ unstaged: false, staged: true });
  const found = files.map((file) => [
    file.status,
    file.oldPath,
    file.path,
    file.binary,
    file.additions,
    file.deletions,
  ]);
  assert.equal(found.sort(), [
    ["added", undefined, "added", false, 1, 0],
    ["deleted", undefined, "gone", false, 0, 2],
    ["modified", undefined, "binary", true, 0, 0],
    ["modified", undefined, "script", false, 0, 0],
    ["modified", undefined, "é\n.txt", false, 1, 0],
    ["renamed", "old name", "new name", false, 1, 1],
    ["type_changed", undefined, "kind", false, 1, 1],
  ]);
  assert.match(patch.text, "Binary files a/binary and b/binary differ");
});

test("a conflict is shown against our side", async () => {
  repository.commit({ "a.txt": "base\n" });
  repository.git("checkout", "--quiet", "-b", "topic");
  repository.commit({ "a.txt": "topic\n" });
  repository.git("checkout", "--quiet", "main");
  repository.commit({ "a.txt": "main\n" });
  assert.throws(() => repository.git("merge", "topic"));
  const { files, patch } = await diff();
  assert.equal(
    files.map(({ path, status, additions }) => [path, status, additions]),
    [["a.txt", "unmerged", 4]],
  );
  assert.match(patch.text, /^\+<{7} HEAD\n main\n\+={7}\n\+topic\n/m);
});

test("the patch of a repository below the workspace applies in the workspace", async () => {
  repository.commit({ "dir/a.txt": "1\n" });
  repository.write("dir/a.txt", "2\n");
  const { files, patch } = await diff({}, base, "app");
  assert.equal(
    files.map(({ path }) => path),
    ["app/dir/a.txt"],
  );
  assert.match(patch.text, /^--- a\/app\/dir\/a\.txt\n\+\+\+ b\/app\/dir\/a\.txt$/m);
});

test("what a limit cut can be asked for", async () => {
  const names = ["a", "b", "c", "d"];
  repository.commit(Object.fromEntries(names.map((name) => [name, ""])));
  for (const name of names) repository.write(name, `${name}\n`.repeat(200));
  const whole = await diff();
  assert.equal([whole.patch.cutBy, whole.left, whole.files.length], [undefined, [], 4]);
  const cut = await diff({ maxBytes: Math.floor(whole.patch.bytes * 0.6) });
  assert.equal(
    [cut.patch.cutBy, cut.files.length, cut.left.map(({ path }) => path)],
    ["bytes", 4, ["c", "d"]],
  );
  assert.ok(whole.patch.text.startsWith(cut.patch.text) && cut.patch.text.endsWith("\n"));
  const rest = await diff({ paths: cut.left.map(({ path }) => path) });
  assert.ok(whole.patch.text.endsWith(rest.patch.text));
  repository.write("a", "x\n".repeat(3000));
  const long = await diff();
  assert.equal([long.patch.cutBy, long.patch.lines, long.left.length], ["lines", 2000, 4]);
});

test("files of another kind and conflicts do not shift what is left", async () => {
  repository.commit({ a: "1\n", b: "1\n", c: "1\n" });
  rmSync(join(repository.path, "a"));
  symlinkSync("b", join(repository.path, "a"));
  repository.write("b", "2\n");
  repository.write("c", "2\n".repeat(100));
  const { left } = await diff({ maxBytes: 700 });
  assert.equal(
    left.map(({ path }) => path),
    ["c"],
  );
});

test("a list of files that is itself too long is cut without a patch", async () => {
  const long = Array.from({ length: 4 }, () => "d".repeat(240)).join("/");
  const names = Array.from({ length: 1300 }, (_, at) => `${long}/${at}`);
  repository.commit(Object.fromEntries(names.map((name) => [name, ""])));
  for (const name of names) repository.write(name, "1\n");
  const { files, patch, left } = await diff({ maxBytes: 1 });
  assert.equal([patch.text, patch.cutBy, left.length], ["", "bytes", files.length]);
  assert.ok(files.length > 500 && files.length < names.length);
  assert.ok(files.every(({ path }) => names.includes(path)));
});

test("configuration does not change the patch", async () => {
  repository.commit({ "a.txt": "1\n\n2\n", "b.txt": "1\n", "é.txt": "1\n" });
  repository.write("a.txt", "1\n\n3\n");
  repository.write("b.txt", "2\n");
  repository.write("é.txt", "2\n");
  const before = await diff();
  assert.match(before.patch.text, "a/é.txt");
  const settings = [
    "diff.noprefix=true",
    "diff.mnemonicPrefix=true",
    "diff.context=0",
    "diff.suppressBlankEmpty=true",
    "diff.orderFile=order",
    "diff.submodule=log",
    "diff.relative=true",
    "color.ui=always",
    "core.quotePath=true",
  ];
  for (const setting of settings) repository.git("config", ...setting.split("="));
  repository.write("order", "b.txt\na.txt\n");
  assert.equal(await diff(), before);
});

test.run();
