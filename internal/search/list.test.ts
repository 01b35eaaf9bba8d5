import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../clock/clock.js";
import { Fault } from "../errs/errs.js";
import { type OpenedDir, openRoot } from "../workspace/root.js";
import { createIgnoreChecker } from "./ignore.js";
import { type FileListing, type ListRequest, listFiles } from "./list.js";
import { createRipgrep, findRipgrep } from "./ripgrep.js";

const base = realpathSync(mkdtempSync(join(tmpdir(), "list-")));
const dir = join(base, "work");
const globalFile = join(base, "ignore");
write({
  ".gitignore": "*.log\n!keep.log\ngenerated/\n",
  ".hidden.ts": "",
  ".github/flow.yml": "",
  ".ignore": "a.ts\n",
  "a.ts": "abc",
  "b.ts": "",
  "keep.log": "",
  "left.log": "",
  "mine.private": "",
  "src/a.ts": "",
  "src/deep/c.ts": "",
  "src/deep/d.js": "",
  "src/node_modules/x/i.ts": "",
  "src/build/out.ts": "",
  "generated/g.ts": "",
  "generated/node_modules/y.ts": "",
});
writeFileSync(globalFile, "*.private\n");
writeFileSync(join(base, "outside.ts"), "");
symlinkSync("../outside.ts", join(dir, "link.ts"));
symlinkSync("src", join(dir, "folder"));
execFileSync("mkfifo", [join(dir, "fifo.ts")]);
execFileSync("git", ["init", "-q"], { cwd: dir });
const root = openRoot(dir);
test.after(() => {
  root.close();
  rmSync(base, { recursive: true, force: true });
});

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
}

const deps = {
  ripgrep: createRipgrep({ program: findRipgrep({ searchPath: undefined }), clock: systemClock }),
  ignore: createIgnoreChecker(root, { globalFile }),
};
const defaults: ListRequest = {
  path: ".",
  include: [],
  exclude: [],
  includeHidden: false,
  includeIgnored: false,
  maxResults: 1000,
  sort: "path",
};
const never = new AbortController().signal;

function list(request: Partial<ListRequest> = {}): Promise<FileListing> {
  return listFiles(root, deps, { ...defaults, ...request }, never);
}

async function paths(request: Partial<ListRequest> = {}): Promise<string[]> {
  return (await list(request)).files.map(({ path }) => path);
}

const plain = ["a.ts", "b.ts", "keep.log", "src/a.ts", "src/deep/c.ts", "src/deep/d.js"];

test("lists regular files, without hidden, ignored and generated ones", async () => {
  assert.equal(await list(), {
    files: plain.map((path) => {
      const { size, mtimeMs } = statSync(join(dir, path));
      return { path, sizeBytes: size, modifiedMs: Math.floor(mtimeMs) };
    }),
    truncated: false,
    warnings: [],
  });
});

test("hidden files come when asked for, .git never", async () => {
  const hidden = await paths({ includeHidden: true });
  assert.equal(
    hidden.filter((path) => !plain.includes(path)),
    [".github/flow.yml", ".gitignore", ".hidden.ts", ".ignore"],
  );
  const all = await paths({ includeHidden: true, includeIgnored: true });
  assert.ok(!all.some((path) => path.startsWith(".git/")));
});

test("ignored and generated files come when asked for, at any depth", async () => {
  const all = await paths({ includeIgnored: true });
  assert.equal(
    all.filter((path) => !plain.includes(path)),
    [
      "generated/g.ts",
      "generated/node_modules/y.ts",
      "left.log",
      "mine.private",
      "src/build/out.ts",
      "src/node_modules/x/i.ts",
    ],
  );
});

test("globs pick names at any depth or paths, and take in nothing hidden or ignored", async () => {
  assert.equal(await paths({ include: ["*.ts"] }), ["a.ts", "b.ts", "src/a.ts", "src/deep/c.ts"]);
  assert.equal(await paths({ include: ["*.log"] }), ["keep.log"]);
  assert.equal(await paths({ include: ["src/*.ts", "*.js"] }), ["src/a.ts", "src/deep/d.js"]);
  assert.equal(await paths({ include: ["./b.ts", "/a.ts"] }), ["a.ts", "b.ts"]);
  assert.equal(await paths({ include: ["**/*.{js,log}"] }), ["keep.log", "src/deep/d.js"]);
  assert.equal(await paths({ include: ["*.ts"], exclude: ["src"] }), ["a.ts", "b.ts"]);
  assert.equal(await paths({ include: ["*.ts", "!a.ts"], exclude: ["!b.ts"] }), ["src/deep/c.ts"]);
  assert.equal(await paths({ include: ["-*", "--help"] }), []);
  assert.equal(await paths({ include: [".github/*"] }), [".github/flow.yml"]);
});

test("ripgrep by itself would take ignored and hidden files in with a glob", async () => {
  let text = "";
  await deps.ripgrep.run({
    args: ["--files", "--glob=*.log", "--glob=*.ts", "./"],
    cwd: dir,
    signal: never,
    take: (chunk) => {
      text += chunk;
      return false;
    },
  });
  assert.ok(text.includes("left.log"));
  assert.ok(text.includes(".hidden.ts"));
});

test("below a folder, globs count from it and from the top", async () => {
  assert.equal(await paths({ path: "src" }), ["src/a.ts", "src/deep/c.ts", "src/deep/d.js"]);
  assert.equal(await paths({ path: "src", include: ["deep/*.ts"] }), ["src/deep/c.ts"]);
  assert.equal(await paths({ path: "./src/", include: ["src/deep/*.ts"] }), ["src/deep/c.ts"]);
  assert.equal(await paths({ path: "folder/deep", include: ["*.js"] }), ["src/deep/d.js"]);
});

test("a folder that is ignored or hidden is listed when it is named", async () => {
  assert.equal(await paths({ path: "generated" }), ["generated/g.ts"]);
  assert.equal(await paths({ path: "generated", include: ["*.ts"] }), ["generated/g.ts"]);
  assert.equal(await paths({ path: "src/node_modules" }), ["src/node_modules/x/i.ts"]);
  assert.equal(await paths({ path: ".github" }), [".github/flow.yml"]);
});

test("the first by path are returned, whatever ripgrep finds first", async () => {
  for (let round = 0; round < 5; round++) {
    const { files, truncated } = await list({ maxResults: 2 });
    assert.equal(
      files.map(({ path }) => path),
      plain.slice(0, 2),
    );
    assert.is(truncated, true);
  }
  assert.is((await list({ maxResults: plain.length })).truncated, false);
});

test("sorts the newest first", async () => {
  utimesSync(join(dir, "src/deep/c.ts"), 2_000_000_000, 2_000_000_000);
  utimesSync(join(dir, "b.ts"), 1_900_000_000, 1_900_000_000);
  assert.equal(await paths({ sort: "modified", maxResults: 2 }), ["src/deep/c.ts", "b.ts"]);
});

test("a name that is not UTF-8 is left out and said to be", async () => {
  const folder = join(dir, "names");
  mkdirSync(folder);
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xe9])]), "");
  writeFileSync(join(folder, "\ufffd-real"), "");
  writeFileSync(join(folder, "é\n"), "");
  const { files, warnings } = await list({ path: "names" });
  rmSync(folder, { recursive: true });
  assert.equal(
    files.map(({ path }) => path),
    ["names/é\n", "names/\ufffd-real"],
  );
  assert.is(warnings.length, 1);
});

async function codeOf(request: Partial<ListRequest>, signal = never): Promise<string> {
  try {
    await listFiles(root, deps, { ...defaults, ...request }, signal);
  } catch (error) {
    return error instanceof Fault ? error.code : `not a Fault: ${error}`;
  }
  return "";
}

test("refuses what it cannot list", async () => {
  assert.is(await codeOf({ path: ".." }), "PATH_OUTSIDE_WORKSPACE");
  assert.is(await codeOf({ path: "nowhere" }), "NOT_FOUND");
  assert.is(await codeOf({ path: "a.ts" }), "NOT_A_DIRECTORY");
  assert.is(await codeOf({ path: ".git" }), "INVALID_ARGUMENT");
  assert.is(await codeOf({ path: ".git/info" }), "INVALID_ARGUMENT");
  assert.is(await codeOf({ include: ["["] }), "INVALID_ARGUMENT");
  assert.is(await codeOf({ include: [""] }), "INVALID_ARGUMENT");
  assert.is(await codeOf({ exclude: ["a\0b"] }), "INVALID_ARGUMENT");
  assert.is(await codeOf({ include: new Array<string>(101).fill("*") }), "INVALID_ARGUMENT");
  assert.is(await codeOf({ exclude: ["x".repeat(1001)] }), "INVALID_ARGUMENT");
  assert.is(await codeOf({}, AbortSignal.abort()), "CANCELLED");
});

test("a listing that takes too long says so", async () => {
  const clock = {
    ...systemClock,
    after: (_ms: number, run: () => void) => {
      run();
      return () => {};
    },
  };
  const ripgrep = createRipgrep({ program: deps.ripgrep.program, clock });
  const listing = await listFiles(root, { ...deps, ripgrep }, defaults, never);
  assert.is(listing.truncated, true);
  assert.is(listing.warnings.length, 1);
});

test("a folder that may not be read is left out; having no descriptors left is an error", async () => {
  const failing = (code: "PERMISSION_REQUIRED" | "SERVER_BUSY"): Promise<FileListing> => {
    const openDir = (path: string): OpenedDir => {
      if (path === "src/deep") throw new Fault(code, "injected");
      return root.openDir(path);
    };
    return listFiles({ ...root, openDir }, deps, defaults, never);
  };
  const { files } = await failing("PERMISSION_REQUIRED");
  assert.equal(
    files.map(({ path }) => path),
    plain.filter((path) => !path.startsWith("src/deep")),
  );
  await failing("SERVER_BUSY").then(
    () => assert.unreachable(),
    (error) => assert.is((error as Fault).code, "SERVER_BUSY"),
  );
});

test.run();
