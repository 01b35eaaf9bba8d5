// time limit: 150 s
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openRoot } from "../workspace/root.js";
import { createIgnoreChecker, globalIgnoreFile, type IgnoreChecker } from "./ignore.js";

const home = realpathSync(mkdtempSync(join(tmpdir(), "ignore-")));
const globalFile = join(home, ".config/git/ignore");
const env = { PATH: process.env.PATH, HOME: home, GIT_CONFIG_NOSYSTEM: "1" };
test.after(() => rmSync(home, { recursive: true, force: true }));

function git(cwd: string, ...args: string[]): string {
  return execFileSync("git", args, { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

type Files = Readonly<Record<string, string>>;

function tree(files: Files): string {
  const dir = mkdtempSync(join(home, "tree-"));
  write(dir, files);
  return dir;
}

function write(dir: string, files: Files): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
}

function repository(files: Files): string {
  const dir = tree(files);
  git(dir, "init", "-q");
  return dir;
}

/** What git itself says of `paths`. */
function gitIgnored(dir: string, paths: readonly string[]): string[] {
  const { status, stdout, stderr } = spawnSync("git", ["check-ignore", "-z", "--stdin"], {
    cwd: dir,
    env,
    input: paths.join("\0"),
    encoding: "utf8",
  });
  if (status !== 0 && status !== 1) throw new Error(`git check-ignore: ${stderr}`);
  return stdout.split("\0").filter((path) => path !== "");
}

function withChecker<T>(dir: string, use: (checker: IgnoreChecker) => T): T {
  const root = openRoot(dir);
  try {
    return use(createIgnoreChecker(root, { globalFile }));
  } finally {
    root.close();
  }
}

function ignoredOf(dir: string, paths: readonly string[]): string[] {
  return withChecker(dir, (checker) => paths.filter((path) => checker.ignored(path, false)));
}

// Names without wildcards: check-ignore takes its paths for patterns where it looks at the index.
const names = ["a", "b", "ab", "a.b", ".a", "x y", "é", "]a", "#a", "!a"];
const pieces = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      ...names,
      "*",
      "a*",
      "*.b",
      "?",
      "??",
      "[ab]",
      "[!a]",
      "[a-b]b",
      "[[:alpha:]]",
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom("\\a", "\\*", "\\[a\\]", "[]a]", "[a", "a\\", "*a*b", "**", "a**"),
  },
);
const pattern = fc
  .record({
    negated: fc.boolean(),
    lead: fc.constantFrom("", "", "", "/", "**/"),
    parts: fc.array(pieces, { minLength: 1, maxLength: 3 }),
    globstar: fc.boolean(),
    end: fc.constantFrom("", "", "", "/", " ", "\\ ", "/**", "\r"),
  })
  .map(({ negated, lead, parts, globstar, end }) => {
    const [first, ...rest] = parts;
    const middle = globstar && rest.length > 0 ? [first, "**", ...rest] : parts;
    return `${negated ? "!" : ""}${lead}${middle.join("/")}${end}`;
  })
  // git takes `**` right after the plain text at the start of a path for a whole segment, against its manual.
  .filter((text) => !(text.includes("a**") && text.includes("/")));
const ignoreFile = fc.array(
  fc.oneof({ weight: 9, arbitrary: pattern }, fc.constantFrom("# note", "", "!", "/")),
  {
    maxLength: 6,
  },
);
const path = fc
  .array(fc.constantFrom(...names), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join("/"));

test("agrees with git on random trees and ignore files", () => {
  let ignoredSeen = 0;
  let keptSeen = 0;
  fc.assert(
    fc.property(
      fc.uniqueArray(path, { minLength: 3, maxLength: 12 }),
      fc.array(fc.tuple(fc.option(path, { nil: "" }), ignoreFile), { minLength: 1, maxLength: 4 }),
      ignoreFile,
      fc.nat({ max: 3 }),
      (paths, ignoreFiles, exclude, trackedCount) => {
        const dir = mkdtempSync(join(home, "random-"));
        try {
          git(dir, "init", "-q");
          // A path may be a folder of another; then it is one.
          const files = paths.filter((one) => !paths.some((other) => other.startsWith(`${one}/`)));
          write(dir, Object.fromEntries(files.map((one) => [one, ""])));
          const folders = [...new Set(files.flatMap(parentsOf))];
          for (const [where, lines] of ignoreFiles) {
            const at = where === "" || !folders.includes(where) ? ".gitignore" : `${where}/.gitignore`;
            writeFileSync(join(dir, at), lines.join("\n"));
          }
          writeFileSync(join(dir, ".git/info/exclude"), exclude.join("\n"));
          const tracked = files.slice(0, trackedCount);
          if (tracked.length > 0) git(dir, "--literal-pathspecs", "add", "-f", "--", ...tracked);
          const all = [...folders, ...files];
          const ours = withChecker(dir, (checker) =>
            all.filter((one) => checker.ignored(one, folders.includes(one))),
          );
          assert.equal(ours.sort(), gitIgnored(dir, all).sort());
          ignoredSeen += ours.length;
          keptSeen += all.length - ours.length;
        } finally {
          rmSync(dir, { recursive: true, force: true });
        }
      },
    ),
    { numRuns: 120 },
  );
  assert.ok(ignoredSeen > 0 && keptSeen > 0);
});

function parentsOf(file: string): string[] {
  const parts = file.split("/").slice(0, -1);
  return parts.map((_, at) => parts.slice(0, at + 1).join("/"));
}

test("a change to an ignore file shows in the next turn", async () => {
  const dir = repository({ ".gitignore": "a\n", a: "", b: "" });
  const root = openRoot(dir);
  const checker = createIgnoreChecker(root, { globalFile });
  assert.equal([checker.ignored("a", false), checker.ignored("b", false)], [true, false]);
  writeFileSync(join(dir, ".gitignore"), "b\n");
  await setImmediate();
  assert.equal([checker.ignored("a", false), checker.ignored("b", false)], [false, true]);
  rmSync(join(dir, ".gitignore"));
  await setImmediate();
  assert.is(checker.ignored("b", false), false);
  root.close();
});

test("outside a repository nothing is ignored", () => {
  const dir = tree({ ".gitignore": "a\n", a: "", ".git/config": "" });
  assert.equal(ignoredOf(dir, ["a"]), []);
  git(dir, "init", "-q");
  assert.equal(ignoredOf(dir, ["a"]), ["a"]);
});

test("rules above the root count", () => {
  const top = repository({
    ".gitignore": "*.log\n/sub/x\n",
    "sub/.gitignore": "y\n!keep.log\n",
    "sub/deep/z": "",
  });
  writeFileSync(join(top, ".git/info/exclude"), "sub/deep/e\n");
  const paths = ["a.log", "keep.log", "x", "y", "z", "e"];
  const below = paths.map((path) => `sub/deep/${path}`);
  const expected = gitIgnored(top, [...below, "sub/x"]);
  assert.equal(
    ignoredOf(join(top, "sub/deep"), paths).map((path) => `sub/deep/${path}`),
    expected.filter((path) => path !== "sub/x"),
  );
  assert.equal(ignoredOf(join(top, "sub"), ["x", "deep/x"]), ["x"]);
  assert.ok(expected.includes("sub/x"));
});

test("the user's own ignore file has the last say", () => {
  const dir = repository({ ".gitignore": "!wanted.tmp\n", "a.tmp": "", "wanted.tmp": "" });
  // Often a link into a folder that is itself under version control.
  write(home, { ".config/git/dotfiles": "*.tmp\n" });
  symlinkSync("dotfiles", globalFile);
  const paths = ["a.tmp", "wanted.tmp"];
  const ours = ignoredOf(dir, paths);
  const gits = gitIgnored(dir, paths);
  rmSync(globalFile);
  assert.equal(ours, ["a.tmp"]);
  assert.equal(gits, ours);
});

test("the user's own ignore file is found as git finds it", () => {
  assert.is(globalIgnoreFile({ HOME: "/h", XDG_CONFIG_HOME: "/x" }), "/x/git/ignore");
  assert.is(globalIgnoreFile({ HOME: "/h", XDG_CONFIG_HOME: "" }), "/h/.config/git/ignore");
  assert.is(globalIgnoreFile({}), undefined);
});

test("a repository within follows its own rules, unless the outer one ignores it", () => {
  const dir = repository({
    ".gitignore": "*.log\nvendor/\n",
    "own/.gitignore": "*.tmp\n",
    "own/a.log": "",
    "own/a.tmp": "",
    "vendor/lib/a": "",
  });
  git(join(dir, "own"), "init", "-q");
  git(join(dir, "vendor/lib"), "init", "-q");
  assert.equal(ignoredOf(dir, ["own/a.log", "own/a.tmp", "vendor/lib/a"]), ["own/a.tmp", "vendor/lib/a"]);
});

test("indexes of every version are read, and a split one is not mistaken for another", () => {
  const files = Object.fromEntries(["a.log", "b/c.log", "b/cc.log", "é/ü.log"].map((path) => [path, ""]));
  for (const version of ["2", "3", "4"]) {
    const dir = repository({ ".gitignore": "*.log\nb/\n", ...files, "b/other": "", "z.log": "" });
    git(dir, "add", "-f", ...Object.keys(files));
    // Version 3 is only written when an entry needs its further flags.
    if (version === "3") git(dir, "add", "--intent-to-add", "-f", "b/other");
    else git(dir, "update-index", "--index-version", version);
    const paths = [...Object.keys(files), "b/other", "z.log"];
    assert.equal(ignoredOf(dir, paths), gitIgnored(dir, paths), `version ${version}`);
    assert.ok(!ignoredOf(dir, paths).includes("b/c.log"));
    assert.is(
      withChecker(dir, (checker) => checker.ignored("b", true)),
      false,
    );
    assert.is(
      withChecker(dir, (checker) => checker.ruledOut("b/c.log", false)),
      true,
    );
    git(dir, "update-index", "--split-index");
    assert.equal(ignoredOf(dir, paths), paths, "split");
  }
});

test("a linked work tree is followed to its repository only when that names it", () => {
  const main = repository({ "tracked.log": "", ".gitignore": "*.log\n" });
  git(main, "config", "user.email", "a@example.org");
  git(main, "config", "user.name", "a");
  git(main, "add", "-f", ".");
  git(main, "commit", "-q", "-m", "a");
  const linked = join(home, "linked");
  git(main, "worktree", "add", "-q", linked);
  write(linked, { "other.log": "" });
  write(main, { ".git/info/exclude": "hidden\n" });
  const paths = ["tracked.log", "other.log", "hidden"];
  assert.equal(ignoredOf(linked, paths), ["other.log", "hidden"]);

  // The same pointer in a folder that the repository knows nothing of.
  const stranger = tree({ ".git": `gitdir: ${main}/.git/worktrees/linked\n`, ".gitignore": "*.log\n" });
  assert.equal(ignoredOf(stranger, paths), []);
});

test("a submodule is a repository of its own", () => {
  const inner = repository({ ".gitignore": "*.tmp\n" });
  for (const [key, value] of [
    ["user.email", "a@example.org"],
    ["user.name", "a"],
  ] as const)
    git(inner, "config", key, value);
  git(inner, "add", ".");
  git(inner, "commit", "-q", "-m", "a");
  const outer = repository({ ".gitignore": "*.log\nsub/\n" });
  git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "--force", inner, "sub");
  assert.equal(ignoredOf(outer, ["sub/a.log", "sub/a.tmp", "a.log"]), ["sub/a.tmp", "a.log"]);
});

test("an ignore file that is a link, a FIFO or a folder is passed over", () => {
  const dir = repository({ rules: "a\n", a: "", "fifo/a": "", "folder/a": "", "folder/.gitignore/x": "" });
  symlinkSync("rules", join(dir, ".gitignore"));
  execFileSync("mkfifo", [join(dir, "fifo/.gitignore"), join(dir, ".git/info/fifo")]);
  rmSync(join(dir, ".git/info/exclude"));
  symlinkSync("fifo", join(dir, ".git/info/exclude"));
  const paths = ["a", "fifo/a", "folder/a"];
  assert.equal(ignoredOf(dir, paths), []);
  // As git has it, which would wait for ever on the FIFOs.
  rmSync(join(dir, ".git/info/exclude"));
  assert.equal(gitIgnored(dir, ["a", "folder/a"]), []);
});

test("hostile patterns do not hold the event loop", () => {
  const many = `${"**/a/".repeat(30)}b\n`;
  const within = `x/${"*a".repeat(60)}?b\n`;
  const dir = repository({ ".gitignore": (many + within).repeat(300) });
  const deep = `${"a/".repeat(60)}c`;
  const long = `x/${"a".repeat(250)}`;
  // Backtracking over every wildcard would not come to an end here.
  assert.equal(ignoredOf(dir, [deep, long, ...new Array<string>(200).fill(long)]), []);
  writeFileSync(join(dir, ".gitignore"), many + within);
  assert.equal(ignoredOf(dir, [`${"a/".repeat(31)}b`, `x/${"a".repeat(250)}cb`]).length, 2);
});

test.run();
