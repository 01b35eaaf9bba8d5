// time limit: 150 s
/** Whatever fails, and whenever the process dies: all old or all new, no lost byte, nothing left behind. */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Fault } from "../errs/errs.js";
import { openRoot } from "../workspace/root.js";
import {
  type Bench,
  callerOn,
  createFaults,
  type FaultKind,
  type Faults,
  makeBench,
  type PlannedFault,
  patcherOn,
  readTree,
  removeBench,
  type Tree,
  writeTree,
} from "./faults.test.util.js";

const base = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "atomicity-")));
test.after(() => fs.rmSync(base, { recursive: true, force: true }));

/** A change, with the tree before and the one it should make. */
interface Case {
  readonly old: Tree;
  readonly next: Tree;
  readonly patch: string;
}

interface Outcome {
  readonly result: "done" | "refused" | "killed";
  readonly steps: readonly string[];
}

/** Runs `change` under faults and tells how it ended. */
async function underFaults(
  faults: readonly PlannedFault[],
  { steps }: Faults,
  change: () => Promise<unknown>,
): Promise<{ result: Outcome["result"]; fault: unknown }> {
  try {
    await change();
    return { result: "done", fault: undefined };
  } catch (fault) {
    const killed = faults.some(({ at, kind }) => kind === "KILL" && at <= steps.length);
    return { result: killed ? "killed" : "refused", fault };
  }
}

/** Recovers once under `faults`, as when that process dies too, and then for good. */
async function recover(bench: Bench, faults: readonly PlannedFault[], what: string): Promise<void> {
  const faulty = createFaults(faults);
  if (faults.length > 0)
    await patcherOn(bench, faulty)
      .recoverPatches()
      .catch(() => {});
  const recovered = await patcherOn(bench).recoverPatches();
  assert.ok(
    recovered.every(({ outcome }) => outcome === "completed" || outcome === "rolled-back"),
    `${what}: ${JSON.stringify(recovered)}`,
  );
}

/** What the journal holds after recovery. */
function journalOf({ state }: Bench): string[] {
  const dir = join(state, "undo");
  return fs.existsSync(dir) ? fs.readdirSync(dir).map((name) => name.replace(/.*\./, "")) : [];
}

/** Applies the patch under faults and holds what is then on disk, before and after recovery, against the two trees. */
async function attempt(
  { old, next, patch }: Case,
  faults: readonly PlannedFault[],
  recoveryFaults: readonly PlannedFault[] = [],
): Promise<Outcome> {
  const bench = makeBench(base);
  const what = JSON.stringify({ patch, faults, recoveryFaults });
  try {
    writeTree(bench.workspace, old);
    const root = openRoot(bench.workspace);
    const faulty = createFaults(faults);
    const { result, fault } = await underFaults(faults, faulty, () =>
      patcherOn(bench, faulty).applyPatch(callerOn(faulty.wrap(root)), patch, false),
    );
    root.close();
    hold(bench, { result, fault, old, next, what });
    await recover(bench, recoveryFaults, what);
    const isSettled = !(fault instanceof Fault && fault.code === "PATCH_ROLLBACK_FAILED");
    const isNew = holdRecovered(bench, { result, isSettled, old, next, what });
    assert.equal(journalOf(bench), isNew ? ["done"] : [], what);
    return { result, steps: faulty.steps };
  } finally {
    removeBench(bench);
  }
}

/** Takes a patch back under faults: all of it is taken back or nothing. */
async function attemptUndo({ old, next, patch }: Case, faults: readonly PlannedFault[]): Promise<Outcome> {
  const bench = makeBench(base);
  const what = JSON.stringify({ undo: patch, faults });
  try {
    writeTree(bench.workspace, old);
    const root = openRoot(bench.workspace);
    await patcherOn(bench).applyPatch(callerOn(root), patch, false);
    root.close();
    const faulty = createFaults(faults);
    const { result, fault } = await underFaults(faults, faulty, () => patcherOn(bench, faulty).undo());
    const trees = { old: next, next: old, what };
    // Emptied directories go last, when the files are back; one that stays is no harm.
    if (result !== "done" || faults.length === 0) hold(bench, { result, fault, ...trees });
    await recover(bench, [], what);
    removeEmptyDirs(bench.workspace, old);
    const undone = holdRecovered(bench, { result, isSettled: true, ...trees });
    assert.equal(journalOf(bench), undone ? [] : ["done"], what);
    return { result, steps: faulty.steps };
  } finally {
    removeBench(bench);
  }
}

function removeEmptyDirs(folder: string, but: Tree): void {
  const dirs = Object.entries(readTree(folder)).filter(([name, text]) => text === "dir" && !(name in but));
  for (const [name] of dirs.reverse()) {
    if (fs.readdirSync(join(folder, name)).length === 0) fs.rmdirSync(join(folder, name));
  }
}

interface Held {
  readonly result: Outcome["result"];
  readonly old: Tree;
  readonly next: Tree;
  readonly what: string;
}

/** Right after the call: done is new, refused is old, at once. */
function hold({ workspace }: Bench, { result, fault, old, next, what }: Held & { fault: unknown }): void {
  const left = withoutSide(readTree(workspace));
  if (result === "done") assert.equal(left, next, what);
  if (result !== "refused") return;
  assert.ok(fault instanceof Fault, `${what}: ${fault}`);
  if (fault.code !== "PATCH_ROLLBACK_FAILED") assert.equal(left, old, `${what}: ${fault.message}`);
}

/**
 * After recovery: true when all is new; else all is old. Nothing is left beside the files. A call that was refused is old,
 * but where it said that it could not take the change back: then recovery decides, and either way for all of it.
 */
function holdRecovered(
  { workspace }: Bench,
  { result, isSettled, old, next, what }: Held & { readonly isSettled: boolean },
): boolean {
  const after = readTree(workspace);
  const isNew = JSON.stringify(after) === JSON.stringify(next);
  if (!isNew || (result === "refused" && isSettled)) assert.equal(after, old, what);
  if (result === "done") assert.equal(after, next, what);
  return isNew;
}

/** Without what a call could not tidy up; recovery must. */
function withoutSide(tree: Tree): Tree {
  return Object.fromEntries(Object.entries(tree).filter(([name]) => !/(^|\/)\.ctmcp-/.test(name)));
}

const everyKind: Case = {
  old: {
    "a.txt": "644 one\ntwo\nthree\n",
    dir: "dir",
    "dir/b.txt": "755 one\r\ntwo\r\n",
    "dir/gone.txt": "600 one\n",
    "dir/moved.txt": "640 one\ntwo",
  },
  next: {
    "a.txt": "644 one\n2\nthree\n",
    dir: "dir",
    "dir/b.txt": "755 one\r\n2\r\n",
    "dir/here.txt": "644 fresh\n",
    new: "dir",
    "new/deep": "dir",
    "new/deep/fresh.txt": "644 fresh\n",
    "new/moved.txt": "640 one\n2",
  },
  patch: `*** Begin Patch
*** Update File: a.txt
-two
+2
*** Update File: dir/b.txt
-two
+2
*** Delete File: dir/gone.txt
*** Update File: dir/moved.txt
*** Move to: new/moved.txt
-two
+2
*** Add File: new/deep/fresh.txt
+fresh
*** Add File: dir/here.txt
+fresh
*** End Patch`,
};

for (const kind of ["KILL", "ENOSPC", "EIO", "EACCES"] as const satisfies FaultKind[]) {
  test(`${kind} at every step of a patch that does all there is`, async () => {
    const seen = new Map<string, number>();
    for (let at = 1; ; at++) {
      const { result, steps } = await attempt(everyKind, [{ at, kind }]);
      if (at > steps.length) {
        assert.is(result, "done");
        break;
      }
      seen.set(result, (seen.get(result) ?? 0) + 1);
    }
    assert.ok((seen.get(kind === "KILL" ? "killed" : "refused") ?? 0) > 20, JSON.stringify([...seen]));
  });
}

test("a file system without hard links, killed at every step", async () => {
  const linkless: PlannedFault = { at: 1, kind: "EPERM" };
  assert.is((await attempt(everyKind, [linkless])).result, "done");
  for (let at = 2, steps = 2; at <= steps; at++) {
    steps = (await attempt(everyKind, [linkless, { at, kind: "KILL" }])).steps.length;
  }
});

for (const kind of ["KILL", "EIO"] as const) {
  test(`${kind} at every step of taking a patch back`, async () => {
    for (let at = 1, steps = 1; at <= steps; at++)
      steps = (await attemptUndo(everyKind, [{ at, kind }])).steps.length;
    assert.is((await attemptUndo(everyKind, [])).result, "done");
  });
}

test("a single file, killed at every step", async () => {
  const single: Case = {
    old: { "a.txt": "644 one\n" },
    next: { "a.txt": "644 two\n" },
    patch: "*** Begin Patch\n*** Update File: a.txt\n-one\n+two\n*** End Patch",
  };
  for (let at = 1, steps = 1; at <= steps; at++)
    steps = (await attempt(single, [{ at, kind: "KILL" }])).steps.length;
});

test("control: writing one file after the other leaves half of them new", () => {
  const bench = makeBench(base);
  writeTree(bench.workspace, everyKind.old);
  const root = openRoot(bench.workspace);
  const faulty = createFaults([{ at: 6, kind: "EIO" }]).wrap(root);
  assert.throws(() => {
    for (const name of ["a.txt", "dir/b.txt", "dir/gone.txt"]) {
      const { dir } = faulty.openPlace(name);
      dir.unlink(name.split("/").at(-1) ?? "");
      dir.close();
    }
  });
  root.close();
  const left = Object.keys(readTree(bench.workspace));
  assert.ok(!left.includes("a.txt") && left.includes("dir/gone.txt"));
});

const place = fc.constantFrom("a", "b", "dir/a", "dir/b", "dir/sub/c");
const fresh = fc.constantFrom("n", "dir/n", "dir/sub/n", "new/n", "new/deep/n");
const eol = fc.constantFrom("\n", "\r\n", "\r");
const anyLine = fc.record({ text: fc.string({ maxLength: 6 }), eol });
const anyFile = fc.record({
  path: place,
  mode: fc.constantFrom("600", "644", "755"),
  lines: fc.array(anyLine, { minLength: 1, maxLength: 5 }),
  bom: fc.boolean(),
  ended: fc.boolean(),
});
const anyCase = fc
  .record({
    files: fc.uniqueArray(anyFile, { minLength: 1, maxLength: 5, selector: ({ path }) => path }),
    actions: fc.array(fc.constantFrom("update", "delete", "move", "keep" as const), {
      minLength: 5,
      maxLength: 5,
    }),
    targets: fc.uniqueArray(fresh, { minLength: 5, maxLength: 5 }),
    added: fc.integer({ min: 0, max: 2 }),
  })
  .map(buildCase);

/** Every line has its number in it, so that each is unique and where it stands can be told. */
function buildCase({
  files,
  actions,
  targets,
  added,
}: {
  files: readonly {
    path: string;
    mode: string;
    lines: readonly { text: string; eol: string }[];
    bom: boolean;
    ended: boolean;
  }[];
  actions: readonly ("update" | "delete" | "move" | "keep")[];
  targets: readonly string[];
  added: number;
}): Case & { readonly changes: number } {
  const old: Record<string, string> = {};
  const next: Record<string, string> = {};
  const body: string[] = [];
  const free = [...targets];
  for (const [i, { path, mode, lines, bom, ended }] of files.entries()) {
    const texts = lines.map(({ text }, n) => `${n}:${text.replace(/[\r\n]/g, "")}`);
    const content = (changed: number): string => {
      const parts = lines.map((line, n) => {
        return `${texts[n]}${n === changed ? "!" : ""}${n === lines.length - 1 && !ended ? "" : line.eol}`;
      });
      return Buffer.from(`${bom ? "\ufeff" : ""}${parts.join("")}`).toString("latin1");
    };
    const action = actions[i] ?? "keep";
    const at = i % lines.length;
    old[path] = `${mode} ${content(-1)}`;
    if (action === "keep") next[path] = old[path];
    else if (action === "delete") body.push(`*** Delete File: ${path}`);
    else {
      const target = action === "move" ? (free.pop() ?? path) : path;
      body.push(`*** Update File: ${path}`, ...(target === path ? [] : [`*** Move to: ${target}`]));
      body.push("@@", `-${texts[at]}`, `+${texts[at]}!`);
      next[target] = `${mode} ${content(at)}`;
    }
  }
  for (const path of free.slice(0, added)) {
    body.push(`*** Add File: ${path}`, "+fresh");
    next[path] = "644 fresh\n";
  }
  const dirs = (tree: Record<string, string>, also: Record<string, string> = {}): Tree => {
    const all: Record<string, string> = { ...tree };
    for (const path of [...Object.keys(tree), ...Object.keys(also)]) {
      const parts = path.split("/").slice(0, -1);
      for (const [i] of parts.entries()) all[parts.slice(0, i + 1).join("/")] = "dir";
    }
    return Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
  };
  const patch = ["*** Begin Patch", ...body, "*** End Patch"].join("\n");
  return { old: dirs(old), next: dirs(next, old), patch, changes: body.length };
}

test("thousands of random patches under random faults", async () => {
  const fault = fc.record({
    at: fc.integer({ min: 1, max: 120 }),
    kind: fc.constantFrom<FaultKind>("KILL", "KILL", "ENOSPC", "EPERM", "EIO", "EACCES"),
  });
  const seen: Record<string, number> = {};
  await fc.assert(
    fc.asyncProperty(
      anyCase,
      fc.array(fault, { maxLength: 2 }),
      fc.array(fault, { maxLength: 1 }),
      async (one, faults, later) => {
        fc.pre(one.changes > 0);
        const { result } = await attempt(one, faults, later);
        seen[result] = (seen[result] ?? 0) + 1;
      },
    ),
    { numRuns: 2500, interruptAfterTimeLimit: 25_000, markInterruptAsFailure: false },
  );
  assert.ok(
    (seen.done ?? 0) > 50 && (seen.refused ?? 0) > 50 && (seen.killed ?? 0) > 50,
    JSON.stringify(seen),
  );
});

test.run();
