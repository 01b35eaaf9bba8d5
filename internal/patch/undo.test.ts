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
  createFaults,
  makeBench,
  patcherOn,
  readTree,
  removeBench,
  writeTree,
} from "./faults.test.util.js";
import { createJournal } from "./journal.js";
import { systemJournalFs } from "./journal-fs.js";
import type { Patcher } from "./patcher.js";

const base = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "undo-")));
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

async function patch(body: string): Promise<void> {
  await patcher.applyPatch(callerOn(root), `*** Begin Patch\n${body}\n*** End Patch`, false);
}

async function codeOf(run: Promise<unknown>): Promise<string> {
  try {
    await run;
    return "none";
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
}

/** The step at which a patch of the workspace renames a file for the `nth` time. */
async function renameOf(text: string, nth: number): Promise<number> {
  const copy = makeBench(base);
  writeTree(copy.workspace, readTree(bench.workspace));
  const copyRoot = openRoot(copy.workspace);
  const probe = createFaults([]);
  await patcherOn(copy, probe).applyPatch(callerOn(probe.wrap(copyRoot)), text, false);
  copyRoot.close();
  return probe.steps.flatMap((name, i) => (name === "rename" ? [i + 1] : []))[nth - 1] ?? 0;
}

test("the last change first, until nothing is left; a new process goes on", async () => {
  const start = { a: "600 one\r\n\xff", "dir/b": "755 b\n" };
  writeTree(bench.workspace, { ...start, text: "640 1\n" });
  const begin = readTree(bench.workspace);
  await patch(
    "*** Update File: text\n-1\n+2\n*** Delete File: a\n*** Update File: dir/b\n*** Move to: x/y/c",
  );
  const middle = readTree(bench.workspace);
  await patcher.editFile(callerOn(root), { path: "text", oldText: "2", newText: "3", expectedCount: 1 });
  const listed = await patcher.listUndo();
  assert.equal(
    listed.map(({ tool, workspace, root: path, summary }) => ({ tool, workspace, path, summary })),
    [
      { tool: "edit_file", workspace: "w", path: bench.workspace, summary: ["M text"] },
      {
        tool: "apply_patch",
        workspace: "w",
        path: bench.workspace,
        summary: ["M text", "D a", "R dir/b -> x/y/c"],
      },
    ],
  );
  const undone = await patcher.undo();
  assert.is(undone.id, listed[0]?.id);
  assert.equal(readTree(bench.workspace), middle);
  patcher = patcherOn(bench);
  assert.equal(await patcher.recoverPatches(), []);
  assert.is((await patcher.listUndo()).length, 1);
  await patcher.undo();
  assert.equal(readTree(bench.workspace), begin);
  assert.equal(await patcher.listUndo(), []);
  assert.is(await codeOf(patcher.undo()), "NOT_FOUND");
});

test("one that others build upon is not taken back; the newer one first", async () => {
  writeTree(bench.workspace, { a: "644 1\n", b: "644 1\n" });
  await patch("*** Update File: a\n-1\n+2\n*** Update File: b\n-1\n+2");
  await patch("*** Update File: b\n-2\n+3");
  const [newer, older] = await patcher.listUndo();
  const before = readTree(bench.workspace);
  assert.is(await codeOf(patcher.undo(older?.id)), "PATCH_CONFLICT");
  assert.equal(readTree(bench.workspace), before);
  await patcher.undo(newer?.id);
  await patcher.undo(older?.id);
  assert.equal(readTree(bench.workspace), { a: "644 1\n", b: "644 1\n" });
  assert.is(await codeOf(patcher.undo(older?.id)), "NOT_FOUND");
});

test("what the owner changed since is not overwritten", async () => {
  writeTree(bench.workspace, { a: "644 1\n" });
  await patch("*** Update File: a\n-1\n+2\n*** Add File: n\n+n");
  fs.writeFileSync(join(bench.workspace, "n"), "mine\n");
  assert.is(await codeOf(patcher.undo()), "PATCH_CONFLICT");
  assert.equal(readTree(bench.workspace), { a: "644 2\n", n: "644 mine\n" });
});

test("after a kill, a file that was changed meanwhile is left and named, the others are put back", async () => {
  writeTree(bench.workspace, { a: "644 1\n", b: "644 1\n", c: "644 1\n" });
  const text = `*** Begin Patch\n${["a", "b", "c"].map((name) => `*** Update File: ${name}\n-1\n+2\n`).join("")}*** End Patch`;
  // Two of the three are new by then.
  const faults = createFaults([{ at: await renameOf(text, 3), kind: "KILL" }]);
  await patcherOn(bench, faults)
    .applyPatch(callerOn(faults.wrap(root)), text, false)
    .catch(() => {});
  assert.is(fs.readFileSync(join(bench.workspace, "a"), "utf8"), "2\n");
  fs.writeFileSync(join(bench.workspace, "b"), "mine\n");
  const [recovered] = await patcherOn(bench).recoverPatches();
  assert.is(recovered?.outcome, "conflict");
  assert.is(recovered?.problems.length, 1);
  const { a, b, c, ...backup } = readTree(bench.workspace);
  assert.equal([a, b, c], ["644 1\n", "644 mine\n", "644 1\n"]);
  assert.equal(Object.values(backup), ["644 1\n"]);
  assert.ok(recovered?.problems[0]?.includes(Object.keys(backup)[0] ?? "none"));
  assert.equal(await patcherOn(bench).recoverPatches(), []);
});

test("a file that cannot be put back is named with its backup, and the next start puts it back", async () => {
  const old = { a: "644 1\n", b: "644 1\n" };
  writeTree(bench.workspace, old);
  const text = "*** Begin Patch\n*** Update File: a\n-1\n+2\n*** Update File: b\n-1\n+2\n*** End Patch";
  const second = await renameOf(text, 2);
  // Each step of the rollback fails in its turn.
  for (let at = second + 1, seen = false; !seen; at++) {
    const faults = createFaults([
      { at: second, kind: "EIO" },
      { at, kind: "EACCES" },
    ]);
    const run = patcherOn(bench, faults).applyPatch(callerOn(faults.wrap(root)), text, false);
    const fault: unknown = await run.catch((error: unknown) => error);
    assert.ok(fault instanceof Fault && at <= faults.steps.length);
    if (fault.code === "PATCH_ROLLBACK_FAILED" && readTree(bench.workspace).a === "644 2\n") {
      const [lost] = fault.details.recovery_backups as { path: string; backup: string }[];
      assert.is(lost?.path, "a");
      assert.is(fs.readFileSync(join(bench.workspace, lost?.backup ?? "none"), "utf8"), "1\n");
      assert.equal(
        (fault.details.rollback_errors as { path: string }[]).map(({ path }) => path),
        ["a"],
      );
      seen = true;
    }
    await patcherOn(bench).recoverPatches();
    assert.equal(readTree(bench.workspace), old);
  }
});

test("a workspace that is gone keeps its journal for the next start", async () => {
  writeTree(bench.workspace, { a: "644 1\n", b: "644 1\n" });
  const text = "*** Begin Patch\n*** Update File: a\n-1\n+2\n*** Update File: b\n-1\n+2\n*** End Patch";
  const faults = createFaults([{ at: await renameOf(text, 2), kind: "KILL" }]);
  await patcherOn(bench, faults)
    .applyPatch(callerOn(faults.wrap(root)), text, false)
    .catch(() => {});
  fs.renameSync(bench.workspace, `${bench.workspace}.away`);
  assert.is((await patcherOn(bench).recoverPatches())[0]?.outcome, "failed");
  fs.renameSync(`${bench.workspace}.away`, bench.workspace);
  assert.is((await patcherOn(bench).recoverPatches())[0]?.outcome, "rolled-back");
  assert.equal(readTree(bench.workspace), { a: "644 1\n", b: "644 1\n" });
});

test("the journal is private and bounded, by number and by size", async () => {
  await patch("*** Add File: a\n+1");
  assert.is(fs.statSync(join(bench.state, "undo")).mode & 0o777, 0o700);
  for (const name of fs.readdirSync(join(bench.state, "undo"))) {
    assert.is(fs.statSync(join(bench.state, "undo", name)).mode & 0o777, 0o600);
  }
  const dir = join(bench.state, "small");
  const journal = createJournal({
    dir,
    uid: process.getuid?.() ?? 0,
    fs: systemJournalFs,
    maxEntries: 3,
    maxBytes: 3000,
  });
  const add = async (id: string, bytes: number): Promise<void> => {
    const entry = {
      id,
      at: "",
      tool: "apply_patch" as const,
      workspace: "",
      root: "",
      summary: [],
      changes: [],
      dirs: [],
    };
    await journal.begin(entry, [Buffer.alloc(bytes)]);
    await journal.settle(id, "done", false);
  };
  for (const id of ["1-a", "2-a", "3-a", "4-a"]) await add(id, 10);
  assert.equal(await journal.ids("done"), ["2-a", "3-a", "4-a"]);
  await add("5-a", 2800);
  assert.equal(await journal.ids("done"), ["5-a"]);
  assert.equal(fs.readdirSync(dir), ["5-a.done"]);
});

test("an entry of 1000 files is read back whole", async () => {
  const names = Array.from({ length: 1000 }, (_, i) => `some-directory-with-a-name/and-a-file-${i}`);
  await patch(names.map((name) => `*** Add File: ${name}\n+${name}`).join("\n"));
  await patcherOn(bench).undo();
  assert.equal(readTree(bench.workspace), {});
});

test("a journal others can look into is refused before anything is touched", async () => {
  fs.mkdirSync(join(bench.state, "undo"));
  fs.chmodSync(join(bench.state, "undo"), 0o755);
  assert.is(await codeOf(patch("*** Add File: a\n+1")), "PERMISSION");
  assert.equal(readTree(bench.workspace), {});
});

test.run();
