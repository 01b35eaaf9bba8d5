import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Fault } from "../errs/errs.js";
import { openRoot, type Root } from "../workspace/root.js";
import {
  type Bench,
  callerOn,
  makeBench,
  patcherOn,
  readTree,
  removeBench,
  writeTree,
} from "./faults.test.util.js";
import type { Patcher, PatchOutcome } from "./patcher.js";

const base = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "patcher-")));
let bench: Bench;
let root: Root;
let patcher: Patcher;
test.before.each(() => {
  bench = makeBench(base);
  root = openRoot(bench.workspace);
  patcher = patcherOn(bench);
});
test.after.each(() => {
  root.close();
  removeBench(bench);
});
test.after(() => fs.rmSync(base, { recursive: true, force: true }));

function patch(body: string, dryRun = false): Promise<PatchOutcome> {
  return patcher.applyPatch(callerOn(root), `*** Begin Patch\n${body}\n*** End Patch`, dryRun);
}

async function faultOf(run: Promise<unknown>): Promise<Fault> {
  try {
    await run;
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

function tree(): Record<string, string> {
  return { ...readTree(bench.workspace) };
}

test("all operations in one patch, reported one by one", async () => {
  writeTree(bench.workspace, { a: "600 1\n2\n", b: "644 b\nb\n", "dir/c": "755 c\n" });
  const body =
    "*** Update File: a\n-2\n+two\n+three\n*** Delete File: b\n*** Update File: dir/c\n*** Move to: new/d\n*** Add File: e\n+e\n+";
  const dry = await patch(body, true);
  assert.equal(tree(), { a: "600 1\n2\n", b: "644 b\nb\n", dir: "dir", "dir/c": "755 c\n" });
  const { changes, ...outcome } = await patch(body);
  assert.equal({ ...outcome, changes: [] }, dry);
  assert.equal(
    changes.map(({ path, before, after }) => [path, before !== null, after !== null]),
    [
      ["a", true, true],
      ["b", true, false],
      ["dir/c", true, false],
      ["new/d", false, true],
      ["e", false, true],
    ],
  );
  const hash = createHash("sha256").update("1\ntwo\nthree\n").digest("hex");
  assert.is(changes[0]?.after, hash);
  assert.is(changes[2]?.before, changes[3]?.after);
  assert.equal(dry, {
    affected: [
      { path: "a", operation: "update", matched_with: "exact" },
      { path: "b", operation: "delete" },
      { path: "new/d", operation: "move", old_path: "dir/c" },
      { path: "e", operation: "add" },
    ],
    summary: ["M a", "D b", "R dir/c -> new/d", "A e"],
    additions: 4,
    removals: 3,
    warnings: [],
    changes: [],
  });
  const after = { a: "600 1\ntwo\nthree\n", dir: "dir", e: "644 e\n\n", new: "dir", "new/d": "755 c\n" };
  assert.equal(tree(), after);
});

test("several operations on one file follow each other", async () => {
  writeTree(bench.workspace, { a: "600 1\n", b: "644 x\n" });
  const outcome = await patch(
    "*** Update File: a\n-1\n+2\n*** Update File: ./a\n-2\n+3\n*** Delete File: b\n*** Add File: b\n+y\n*** Add File: c\n+c\n*** Update File: c\n*** Move to: d\n-c\n+d",
  );
  assert.equal(outcome.summary, ["M a", "M b", "A d"]);
  assert.equal(tree(), { a: "600 3\n", b: "644 y\n", d: "644 d\n" });
});

test("binary files can be deleted and moved, not changed", async () => {
  writeTree(bench.workspace, { gone: "644 a\0b", here: "600 \xff\xfe", latin: "644 caf\xe9\n" });
  assert.is((await faultOf(patch("*** Update File: gone\n-a\n+b"))).code, "BINARY_FILE");
  assert.is((await faultOf(patch("*** Update File: latin\n-caf\n+tea"))).code, "UNSUPPORTED_ENCODING");
  await patch("*** Delete File: gone\n*** Update File: here\n*** Move to: there");
  assert.equal(tree(), { latin: "644 caf\xe9\n", there: "600 \xff\xfe" });
});

const refusals: [what: string, body: string, code: string][] = [
  ["an existing file added", "*** Add File: a\n+x", "PATCH_FAILED"],
  ["a move over a file", "*** Update File: a\n*** Move to: dir/b", "PATCH_FAILED"],
  ["a move to itself", "*** Update File: a\n*** Move to: dir/../a", "PATCH_FAILED"],
  ["a file as directory", "*** Add File: x\n+x\n*** Add File: x/y\n+y", "PATCH_FAILED"],
  ["a directory deleted", "*** Delete File: dir", "PATCH_FAILED"],
  ["a directory updated", "*** Update File: dir\n-1\n+2", "IS_DIRECTORY"],
  ["a missing file updated", "*** Update File: none\n-1\n+2", "NOT_FOUND"],
  ["a missing file deleted", "*** Delete File: none", "NOT_FOUND"],
  ["a file below a file", "*** Add File: a/x\n+x", "NOT_A_DIRECTORY"],
  ["an absolute path", "*** Add File: /tmp/x\n+x", "ABSOLUTE_PATH_DENIED"],
  ["a path outside", "*** Add File: ../x\n+x", "PATH_OUTSIDE_WORKSPACE"],
  ["a link inside", "*** Update File: link\n-1\n+2", "SYMLINK_ESCAPE"],
  ["a dangling link", "*** Add File: dangling\n+x", "SYMLINK_ESCAPE"],
  ["a deleted link", "*** Delete File: link", "SYMLINK_ESCAPE"],
  ["a link as directory that leads outside", "*** Add File: out/x\n+x", "SYMLINK_ESCAPE"],
  ["a FIFO", "*** Update File: fifo\n-1\n+2", "INVALID_ARGUMENT"],
  ["text that is no Unicode", "*** Add File: x\n+\ud800", "INVALID_ARGUMENT"],
  [
    "1001 files",
    Array.from({ length: 1001 }, (_, i) => `*** Add File: n${i}\n+x`).join("\n"),
    "PATCH_FAILED",
  ],
];

for (const [what, body, code] of refusals) {
  test(`refused with nothing changed: ${what}`, async () => {
    writeTree(bench.workspace, { a: "600 1\n", "dir/b": "644 b\n" });
    const links = { link: "a", dangling: "none", out: base };
    for (const [name, target] of Object.entries(links)) fs.symlinkSync(target, join(bench.workspace, name));
    spawnSync("mkfifo", [join(bench.workspace, "fifo")]);
    const names = (): string[] =>
      [bench.workspace, join(bench.workspace, "dir")].flatMap((dir) => fs.readdirSync(dir));
    const before = names();
    assert.is((await faultOf(patch(`*** Update File: dir/b\n-b\n+B\n${body}`))).code, code);
    assert.equal(names(), before);
    assert.is(fs.readFileSync(join(bench.workspace, "dir/b"), "utf8"), "b\n");
    assert.equal(await patcher.listUndo(), []);
  });
}

test("a patch that changes nothing is refused", async () => {
  writeTree(bench.workspace, { a: "600 1\n" });
  for (const body of [
    "*** Update File: a\n-1\n+1",
    "*** Update File: a\n 1",
    "*** Add File: x\n+x\n*** Delete File: x",
  ]) {
    assert.is((await faultOf(patch(body))).code, "PATCH_FAILED", body);
  }
});

test("what belongs to git is refused", async () => {
  writeTree(bench.workspace, { "src/a": "644 a\n", pointer: "644 p\n", odd: "dir" });
  const git = (...args: string[]): unknown => spawnSync("git", args, { cwd: bench.workspace });
  git("init", "-q", ".");
  git("init", "-q", "--bare", "bare");
  git("init", "-q", "--separate-git-dir=src/separate", "work");
  assert.ok(fs.statSync(join(bench.workspace, "work/.git")).isFile());
  const before = JSON.stringify(tree());
  for (const path of [
    ".git/config",
    ".git/hooks/post-checkout",
    ".GIT/config",
    ".Git/new/deep",
    "src/.git/config",
    ".git",
    "src/.giT",
    "work/.git",
    ".gi\u200ct/config",
    ".git./config",
    "GIT~1/config",
    "bare/config",
    "bare/hooks/update",
    "bare/x/y",
    "src/separate/config",
    "src/separate/modules/x/config",
  ]) {
    for (const body of [`*** Add File: ${path}\n+x`, `*** Update File: pointer\n*** Move to: ${path}`]) {
      assert.is((await faultOf(patch(body))).code, "PATH_OUTSIDE_WORKSPACE", path);
    }
  }
  for (const path of [".git/config", "work/.git", "bare/HEAD", "src/separate/config"]) {
    assert.is((await faultOf(patch(`*** Delete File: ${path}`))).code, "PATH_OUTSIDE_WORKSPACE", path);
    const edit = { path, oldText: "e", newText: "x", expectedCount: 1 };
    assert.is((await faultOf(patcher.editFile(callerOn(root), edit))).code, "PATH_OUTSIDE_WORKSPACE", path);
  }
  assert.is(JSON.stringify(tree()), before);
});

test("a patch cannot put a repository together, as git would take for one", async () => {
  const whole = ["HEAD", "config", "objects/x", "refs/x"];
  const content: Record<string, string> = { HEAD: "ref: refs/heads/main" };
  const add = (dir: string, names: readonly string[]): string =>
    names.map((name) => `*** Add File: ${dir}/${name}\n+${content[name] ?? ""}`).join("\n");
  assert.is((await faultOf(patch(add("new", whole)))).code, "PATH_OUTSIDE_WORKSPACE");
  assert.is((await faultOf(patch(add("new", ["HEAD", "commondir"])))).code, "PATH_OUTSIDE_WORKSPACE");
  await patch(add("step", whole.slice(1)));
  assert.is((await faultOf(patch(add("step", ["HEAD"])))).code, "PATH_OUTSIDE_WORKSPACE");
  // Control: without the refusal it is one.
  const isOne = (): boolean =>
    spawnSync("git", ["-C", join(bench.workspace, "step"), "rev-parse", "--is-bare-repository"]).status === 0;
  assert.is(isOne(), false);
  fs.writeFileSync(join(bench.workspace, "step/HEAD"), "ref: refs/heads/main\n");
  assert.is(isOne(), true);
});

test("names that only look like git's are ordinary", async () => {
  const names = [".github/x", ".gitignore", "a.git/x", "git/config", "HEAD", "objects/x", ".gitx/y"];
  await patch(names.map((name) => `*** Add File: ${name}\n+x`).join("\n"));
  for (const name of names) assert.ok(fs.existsSync(join(bench.workspace, name)), name);
});

test("files that other programs act upon are written with a warning", async () => {
  const { warnings } = await patch(
    "*** Add File: a\n+x\n*** Add File: sub/.envrc\n+x\n*** Add File: .vscode/tasks.json\n+x",
  );
  assert.is(warnings.length, 2);
});

test("paths kept out of the workspace are refused", async () => {
  fs.mkdirSync(join(bench.workspace, "own"));
  const closed = openRoot(bench.workspace, { closed: [join(bench.workspace, "own")] });
  const text = "*** Begin Patch\n*** Add File: own/x\n+x\n*** End Patch";
  const fault = await faultOf(patcher.applyPatch(callerOn(closed), text, false));
  closed.close();
  assert.is(fault.code, "PATH_OUTSIDE_WORKSPACE");
});

test("a hard link keeps the old content, and the caller is told", async () => {
  writeTree(bench.workspace, { a: "644 1\n" });
  fs.linkSync(join(bench.workspace, "a"), join(bench.workspace, "b"));
  const { warnings } = await patch("*** Update File: a\n-1\n+2");
  assert.equal([warnings.length, tree()], [1, { a: "644 2\n", b: "644 1\n" }]);
});

test("a change by somebody else at any moment before the rename is a conflict and stays", async () => {
  const acts = ["isInPlace", "rename"] as const;
  for (const moment of acts) {
    writeTree(bench.workspace, { a: "644 1\n", b: "644 1\n" });
    // Rewritten in place, as editors do that keep the file open: even after the last look at it.
    const rewrite = (): void => fs.writeFileSync(join(bench.workspace, "b"), "theirs\n");
    let seen = 0;
    const spying: Root = {
      ...root,
      openPlace(path) {
        const place = root.openPlace(path);
        const { dir } = place;
        const spy = <A extends unknown[], T>(name: string, run: (...args: A) => T) => {
          return (...args: A): T => {
            if (name === moment && ++seen === 2) rewrite();
            return run(...args);
          };
        };
        return {
          ...place,
          dir: { ...dir, isInPlace: spy("isInPlace", dir.isInPlace), rename: spy("rename", dir.rename) },
        };
      },
    };
    const text = "*** Begin Patch\n*** Update File: a\n-1\n+2\n*** Update File: b\n-1\n+2\n*** End Patch";
    assert.is(
      (await faultOf(patcher.applyPatch(callerOn(spying), text, false))).code,
      "PATCH_CONFLICT",
      moment,
    );
    assert.equal(tree(), { a: "644 1\n", b: "644 theirs\n" }, moment);
  }
});

test("two clients never lose an update", async () => {
  writeTree(bench.workspace, { counter: "644 0\n", other: "644 0\n" });
  const rounds = 60;
  const increment = async (): Promise<void> => {
    for (let done = 0; done < rounds; ) {
      const now = Number(fs.readFileSync(join(bench.workspace, "counter"), "utf8"));
      const update = (path: string): string => `*** Update File: ${path}\n-${now}\n+${now + 1}\n`;
      try {
        await patch(`${update("counter")}${update("other")}`.trimEnd());
        done++;
      } catch (error) {
        // The other one was faster: its number is no longer there.
        if (!(error instanceof Fault) || error.code !== "PATCH_CONTEXT_NOT_FOUND") throw error;
      }
    }
  };
  await Promise.all([increment(), increment(), increment()]);
  assert.equal(tree(), { counter: `644 ${3 * rounds}\n`, other: `644 ${3 * rounds}\n` });
});

test("a call that is cancelled while it waits changes nothing and holds up nobody", async () => {
  writeTree(bench.workspace, { a: "644 1\n" });
  const controller = new AbortController();
  const body = (from: number): string =>
    `*** Begin Patch\n*** Update File: a\n-${from}\n+${from + 1}\n*** End Patch`;
  const first = patcher.applyPatch(callerOn(root), body(1), false);
  const second = patcher.applyPatch({ ...callerOn(root), signal: controller.signal }, body(1), false);
  const third = patcher.applyPatch(callerOn(root), body(2), false);
  controller.abort();
  assert.is((await faultOf(second)).code, "CANCELLED");
  await Promise.all([first, third]);
  assert.equal(tree(), { a: "644 3\n" });
});

test("files above 64 MiB in all are refused", async () => {
  for (const name of ["a", "b"]) {
    fs.writeFileSync(join(bench.workspace, name), "");
    fs.truncateSync(join(bench.workspace, name), 40 << 20);
  }
  assert.is((await faultOf(patch("*** Delete File: a\n*** Delete File: b"))).code, "OUTPUT_TOO_LARGE");
  await patch("*** Delete File: a");
});

test("no descriptor stays open", async () => {
  writeTree(bench.workspace, { "dir/a": "644 1\n" });
  const before = fs.readdirSync("/dev/fd").length;
  await patch("*** Update File: dir/a\n-1\n+2\n*** Add File: x/y/z\n+1");
  await faultOf(patch("*** Update File: dir/a\n-1\n+2"));
  await patcher.undo();
  assert.is(fs.readdirSync("/dev/fd").length, before);
});

test.run();
