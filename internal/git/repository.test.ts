import { appendFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openPolicy } from "../../test/support/direct-sandbox.js";
import { Fault } from "../errs/errs.js";
import { openRoot, type Root } from "../workspace/root.js";
import { makeFolder, makeRepository, type TestRepository } from "./git.test.util.js";
import { gitPolicy } from "./policy.js";
import { findRepository, type Repository } from "./repository.js";

let base: string;
let root: Root;
test.before.each(() => {
  base = makeFolder();
  mkdirSync(join(base, "space"));
  root = openRoot(join(base, "space"));
});
test.after.each(() => {
  root.close();
  rmSync(base, { recursive: true, force: true });
});

const inSpace = (name: string): string => join(root.path, name);
const find = (...paths: string[]): Repository | undefined => findRepository(root, paths);

function codeOf(run: () => unknown): unknown {
  try {
    run();
    return "no fault";
  } catch (error) {
    return error instanceof Fault ? error.code : error;
  }
}

test("the nearest repository at or above the paths, and never above the workspace", () => {
  makeRepository(base);
  assert.is(find("."), undefined);
  makeRepository(inSpace("a")).write("src/x.ts", "1\n");
  makeRepository(inSpace("a/vendor/lib"));
  assert.is(find("."), undefined);
  assert.equal(find("a"), { top: "a", paths: [] });
  assert.equal(find("a/src/x.ts", "a/src"), { top: "a", paths: ["src/x.ts", "src"] });
  assert.equal(find("a/./src//x.ts"), { top: "a", paths: ["src/x.ts"] });
  assert.equal(find("a/src/.."), { top: "a", paths: [] });
  assert.equal(find("a/vendor/lib/y"), { top: "a/vendor/lib", paths: ["y"] });
  makeRepository(root.path);
  assert.equal(find(), { top: "", paths: [] });
  assert.equal(find("other"), { top: "", paths: ["other"] });
  assert.is(
    codeOf(() => find("other", "a/src")),
    "INVALID_ARGUMENT",
  );
});

test("what was deleted can still be asked for", () => {
  makeRepository(inSpace("a"));
  writeFileSync(inSpace("a/file"), "");
  assert.equal(find("a/gone/deep/../x.ts"), { top: "a", paths: ["gone/x.ts"] });
  assert.equal(find("a/file/below"), { top: "a", paths: ["file/below"] });
});

test("a link is meant itself, the links on the way to it are followed", () => {
  makeRepository(inSpace("a")).write("src/x.ts", "1\n");
  symlinkSync("a/src", inSpace("way"));
  symlinkSync("/etc/passwd", inSpace("a/link"));
  symlinkSync(base, inSpace("a/out"));
  assert.equal(find("way/x.ts"), { top: "a", paths: ["src/x.ts"] });
  assert.equal(find("a/link"), { top: "a", paths: ["link"] });
  assert.is(
    codeOf(() => find("a/out/x")),
    "SYMLINK_ESCAPE",
  );
});

test("paths outside are refused", () => {
  makeRepository(root.path);
  const refused = {
    "/etc": "ABSOLUTE_PATH_DENIED",
    "../x": "PATH_OUTSIDE_WORKSPACE",
    "gone/../../x": "PATH_OUTSIDE_WORKSPACE",
    "": "INVALID_ARGUMENT",
    "a\0b": "INVALID_ARGUMENT",
  };
  for (const [path, code] of Object.entries(refused))
    assert.is(
      codeOf(() => find(path)),
      code,
      path,
    );
});

test("a .git that is no repository is passed over", () => {
  makeRepository(root.path);
  mkdirSync(inSpace("a/.git"), { recursive: true });
  mkdirSync(inSpace("b"));
  writeFileSync(inSpace("b/.git"), "gitdir: nowhere\n");
  assert.equal(find("a"), { top: "", paths: ["a"] });
  assert.equal(find("b"), { top: "", paths: ["b"] });
});

/** A repository that is none of the workspace's business. */
function secretRepository(): TestRepository {
  const secret = makeRepository(join(base, "secret"));
  secret.commit({ "key.txt": "secret\n" });
  return secret;
}

test("nothing in the workspace can claim a repository outside", () => {
  const secret = secretRepository();
  const own = join(secret.path, ".git");
  mkdirSync(inSpace("pointer"));
  writeFileSync(inSpace("pointer/.git"), `gitdir: ${own}\n`);
  mkdirSync(inSpace("link"));
  symlinkSync(own, inSpace("link/.git"));
  const shared = makeRepository(inSpace("shared"));
  writeFileSync(join(shared.path, ".git/commondir"), `${own}\n`);
  writeFileSync(join(shared.path, ".git/gitdir"), `${shared.path}/.git\n`);
  for (const top of ["pointer", "shared"])
    assert.is(
      codeOf(() => find(top)),
      "PATH_OUTSIDE_WORKSPACE",
      top,
    );
  assert.is(
    codeOf(() => find("link")),
    "SYMLINK_ESCAPE",
  );
  // The control: git itself follows them all.
  const other = makeRepository(join(base, "any"));
  for (const top of ["pointer", "link", "shared"]) {
    assert.match(other.git("-C", inSpace(top), "log", "-p", "main"), "secret", top);
  }
  assert.equal(gitPolicy(openPolicy(inSpace("pointer"))).read, []);
  assert.equal(gitPolicy(openPolicy(inSpace("shared"))).read, []);
});

test("a repository that a command made outside does not lend another's, whatever it says of itself", () => {
  const secret = secretRepository();
  const own = join(base, "made/worktrees/tree");
  mkdirSync(own, { recursive: true });
  mkdirSync(inSpace("borrower"));
  writeFileSync(inSpace("borrower/.git"), `gitdir: ${own}\n`);
  writeFileSync(join(own, "HEAD"), "ref: refs/heads/main\n");
  writeFileSync(join(own, "gitdir"), `${inSpace("borrower/.git")}\n`);
  for (const common of [join(secret.path, ".git"), join(base, "secret")]) {
    writeFileSync(join(own, "commondir"), `${common}\n`);
    assert.equal(gitPolicy(openPolicy(inSpace("borrower"))).read, [], common);
  }
  // The control: it is this word of its own that counts.
  writeFileSync(join(own, "commondir"), "../..\n");
  assert.equal(gitPolicy(openPolicy(inSpace("borrower"))).read, [join(base, "made"), own]);
});

test("a work tree whose repository outside names it may be read", () => {
  const main = secretRepository();
  main.git("worktree", "add", "--quiet", inSpace("tree"));
  assert.equal(find("tree/key.txt"), { top: "tree", paths: ["key.txt"] });
  const own = join(main.path, ".git/worktrees/tree");
  assert.equal(gitPolicy(openPolicy(inSpace("tree"))).read, [join(main.path, ".git"), own]);
  mkdirSync(inSpace("thief"));
  writeFileSync(inSpace("thief/.git"), `gitdir: ${own}\n`);
  assert.is(
    codeOf(() => find("thief")),
    "PATH_OUTSIDE_WORKSPACE",
  );
});

test("submodules, with their repository inside the workspace or around it", () => {
  const inner = secretRepository();
  const outer = makeRepository(inSpace("outer"));
  const add = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner.path];
  outer.git(...add, "sub");
  assert.equal(find("outer/sub/key.txt"), { top: "outer/sub", paths: ["key.txt"] });
  const narrow = openRoot(inSpace("outer/sub"));
  assert.equal(findRepository(narrow, []), { top: "", paths: [] });
  const own = inSpace("outer/.git/modules/sub");
  assert.equal(gitPolicy(openPolicy(narrow.path)).read, [own, own]);
  narrow.close();
  appendFileSync(join(own, "config"), "\n");
  mkdirSync(inSpace("outer/other"));
  writeFileSync(inSpace("outer/other/.git"), `gitdir: ${own}\n`);
  const other = openRoot(inSpace("outer/other"));
  assert.is(
    codeOf(() => findRepository(other, [])),
    "PATH_OUTSIDE_WORKSPACE",
  );
  other.close();
});

test("the policy lets git write nothing and reach nobody", () => {
  const policy = {
    ...openPolicy(root.path),
    id: "app",
    network: "host",
    write: ["/srv"],
    env: { GIT_DIR: "x" },
  } as const;
  const { id, readOnly, network, write, env } = gitPolicy(policy);
  assert.equal(
    { id, readOnly, network, write, env },
    { id: "git:app", readOnly: true, network: "none", write: [], env: {} },
  );
});

test.run();
