import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Fault } from "../errs/errs.js";
import { openRoot, type Root } from "./root.js";

const base = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "root-")));
const ws = join(base, "ws");
const sibling = join(base, "ws-b");
const deep = Array.from({ length: 300 }, () => "n").join("/");

test.before(() => {
  fs.mkdirSync(join(ws, "src/sub"), { recursive: true });
  fs.mkdirSync(join(ws, deep), { recursive: true });
  fs.mkdirSync(sibling);
  fs.writeFileSync(join(sibling, "secret"), "outside");
  fs.writeFileSync(join(ws, "src/main.ts"), "inside");
  fs.writeFileSync(join(ws, "src/sub/ä b\n.txt"), "inside");
  fs.writeFileSync(join(ws, deep, "leaf"), "inside");
  const links: Record<string, string> = {
    "to-file": "src/main.ts",
    "to-dir": "src/sub/..",
    "src/up": "../src/sub",
    chain: "to-dir",
    absolute: join(ws, "src/main.ts"),
    itself: ws,
    out: sibling,
    "out-relative": "../ws-b/secret",
    "out-absolute": join(sibling, "secret"),
    "out-prefix": `${ws}-b/secret`,
    "out-climb": `${ws}/../ws-b/secret`,
    "out-and-back": "../ws/src/main.ts",
    device: "/dev/null",
    dangling: "nowhere",
    loop: "loop",
    "src/to-root-parent": "../..",
  };
  for (const [name, target] of Object.entries(links)) fs.symlinkSync(target, join(ws, name));
  for (let i = 1; i <= 42; i++) fs.symlinkSync(i === 1 ? "src" : `hop${i - 1}`, join(ws, `hop${i}`));
  spawnSync("mkfifo", [join(ws, "fifo")]);
});
test.after(() => fs.rmSync(base, { recursive: true, force: true }));

/** What `use` throws; fails when it throws nothing or no Fault. */
function faultOf(use: () => unknown): Fault {
  try {
    use();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

function withRoot<T>(use: (root: Root) => T): T {
  const root = openRoot(ws);
  try {
    return use(root);
  } finally {
    root.close();
  }
}

function readAll(root: Root, path: string): string {
  const file = root.openFile(path);
  try {
    return fs.readFileSync(file.fd, "utf8");
  } finally {
    file.close();
  }
}

const refused: [path: string, code: string][] = [
  ["", "INVALID_ARGUMENT"],
  ["src/main.ts\0", "INVALID_ARGUMENT"],
  ["src/\ud800", "INVALID_ARGUMENT"],
  ["a/".repeat(3000), "INVALID_ARGUMENT"],
  ["a".repeat(300), "INVALID_ARGUMENT"],
  ["src/../".repeat(580), "INVALID_ARGUMENT"],
  ["/etc/passwd", "ABSOLUTE_PATH_DENIED"],
  ["//etc/passwd", "ABSOLUTE_PATH_DENIED"],
  [ws, "ABSOLUTE_PATH_DENIED"],
  ["..", "PATH_OUTSIDE_WORKSPACE"],
  ["../ws-b/secret", "PATH_OUTSIDE_WORKSPACE"],
  ["../ws/src/main.ts", "PATH_OUTSIDE_WORKSPACE"],
  ["./.././ws-b/secret", "PATH_OUTSIDE_WORKSPACE"],
  ["src/sub/../../../ws-b/secret", "PATH_OUTSIDE_WORKSPACE"],
  ["to-dir/../..", "PATH_OUTSIDE_WORKSPACE"],
  ["out", "SYMLINK_ESCAPE"],
  ["out/secret", "SYMLINK_ESCAPE"],
  ["out/../ws/src/main.ts", "SYMLINK_ESCAPE"],
  ["out-relative", "SYMLINK_ESCAPE"],
  ["out-absolute", "SYMLINK_ESCAPE"],
  ["out-prefix", "SYMLINK_ESCAPE"],
  ["out-climb", "SYMLINK_ESCAPE"],
  ["out-and-back", "SYMLINK_ESCAPE"],
  ["device", "SYMLINK_ESCAPE"],
  ["src/to-root-parent/ws-b/secret", "SYMLINK_ESCAPE"],
  ["itself/out/secret", "SYMLINK_ESCAPE"],
  ["missing", "NOT_FOUND"],
  ["src/missing/main.ts", "NOT_FOUND"],
  ["dangling", "NOT_FOUND"],
  ["loop", "INVALID_ARGUMENT"],
  ["hop41/main.ts", "INVALID_ARGUMENT"],
  ["src/main.ts/x", "NOT_A_DIRECTORY"],
  ["src/main.ts/..", "NOT_A_DIRECTORY"],
  ["src/main.ts/", "NOT_A_DIRECTORY"],
  ["to-file/.", "NOT_A_DIRECTORY"],
  ["src", "IS_DIRECTORY"],
  [".", "IS_DIRECTORY"],
  ["to-dir", "IS_DIRECTORY"],
  ["fifo", "INVALID_ARGUMENT"],
];

for (const [path, code] of refused) {
  test(`refused with ${code}: ${JSON.stringify(path.slice(0, 60))}`, () => {
    withRoot((root) => assert.is(faultOf(() => root.openFile(path)).code, code));
  });
}

const reached: [path: string, canonical: string][] = [
  ["src/main.ts", "src/main.ts"],
  ["./src//./main.ts", "src/main.ts"],
  ["src/sub/../main.ts", "src/main.ts"],
  ["to-file", "src/main.ts"],
  ["to-dir/main.ts", "src/main.ts"],
  ["chain/main.ts", "src/main.ts"],
  ["src/up/../main.ts", "src/main.ts"],
  ["absolute", "src/main.ts"],
  ["itself/itself/src/main.ts", "src/main.ts"],
  ["hop40/main.ts", "src/main.ts"],
  ["src/sub/ä b\n.txt", "src/sub/ä b\n.txt"],
  [`${deep}/leaf`, `${deep}/leaf`],
  [`itself/${deep}/leaf`, `${deep}/leaf`],
];

for (const [path, canonical] of reached) {
  test(`reached: ${JSON.stringify(path.slice(0, 60))}`, () => {
    withRoot((root) => {
      assert.is(readAll(root, path), "inside");
      assert.equal(root.resolve(path), { path: canonical, type: "file" });
    });
  });
}

test("no call leaves a descriptor behind", () => {
  withRoot((root) => {
    const before = openDescriptors();
    for (const [path] of refused) {
      for (const use of [root.openFile, root.openDir, root.resolve]) {
        try {
          const found = use(path);
          if ("close" in found) found.close();
        } catch {
          // Refused, as the cases above show.
        }
      }
    }
    for (const [path] of reached) readAll(root, path);
    assert.is(openDescriptors(), before);
  });
});

test("a directory shows its entries and their stats, through its descriptor", () => {
  withRoot((root) => {
    const dir = root.openDir("to-dir");
    assert.is(dir.path, "src");
    const entries = dir.entries().sort((a, b) => (a.name < b.name ? -1 : 1));
    assert.equal(entries, [
      { name: "main.ts", type: "file" },
      { name: "sub", type: "directory" },
      { name: "to-root-parent", type: "symlink" },
      { name: "up", type: "symlink" },
    ]);
    assert.is(dir.lstatChild("main.ts")?.size, 6n);
    assert.ok(dir.lstatChild("up")?.isSymbolicLink());
    assert.is(dir.readlinkChild("up"), "../src/sub");
    assert.is(dir.readlinkChild("main.ts"), undefined);
    for (const name of ["missing", "", ".", "..", "../ws", "sub/../main.ts", "a\0"]) {
      assert.is(dir.lstatChild(name), undefined);
    }
    dir.close();
    assert.is(faultOf(() => root.openDir("src/main.ts")).code, "NOT_A_DIRECTORY");
    assert.equal(root.resolve("."), { path: ".", type: "directory" });
  });
});

test("a child of an opened directory is opened by the rules of any file", () => {
  fs.linkSync(join(ws, "src/main.ts"), join(ws, "hard"));
  const owner = fs.statSync(join(ws, "hard")).uid;
  const root = openRoot(ws, { uid: owner, closed: [join(ws, "src")] });
  const foreign = openRoot(ws, { uid: owner + 1 });
  const top = root.openDir(".");
  const before = openDescriptors();
  const file = top.openChild("hard");
  assert.is(file?.path, "hard");
  assert.is(fs.readFileSync(file?.fd ?? -1, "utf8"), "inside");
  file?.close();
  for (const link of ["to-file", "out-absolute", "device", "loop"]) assert.is(top.openChild(link), undefined);
  const refusals = {
    fifo: "INVALID_ARGUMENT",
    nowhere: "NOT_FOUND",
    SRC: "PATH_OUTSIDE_WORKSPACE",
    "..": "INVALID_ARGUMENT",
    "src/main.ts": "INVALID_ARGUMENT",
    "\ud800": "INVALID_ARGUMENT",
    n: "IS_DIRECTORY",
  };
  for (const [name, code] of Object.entries(refusals)) {
    assert.is(faultOf(() => top.openChild(name)).code, code, name);
  }
  assert.is(openDescriptors(), before);
  const topOfForeign = foreign.openDir(".");
  assert.is(faultOf(() => topOfForeign.openChild("hard")).code, "PATH_OUTSIDE_WORKSPACE");
  topOfForeign.close();
  foreign.close();
  root.close();
  assert.is(faultOf(() => top.openChild("hard")).code, "NOT_FOUND");
  top.close();
  fs.unlinkSync(join(ws, "hard"));
});

test("sockets are refused", async () => {
  const server = createServer();
  const listening = new Promise((done) => server.once("listening", done));
  server.listen(join(ws, "sock"));
  await listening;
  withRoot((root) => assert.is(faultOf(() => root.openFile("sock")).code, "INVALID_ARGUMENT"));
  await new Promise((done) => server.close(done));
});

test("a second hard link is read only by the file's owner", () => {
  fs.linkSync(join(ws, "src/main.ts"), join(ws, "hard"));
  const owner = fs.statSync(join(ws, "hard")).uid;
  const own = openRoot(ws, { uid: owner });
  const foreign = openRoot(ws, { uid: owner + 1 });
  try {
    assert.is(readAll(own, "hard"), "inside");
    assert.is(faultOf(() => foreign.openFile("hard")).code, "PATH_OUTSIDE_WORKSPACE");
    assert.is(readAll(foreign, "src/sub/ä b\n.txt"), "inside");
  } finally {
    own.close();
    foreign.close();
    fs.unlinkSync(join(ws, "hard"));
  }
});

test("a missing name comes with similar ones from the nearest folder", () => {
  withRoot((root) => {
    const { hint } = faultOf(() => root.openFile("src/mian.ts"));
    assert.match(hint ?? "", /"src".*"main\.ts"/);
    assert.not.match(faultOf(() => root.openFile("src/sub/zzz")).hint ?? "", /txt/);
  });
});

test("a root that is renamed and replaced is still the directory that was opened", () => {
  const first = join(base, "first");
  fs.mkdirSync(join(first, "d"), { recursive: true });
  fs.writeFileSync(join(first, "d/f"), "old");
  fs.symlinkSync(join(first, "d"), join(first, "link"));
  const root = openRoot(first);
  try {
    fs.renameSync(first, join(base, "moved"));
    fs.mkdirSync(join(first, "d"), { recursive: true });
    fs.writeFileSync(join(first, "d/f"), "new");
    // The link's text now leads the kernel to the directory that took the root's place.
    assert.is(fs.readFileSync(join(base, "moved/link/f"), "utf8"), "new");
    assert.is(readAll(root, "d/f"), "old");
    assert.is(readAll(root, "link/f"), "old");
    assert.is(readAll(root, "d/../link/f"), "old");
  } finally {
    root.close();
  }
});

test("a root opened through a link is known by its real path, and links may name it by either", () => {
  const alias = join(base, "alias");
  fs.symlinkSync(ws, alias);
  fs.symlinkSync(join(alias, "src/main.ts"), join(ws, "by-alias"));
  const root = openRoot(alias);
  assert.is(root.path, ws);
  assert.is(readAll(root, "by-alias"), "inside");
  root.close();
});

test("closed paths are reached by no name, and are not listed", () => {
  const state = join(ws, "own/state");
  fs.mkdirSync(state, { recursive: true });
  fs.writeFileSync(join(state, "token"), "secret");
  fs.writeFileSync(join(ws, "own/state-of-play"), "inside");
  fs.symlinkSync("own/state", join(ws, "own-link"));
  const alias = join(base, "state-alias");
  fs.symlinkSync(state, alias);
  const root = openRoot(ws, { closed: [alias, join(base, "elsewhere"), join(ws, "own/later/socket")] });
  const open = openRoot(ws);
  for (const path of [
    "own/state",
    "own/state/token",
    "own/STATE/token",
    "own-link/token",
    "src/../own/state/token",
  ]) {
    const code = path.includes("STATE") ? /PATH_OUTSIDE_WORKSPACE|NOT_FOUND/ : /PATH_OUTSIDE_WORKSPACE/;
    for (const use of [root.resolve, root.openFile, root.openDir]) {
      assert.match(faultOf(() => use(path)).code, code, path);
    }
  }
  assert.is(readAll(root, "own/state-of-play"), "inside");
  assert.is(readAll(open, "own-link/token"), "secret", "control: an open root reads it");
  fs.mkdirSync(join(ws, "own/later/socket"), { recursive: true });
  const dir = root.openDir("own");
  assert.equal(
    dir
      .entries()
      .map(({ name }) => name)
      .sort(),
    ["later", "state-of-play"],
  );
  dir.close();
  assert.is(faultOf(() => root.openDir("own/later/socket")).code, "PATH_OUTSIDE_WORKSPACE");
  root.close();
  open.close();
});

test("the links by which a closed path is found are closed as well, and nothing beside them", () => {
  fs.mkdirSync(join(ws, "conf"), { recursive: true });
  for (const name of ["own.yaml", "other.yaml"]) fs.writeFileSync(join(ws, "conf", name), "inside");
  const outside = join(base, "outside");
  fs.mkdirSync(outside);
  fs.writeFileSync(join(outside, "far.yaml"), "outside");
  fs.symlinkSync(join(ws, "conf"), join(outside, "conf"));
  fs.symlinkSync(join(outside, "far.yaml"), join(ws, "link.yaml"));
  fs.symlinkSync(outside, join(ws, "folder"));
  const paths = [join(outside, "conf/own.yaml"), join(ws, "link.yaml"), join(ws, "folder/far.yaml")];
  const root = openRoot(ws, { closed: paths });
  const open = openRoot(ws);
  for (const path of ["conf/own.yaml", "link.yaml", "folder"]) {
    assert.is(faultOf(() => root.openPlace(path)).code, "PATH_OUTSIDE_WORKSPACE", path);
    open.openPlace(path).dir.close();
  }
  root.openPlace("conf/other.yaml").dir.close();
  const dir = root.openDir(".");
  const names = dir.entries().map(({ name }) => name);
  assert.ok(names.includes("conf") && !names.includes("link.yaml") && !names.includes("folder"), `${names}`);
  for (const it of [dir, root, open]) it.close();
});

test("a folder around closed paths is not served by a name that a mount gave it", () => {
  const state = join(ws, "own/state");
  const alias = join(base, "mounted");
  fs.mkdirSync(state, { recursive: true });
  fs.mkdirSync(alias);
  fs.writeFileSync(join(state, "token"), "secret");
  const run = (closed: readonly string[]): string => {
    const script = `import { readFileSync } from "node:fs";
import { openRoot } from ${JSON.stringify(new URL("root.js", import.meta.url).href)};
try {
  const root = openRoot(${JSON.stringify(alias)}, { closed: ${JSON.stringify(closed)} });
  console.log(readFileSync(root.openFile("own/state/token").fd, "utf8"));
} catch (error) {
  console.log(error.code);
}`;
    const inside = ["--dev-bind", "/", "/", "--bind", ws, alias, "--", process.execPath];
    return execFileSync("/usr/bin/bwrap", [...inside, "--input-type=module", "--eval", script], {
      encoding: "utf8",
    });
  };
  assert.is(run([state]), "INVALID_ARGUMENT\n");
  assert.is(run([]), "secret\n", "control: it is reached when nothing is closed");
  assert.is(run([join(base, "elsewhere")]), "secret\n");
});

test("a closed root reaches nothing, whatever its descriptor stands for by then", () => {
  const root = openRoot(ws);
  root.close();
  root.close();
  const other = openRoot(sibling);
  assert.is(faultOf(() => root.openFile("secret")).code, "NOT_FOUND");
  assert.is(readAll(other, "secret"), "outside");
  other.close();
});

test("what cannot be a root is refused", () => {
  assert.is(faultOf(() => openRoot(join(base, "none"))).code, "NOT_FOUND");
  assert.is(faultOf(() => openRoot(join(ws, "src/main.ts"))).code, "NOT_A_DIRECTORY");
  assert.is(faultOf(() => openRoot("/")).code, "INVALID_ARGUMENT");
});

function openDescriptors(): number {
  return fs.readdirSync(process.platform === "linux" ? "/proc/self/fd" : "/dev/fd").length;
}

test.run();
