import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createTestClock } from "../../test/support/clock.js";
import { systemClock } from "../clock/clock.js";
import type { Fault } from "../errs/errs.js";
import type { ListedEntry } from "../files/listing.js";
import { createIgnoreChecker } from "../search/ignore.js";
import { excludedNames } from "../workspace/excluded.js";
import { openRoot } from "../workspace/root.js";
import { listDirTool } from "./list-dir.js";
import type { Tool, ToolCall } from "./types.js";

const base = fs.mkdtempSync(join(tmpdir(), "list-"));
const root = openRoot(base);
const workspace = { id: "w", path: root.path, profile: "read-only", root } as const;
const tool = listDirTool({
  ignoreChecker: ({ root }) => createIgnoreChecker(root, { globalFile: undefined }),
  clock: systemClock,
});
const reachable = [{ workspace, profile: "read-only" as const }];
const hour = 3_600_000;

test.before(() => {
  for (const dir of ["a/deep/deeper", "z", "empty", "full", ...excludedNames.map((name) => `gen/${name}`)]) {
    fs.mkdirSync(join(base, dir), { recursive: true });
  }
  spawnSync("git", ["init", "-q", base]);
  fs.writeFileSync(join(base, ".gitignore"), "*.log\n/full/ignored/\n");
  for (const file of [
    "b.txt",
    "m.log",
    "a/one.txt",
    "a/deep/two.txt",
    "a/deep/deeper/three.txt",
    "z/last.log",
  ]) {
    fs.writeFileSync(join(base, file), "1234");
  }
  fs.symlinkSync("../../elsewhere", join(base, "z/link"));
  fs.symlinkSync("a", join(base, "y-link"));
  spawnSync("mkfifo", [join(base, "z/fifo")]);
  for (let i = 0; i < 50; i++) fs.writeFileSync(join(base, "full", `f${String(i).padStart(2, "0")}`), "");
  const now = Date.now();
  for (const [i, file] of ["a/deep/two.txt", "b.txt", "a/one.txt"].entries()) {
    const at = new Date(now - (i + 1) * hour);
    fs.utimesSync(join(base, file), at, at);
  }
});
test.after(() => {
  workspace.root.close();
  fs.rmSync(base, { recursive: true, force: true });
});

interface Answer {
  readonly text: string;
  readonly entries: readonly Record<string, unknown>[];
  readonly truncated: boolean;
  readonly [field: string]: unknown;
}

const defaults = {
  path: ".",
  recursive: false,
  max_depth: 1,
  max_entries: 1000,
  include_hidden: false,
  include_ignored: false,
  sort: "name" satisfies ListedEntry["name"],
};

async function call(
  args: Record<string, unknown> = {},
  { using = tool, ...more }: Partial<ToolCall> & { using?: Tool } = {},
): Promise<Answer> {
  const { signal } = new AbortController();
  const context = {
    workspace,
    reachable,
    toolNames: [],
    caller: "test",
    ask: undefined,
    signal,
    progress: () => undefined,
    ...more,
  };
  const { content, structured } = await using.run({ args: { ...defaults, ...args }, ...context });
  const [block] = content;
  return { ...structured, text: block?.type === "text" ? block.text : "" } as unknown as Answer;
}

const pathsOf = ({ entries }: Answer): unknown[] => entries.map(({ path }) => path);

test("entries carry the contract's fields, one line of text each", async () => {
  const answer = await call();
  assert.equal(pathsOf(answer), ["a", "b.txt", "empty", "full", "gen", "y-link", "z"]);
  const [first, second] = answer.entries;
  assert.equal(Object.keys(first ?? {}), [
    "name",
    "path",
    "type",
    "size_bytes",
    "modified",
    "is_hidden",
    "is_ignored",
  ]);
  assert.equal(second, {
    name: "b.txt",
    path: "b.txt",
    type: "file",
    size_bytes: 4,
    modified: fs.statSync(join(base, "b.txt")).mtime.toISOString(),
    is_hidden: false,
    is_ignored: false,
  });
  assert.ok(answer.text.startsWith("a [directory]\nb.txt [file]\n"));
  assert.equal([answer.truncated, answer.next_action, answer.warnings], [false, null, []]);
});

test("links are named, never followed; FIFOs are left out", async () => {
  const answer = await call({ path: "z", include_ignored: true, recursive: true, max_depth: 5 });
  assert.equal(pathsOf(answer), ["z/last.log", "z/link"]);
  assert.equal([answer.entries[1]?.type, answer.entries[1]?.symlink_target], ["symlink", "../../elsewhere"]);
  const all = pathsOf(await call({ recursive: true, max_depth: 20 }));
  assert.ok(all.includes("y-link") && !all.some((path) => String(path).startsWith("y-link/")));
  assert.equal(pathsOf(await call({ path: "y-link" })), ["a/deep", "a/one.txt"]);
});

test("hidden, ignored and generated entries appear on request", async () => {
  assert.ok(pathsOf(await call({ include_hidden: true })).includes(".gitignore"));
  assert.not.ok(pathsOf(await call({ include_hidden: true })).includes(".git"));
  const ignored = (await call({ include_ignored: true })).entries.find(({ name }) => name === "m.log");
  assert.equal([ignored?.is_ignored, ignored?.is_hidden], [true, false]);
  assert.equal(pathsOf(await call({ path: "gen", include_hidden: true })), []);
  const generated = await call({ path: "gen", include_hidden: true, include_ignored: true });
  assert.is(generated.entries.length, excludedNames.length);
  assert.match((await call()).text, /2 hidden .*1 ignored/);
});

test("max_depth counts the folders opened below path", async () => {
  assert.equal(pathsOf(await call({ path: "a", recursive: true })), [
    "a/deep",
    "a/deep/deeper",
    "a/deep/two.txt",
    "a/one.txt",
  ]);
  const deep = await call({ path: "a", recursive: true, max_depth: 2 });
  assert.ok(pathsOf(deep).includes("a/deep/deeper/three.txt"));
  assert.match(deep.text, /^a\/deep \[directory\]\n/);
});

test("sorting is complete before max_entries cuts", async () => {
  assert.equal(pathsOf(await call({ path: "full", max_entries: 3 })), ["full/f00", "full/f01", "full/f02"]);
  const types = (await call({ sort: "type" })).entries.map(({ type }) => type);
  assert.equal(types, ["directory", "directory", "directory", "directory", "directory", "file", "symlink"]);
  const newest = await call({ path: "a", recursive: true, sort: "modified", include_hidden: true });
  const files = newest.entries.filter(({ type }) => type === "file").map(({ path }) => path);
  assert.equal(files, ["a/deep/two.txt", "a/one.txt"]);
  const cut = await call({ recursive: true, max_depth: 20, sort: "modified", max_entries: 1 });
  const newestOfAll = (await call({ recursive: true, max_depth: 20, sort: "modified" })).entries[0];
  assert.equal(cut.entries, [newestOfAll]);
});

test("a cut listing names the call that shows more, and that call works", async () => {
  const answer = await call({ path: "full", max_entries: 5 }, { reachable: [...reachable, ...reachable] });
  assert.is(answer.truncated, true);
  const next = answer.next_action as { tool: string; arguments: Record<string, unknown> };
  assert.equal(next, {
    tool: "list_dir",
    arguments: { ...defaults, path: "full", workspace: "w", max_entries: 50 },
  });
  assert.ok(answer.text.includes(`list_dir ${JSON.stringify(next.arguments)}`));
  const rest = await call(next.arguments);
  assert.equal([rest.entries.length, rest.truncated], [50, false]);
});

test("refusals of the workspace come through", async () => {
  for (const [path, code] of [
    ["none", "NOT_FOUND"],
    ["b.txt", "NOT_A_DIRECTORY"],
    ["..", "PATH_OUTSIDE_WORKSPACE"],
    ["z/link", "SYMLINK_ESCAPE"],
  ]) {
    try {
      await call({ path });
      assert.unreachable();
    } catch (error) {
      assert.is((error as Fault).code, code);
    }
  }
});

test("a name that is not UTF-8 is said to be one", async () => {
  const path = Buffer.concat([Buffer.from(`${base}/empty/bad-`), Buffer.from([0xff])]);
  fs.writeFileSync(path, "");
  const answer = await call({ path: "empty" });
  fs.unlinkSync(path);
  assert.equal(answer.entries, []);
  assert.is((answer.warnings as string[]).length, 1);
});

test("folders that vanish while they are listed are left out with a warning", async () => {
  let calls = 0;
  const vanishing = listDirTool({
    ignoreChecker: () => ({
      // Asked for the second folder, after the first was already listed: takes the second's content away.
      ignored(path) {
        calls++;
        if (path === "gone/b") fs.renameSync(join(base, "gone/b"), join(base, "gone/.b"));
        return false;
      },
    }),
    clock: systemClock,
  });
  fs.mkdirSync(join(base, "gone/a"), { recursive: true });
  fs.mkdirSync(join(base, "gone/b"));
  fs.mkdirSync(join(base, "gone/c"));
  const answer = await call({ path: "gone", recursive: true }, { using: vanishing });
  fs.rmSync(join(base, "gone"), { recursive: true });
  assert.equal(pathsOf(answer), ["gone/a", "gone/c"]);
  assert.is(calls, 3);
});

/** The tool where looking at an entry takes `ms`. */
function slowTool(ms: number): Tool {
  const clock = createTestClock();
  const ignored = (): boolean => {
    clock.advance(ms);
    return false;
  };
  return listDirTool({ ignoreChecker: () => ({ ignored }), clock });
}

for (const { ms, slices } of [
  { ms: 1, slices: 5 },
  { ms: 0.1, slices: 1 },
]) {
  test(`50 entries at ${ms} ms each are listed in ${slices} turns of the event loop`, async () => {
    let turns = 0;
    let listing = true;
    const count = (): void => {
      turns++;
      if (listing) setImmediate(count);
    };
    setImmediate(count);
    const { entries } = await call({ path: "full" }, { using: slowTool(ms) });
    assert.is(entries.length, 50);
    listing = false;
    assert.is(turns, slices - 1);
  });
}

test("only a recursive listing is heavy work", () => {
  const laneOf = (args: Partial<typeof defaults>) =>
    typeof tool.lane === "function" ? tool.lane({ ...defaults, ...args }) : tool.lane;
  assert.equal([laneOf({}), laneOf({ recursive: true })], ["fast", "heavy"]);
});

test("a listing ends when its call is cancelled", async () => {
  const controller = new AbortController();
  const listing = call({ path: "full" }, { using: slowTool(1), signal: controller.signal });
  controller.abort();
  let name = "none";
  await listing.catch((error: Error) => {
    name = error.name;
  });
  assert.is(name, "AbortError");
});

test.run();
