import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { errnoOf, Fault } from "../errs/errs.js";
import { openRoot, type Root } from "./root.js";
import type { WritePlace } from "./write.js";

const base = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "write-")));
const ws = join(base, "ws");
const outside = join(base, "outside");
let root: Root;

test.before(() => {
  fs.mkdirSync(join(ws, "dir/sub"), { recursive: true });
  fs.mkdirSync(join(ws, "own"));
  fs.mkdirSync(outside);
  fs.writeFileSync(join(ws, "dir/file"), "inside");
  fs.writeFileSync(join(outside, "file"), "outside");
  for (const [name, target] of [
    ["to-dir", "dir/sub/.."],
    ["to-file", "dir/file"],
    ["out", outside],
    ["out-file", join(outside, "file")],
    ["dangling", "nowhere"],
  ] as const) {
    fs.symlinkSync(target, join(ws, name));
  }
  root = openRoot(ws, { closed: [join(ws, "own/secret")] });
});
test.after(() => {
  root.close();
  fs.rmSync(base, { recursive: true, force: true });
});

function codeOf(use: () => unknown): string {
  try {
    use();
    return "none";
  } catch (error) {
    return error instanceof Fault ? error.code : (errnoOf(error) ?? String(error));
  }
}

function at<T>(path: string, use: (place: WritePlace) => T): T {
  const place = root.openPlace(path);
  try {
    return use(place);
  } finally {
    place.dir.close();
  }
}

test("a place is named by its canonical path, its directories made or not", () => {
  const rows: [path: string, dir: string, missing: string[], canonical: string][] = [
    ["dir/file", "dir", [], "dir/file"],
    ["./dir//sub/../new", "dir", [], "dir/new"],
    ["top", ".", [], "top"],
    ["to-dir/new", "dir", [], "dir/new"],
    ["a/b/c", ".", ["a", "b"], "a/b/c"],
    ["to-dir/x/y", "dir", ["x"], "dir/x/y"],
    ["to-file", ".", [], "to-file"],
  ];
  for (const [path, dir, missing, canonical] of rows) {
    at(path, (place) => {
      assert.equal([place.dir.path, place.missing, place.path], [dir, missing, canonical], path);
    });
  }
});

test("places that are none are refused, and no descriptor stays open", () => {
  const before = fs.readdirSync("/dev/fd").length;
  for (const [path, code] of [
    [".", "IS_DIRECTORY"],
    ["dir/", "IS_DIRECTORY"],
    ["dir/..", "IS_DIRECTORY"],
    ["", "INVALID_ARGUMENT"],
    ["a\0b", "INVALID_ARGUMENT"],
    ["/etc/passwd", "ABSOLUTE_PATH_DENIED"],
    ["../x", "PATH_OUTSIDE_WORKSPACE"],
    ["dir/../../x", "PATH_OUTSIDE_WORKSPACE"],
    ["out/x", "SYMLINK_ESCAPE"],
    ["out/new/x", "SYMLINK_ESCAPE"],
    ["dangling/x", "NOT_FOUND"],
    ["new/../x", "NOT_FOUND"],
    ["dir/file/x", "NOT_A_DIRECTORY"],
    ["own/secret", "PATH_OUTSIDE_WORKSPACE"],
    ["own/SECRET/x", "PATH_OUTSIDE_WORKSPACE"],
    ["to-dir/../own/secret/x", "PATH_OUTSIDE_WORKSPACE"],
    [`dir/${"n".repeat(256)}/x`, "INVALID_ARGUMENT"],
  ] as const) {
    assert.is(
      codeOf(() => at(path, () => {})),
      code,
      path,
    );
  }
  for (const [path, code] of [
    ["out-file", "SYMLINK_ESCAPE"],
    ["to-file", "SYMLINK_ESCAPE"],
    ["dangling", "SYMLINK_ESCAPE"],
    ["dir/sub", "IS_DIRECTORY"],
  ] as const) {
    assert.is(
      codeOf(() => at(path, ({ dir, name }) => dir.openFile(name)?.close())),
      code,
      path,
    );
  }
  assert.is(
    at("dir/new", ({ dir, name }) => dir.openFile(name)),
    undefined,
  );
  assert.is(fs.readdirSync("/dev/fd").length, before);
});

test("a file is made with exactly the mode asked for, and never over another", async () => {
  const place = root.openPlace("dir/made");
  const file = place.dir.create("made");
  await file.write(Buffer.alloc(200_000, "x"));
  file.setAccess({ mode: 0o4751, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 });
  await file.sync();
  file.close();
  await place.dir.sync();
  const stat = fs.statSync(join(ws, "dir/made"));
  assert.equal([stat.mode & 0o7777, stat.size], [0o4751, 200_000]);
  for (const name of ["made", "file"])
    assert.is(
      codeOf(() => place.dir.create(name)),
      "EEXIST",
    );
  fs.symlinkSync(join(outside, "made"), join(ws, "dir/link"));
  assert.is(
    codeOf(() => place.dir.create("link")),
    "EEXIST",
  );
  assert.is(
    codeOf(() => place.dir.link("made", "file")),
    "EEXIST",
  );
  place.dir.link("made", "second");
  place.dir.rename("made", "file");
  place.dir.unlink("second");
  place.dir.mkdir("fresh");
  place.dir.openDir("fresh").close();
  assert.is(
    codeOf(() => place.dir.openDir("link")),
    "NOT_A_DIRECTORY",
  );
  place.dir.rmdir("fresh");
  place.dir.close();
  assert.equal(fs.readdirSync(join(ws, "dir")).sort(), ["file", "link", "sub"]);
  assert.equal(fs.readdirSync(outside), ["file"]);
});

test("a directory that was moved or removed says so; names still go to the one that was opened", () => {
  const { dir } = root.openPlace("dir/sub/x");
  assert.is(dir.isInPlace(), true);
  fs.renameSync(join(ws, "dir/sub"), join(ws, "dir/other"));
  fs.symlinkSync(outside, join(ws, "dir/sub"));
  assert.is(dir.isInPlace(), false);
  dir.mkdir("here");
  assert.ok(fs.existsSync(join(ws, "dir/other/here")));
  assert.not.ok(fs.existsSync(join(outside, "here")));
  fs.rmSync(join(ws, "dir/other"), { recursive: true });
  assert.is(dir.isInPlace(), false);
  dir.close();
});

test("a closed root opens no place", () => {
  const other = openRoot(ws);
  other.close();
  assert.is(
    codeOf(() => other.openPlace("x")),
    "NOT_FOUND",
  );
});

test.run();
