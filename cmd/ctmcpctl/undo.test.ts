import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { UndoBackend } from "../../internal/admin/backend.js";
import type { UndoReport } from "../../internal/admin/types.js";
import { systemClock } from "../../internal/clock/clock.js";
import { Fault } from "../../internal/errs/errs.js";
import { createPatcher, type Patcher } from "../../internal/patch/patcher.js";
import { openRoot, type Root } from "../../internal/workspace/root.js";
import { ctl, type Home, makeHome, withDaemon } from "./ctl.test.util.js";

let home: Home;
let root: Root;
let patcher: Patcher;
test.before.each(() => {
  home = makeHome();
  root = openRoot(home.folder);
  const stateDir = join(home.dir, "state");
  fs.mkdirSync(stateDir, { mode: 0o700 });
  patcher = createPatcher({
    stateDir,
    uid: process.getuid?.() ?? 0,
    clock: systemClock,
    openRoot: (path) => openRoot(path),
  });
});
test.after.each(() => {
  root.close();
  home.remove();
});

const real = (): UndoBackend => ({ list: patcher.listUndo, undo: patcher.undo });

/** Lets a client's patch through: the lines between its first and its last. */
async function patch(...lines: string[]): Promise<void> {
  const workspace = { id: "app", path: root.path, profile: "full", root } as const;
  const text = ["*** Begin Patch", ...lines, "*** End Patch"].join("\n");
  await patcher.applyPatch({ workspace, signal: new AbortController().signal }, text, false);
}

const pathOf = (name: string): string => join(home.folder, name);
const read = (name: string): string => fs.readFileSync(pathOf(name), "utf8");

test("lists what was changed, takes back the newest or the one named, until nothing is left", () =>
  withDaemon({ home, undo: real() }, async () => {
    fs.writeFileSync(pathOf("a"), "one\n");
    await patch("*** Update File: a", "-one", "+two", "*** Add File: dir/b", "+b");
    await patch("*** Add File: c", "+c");
    await patch("*** Delete File: c");
    const listed = JSON.parse((await ctl(home, ["undo", "--list", "--json"])).stdout);
    assert.equal(listed, { schema: 1, entries: await patcher.listUndo() });
    const [newest, , oldest] = listed.entries as UndoReport[];
    const { stdout } = await ctl(home, ["undo", "--list"]);
    assert.match(stdout, /^ID +AT +WORKSPACE +TOOL +SUMMARY\n/);
    const row = /^(\S+) {2}(\S+) {2}app {8}apply_patch {2}M a, A dir\/b$/m.exec(stdout);
    assert.equal(row?.slice(1), [oldest?.id, oldest?.at]);
    assert.not(fs.existsSync(pathOf("c")));

    const last = await ctl(home, ["undo"]);
    assert.equal([last.code, last.stdout], [0, `undone: ${newest?.at} app\nD c\n`]);
    assert.is(read("c"), "c\n");

    const named = await ctl(home, ["undo", oldest?.id ?? "", "--json"]);
    const { changes, ...undone } = JSON.parse(named.stdout).undone;
    assert.equal(undone, { ...oldest, warnings: [] });
    assert.equal(
      changes.map((change: { path: string }) => change.path),
      ["a", "dir/b"],
    );
    assert.is(read("a"), "one\n");
    assert.not(fs.existsSync(pathOf("dir")));

    assert.is((await ctl(home, ["undo"])).code, 0);
    assert.is((await ctl(home, ["undo", "--list"])).stdout, "there is nothing to undo\n");
    assert.is((await ctl(home, ["undo"])).code, 1);
  }));

test("a file changed since is left alone, and the daemon's words say so", () =>
  withDaemon({ home, undo: real() }, async () => {
    await patch("*** Add File: a", "+one");
    fs.writeFileSync(pathOf("a"), "mine\n");
    const { code, stdout, stderr } = await ctl(home, ["undo"]);
    assert.is(code, 5, stderr);
    assert.is(stdout, "");
    assert.match(stderr, /error: "a" .*\nhint: .+\n$/);
    assert.is(read("a"), "mine\n");
    // It was that change which stood in the way.
    fs.writeFileSync(pathOf("a"), "one\n");
    assert.is((await ctl(home, ["undo"])).code, 0);
    assert.not(fs.existsSync(pathOf("a")));
  }));

test("an entry that is not there is a failure, an argument that makes no sense a wrong command line", () =>
  withDaemon({ home, undo: real() }, async () => {
    await patch("*** Add File: a", "+one");
    for (const id of ["0-0", "../a", ""]) {
      const { code, stdout, stderr } = await ctl(home, ["undo", id, "--json"]);
      assert.is(code, 1, stderr);
      assert.is(JSON.parse(stdout).error.code, "NOT_FOUND");
    }
    assert.is((await ctl(home, ["undo", "0-0", "--list"])).code, 2);
    assert.is(read("a"), "one\n");
  }));

test("what could not be put back is a failure with all that is known", async () => {
  const details = { recovery_backups: [{ path: "a", backup: ".a.old" }] };
  const undo = async () => {
    throw new Fault("PATCH_ROLLBACK_FAILED", "half of it", { hint: "look", details });
  };
  await withDaemon({ home, undo: { ...real(), undo } }, async () => {
    const { code, stdout } = await ctl(home, ["undo", "--json"]);
    assert.is(code, 1);
    assert.equal(JSON.parse(stdout).error, {
      code: "PATCH_ROLLBACK_FAILED",
      message: "half of it",
      hint: "look",
      details,
    });
  });
});

test("names of files cannot drive the terminal, warnings are shown, and a long list is cut", async () => {
  const summary = ["A x\x1b[2J\ny", "A b", "A c", "A d", "A e"];
  const entry = { id: "1-1", at: "2026-01-02T03:04:05.000Z", tool: "apply_patch", workspace: "app", summary };
  const report = { ...entry, root: home.folder };
  const undo: UndoBackend = {
    list: async () => [report],
    undo: async () => ({ ...report, changes: [], warnings: ["odd\x07"] }),
  };
  await withDaemon({ home, undo }, async () => {
    const list = (await ctl(home, ["undo", "--list"])).stdout;
    assert.match(list, /^1-1 .* {2}A x\\x1b\[2J\\x0ay, A b, A c, and 2 more\n$/m);
    assert.is(
      (await ctl(home, ["undo"])).stdout,
      `undone: ${entry.at} app\nA x\\x1b[2J\\x0ay\nA b\nA c\nA d\nA e\nwarning: odd\\x07\n`,
    );
    assert.equal(JSON.parse((await ctl(home, ["undo", "--list", "--json"])).stdout).entries, [report]);
  });
});

test("a daemon that changes no files has nothing to take back", () =>
  withDaemon({ home }, async () => {
    assert.is((await ctl(home, ["undo", "--list"])).stdout, "there is nothing to undo\n");
    assert.is((await ctl(home, ["undo"])).code, 1);
  }));

test.run();
