import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { directGit, makeFolder, makeRepository, placeIn, type TestRepository } from "./git.test.util.js";
import { readStatus, type Status, type StatusRequest } from "./status.js";

let base: string;
let repository: TestRepository;
test.before.each(() => {
  base = makeFolder();
  repository = makeRepository(join(base, "app"));
});
test.after.each(() => rmSync(base, { recursive: true, force: true }));

const git = directGit();

function status(request: Partial<StatusRequest> = {}, root = repository.path, top = ""): Promise<Status> {
  return readStatus(git, placeIn(root, top), {
    paths: [],
    includeUntracked: true,
    maxEntries: 1000,
    ...request,
  });
}

/** Letters and paths, one line an entry. */
function lines({ entries }: Status): string[] {
  return entries.map(({ index, worktree, path, originalPath }) =>
    [`${index}${worktree}`, originalPath, path].filter(Boolean).join(" "),
  );
}

test("tells branch, head and the distance to the upstream", async () => {
  const unborn = await status();
  assert.equal([unborn.branch, unborn.head, unborn.entries], ["main", undefined, []]);
  repository.commit({ "a.txt": "1\n" });
  const other = makeRepository(join(base, "clone"));
  other.git("pull", "--quiet", repository.path, "main");
  other.git("remote", "add", "origin", repository.path);
  other.git("fetch", "--quiet", "origin");
  other.git("branch", "--quiet", "--set-upstream-to=origin/main");
  repository.commit({ "a.txt": "2\n" });
  other.git("fetch", "--quiet", "origin");
  other.commit({ "b.txt": "1\n" });
  other.commit({ "b.txt": "2\n" });
  const head = other.git("rev-parse", "HEAD").trim();
  const found = await status({}, other.path);
  assert.equal(
    [found.branch, found.head, found.upstream, found.ahead, found.behind, found.entries],
    ["main", head, "origin/main", 2, 1, []],
  );
  other.git("update-ref", "-d", "refs/remotes/origin/main");
  const gone = await status({}, other.path);
  assert.equal([gone.upstream, gone.ahead, gone.behind], ["origin/main", undefined, undefined]);
  other.git("checkout", "--quiet", "--detach");
  assert.equal(
    [(await status({}, other.path)).branch, (await status({}, other.path)).head],
    [undefined, head],
  );
});

test("names come out as they are, whatever is in them", async () => {
  const names = [
    "é.txt",
    'qu"ote',
    "new\nline",
    " lead and trail ",
    "tab\t",
    "日本/語.md",
    "-rf",
    "a -> b",
    "# branch.oid x",
  ];
  repository.commit(Object.fromEntries(names.map((name) => [name, "1\n"])));
  for (const name of names) repository.write(name, "2\n");
  const found = await status();
  assert.equal(found.entries.map(({ path }) => path).sort(), names.sort());
  assert.ok(lines(found).every((line) => line.startsWith(" M ")));
});

test("staged, changed, deleted, renamed, untracked and ignored files", async () => {
  repository.commit({
    staged: "1\n",
    both: "1\n",
    gone: "1\n",
    "old name": "a\nb\nc\n",
    dropped: "something else\n",
    ".gitignore": "ignored\n",
  });
  repository.write("staged", "2\n");
  repository.write("both", "2\n");
  repository.git("add", "staged", "both");
  repository.write("both", "3\n");
  rmSync(join(repository.path, "gone"));
  repository.git("mv", "old name", "new name");
  repository.git("rm", "--quiet", "dropped");
  repository.write("added", "1\n");
  repository.git("add", "added");
  repository.write("folder/untracked", "1\n");
  repository.write("ignored", "1\n");
  const expected = ["A  added", "D  dropped", " D gone", "M  staged", "MM both", "R  old name new name"];
  assert.equal(lines(await status()).sort(), [...expected, "?? folder/"].sort());
  assert.equal(lines(await status({ includeUntracked: false })).sort(), expected.sort());
  assert.equal(lines(await status({ paths: ["both", "folder"] })), ["MM both", "?? folder/"]);
});

test("a conflict has the letters of both sides", async () => {
  repository.commit({ "a.txt": "base\n", "b.txt": "base\n" });
  repository.git("checkout", "--quiet", "-b", "topic");
  repository.commit({ "a.txt": "topic\n", "b.txt": "topic\n" });
  repository.git("checkout", "--quiet", "main");
  repository.git("rm", "--quiet", "b.txt");
  repository.commit({ "a.txt": "main\n" });
  assert.throws(() => repository.git("merge", "topic"));
  const found = await status();
  assert.equal(lines(found), ["UU a.txt", "DU b.txt"]);
  assert.ok(found.entries.every(({ conflicted }) => conflicted));
});

test("what has changed in a submodule is told apart", async () => {
  const inner = makeRepository(join(base, "inner"));
  inner.commit({ "i.txt": "1\n" });
  repository.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner.path, "sub");
  repository.commit({});
  const changes = async (): Promise<unknown> =>
    (await status()).entries.map(({ path, submodule }) => [path, submodule]);
  assert.equal(await changes(), []);
  repository.write("sub/i.txt", "2\n");
  repository.write("sub/new.txt", "2\n");
  assert.equal(await changes(), [["sub", ["modified", "untracked"]]]);
  repository.git("-C", "sub", "add", "--all");
  repository.git("-C", "sub", "commit", "--quiet", "--message", "inner");
  assert.equal(await changes(), [["sub", ["commit"]]]);
});

test("a list that is too long is cut, and says so", async () => {
  repository.commit({});
  for (let at = 0; at < 30; at++) repository.write(`file ${at}`, "1\n");
  const cut = await status({ maxEntries: 10 });
  assert.equal([cut.entries.length, cut.truncated], [10, true]);
  const whole = await status({ maxEntries: 30 });
  assert.equal([whole.entries.length, whole.truncated], [30, false]);
  // Paths long enough to fill the room for ten entries before there are ten.
  const deep = Array.from({ length: 18 }, () => "d".repeat(200)).join("/");
  for (let at = 0; at < 10; at++) repository.write(`${deep}/${at}`, "1\n");
  repository.git("add", "--all");
  const long = await status({ maxEntries: 10, paths: ["d".repeat(200)] });
  assert.equal([long.entries.length < 10, long.truncated], [true, true]);
  assert.ok(
    long.entries.every(({ path }) => /\/\d$/.test(path)),
    "no name is cut in two",
  );
});

test("paths of a repository below the workspace start with its folder", async () => {
  repository.commit({ "old.txt": "a\nb\n" });
  repository.git("mv", "old.txt", "new.txt");
  assert.equal(lines(await status({}, base, "app")), ["R  app/old.txt app/new.txt"]);
});

test("configuration does not change what is answered", async () => {
  repository.commit({ "a.txt": "1\n2\n3\n" });
  repository.git("mv", "a.txt", "b.txt");
  repository.write("new", "1\n");
  const before = await status();
  const settings = [
    "status.renames=false",
    "diff.renames=false",
    "status.showUntrackedFiles=no",
    "core.worktree=/etc",
    "color.ui=always",
    "status.branch=false",
  ];
  for (const setting of settings) repository.git("config", ...setting.split("="));
  assert.equal(await status(), before);
});

test.run();
