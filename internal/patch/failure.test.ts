import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Fault } from "../errs/errs.js";
import { openRoot, type Root } from "../workspace/root.js";
import { sha256 } from "./facts.js";
import { type Bench, callerOn, makeBench, patcherOn, removeBench } from "./faults.test.util.js";

const base = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "failure-")));
let bench: Bench;
let root: Root;
test.before.each(() => {
  bench = makeBench(base);
  root = openRoot(bench.workspace);
});
test.after.each(() => {
  root.close();
  removeBench(bench);
});
test.after(() => fs.rmSync(base, { recursive: true, force: true }));

const source = Array.from({ length: 30 }, (_, i) => `line ${i + 1}`)
  .toSpliced(
    9,
    5,
    "function total(items) {",
    "  let sum = 0;",
    "  for (const item of items) sum += item;",
    "  return sum;",
    "}",
  )
  .join("\n");

/** Applies a patch that has its place. */
async function land(text: string): Promise<void> {
  await patcherOn(bench).applyPatch(callerOn(root), text, false);
}

/** Why a patch is refused. */
async function refusal(text: string): Promise<Fault> {
  try {
    await land(text);
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error("it was applied");
}

function update(body: string): string {
  return `*** Begin Patch\n*** Update File: a.js\n${body}\n*** End Patch`;
}

function write(text: string): void {
  fs.writeFileSync(join(bench.workspace, "a.js"), text);
}

function read(): string {
  return fs.readFileSync(join(bench.workspace, "a.js"), "utf8");
}

test("a miss shows the nearest region, the hash and a retry that applies", async () => {
  write(source);
  const fault = await refusal(
    update(
      " function total(items) {\n-  var sum = 0;\n+  let sum = 1;\n   for (const item of items) sum += item;",
    ),
  );
  assert.is(fault.code, "PATCH_CONTEXT_NOT_FOUND");
  const {
    path,
    hunk_index,
    match_count,
    sha256: hash,
    already_applied,
    nearest,
    next_action,
    retry,
  } = fault.details as {
    [name: string]: unknown;
    nearest: { start_line: number; end_line: number; text: string };
    retry: { tool: string; arguments: { patch: string } };
  };
  assert.equal([path, hunk_index, match_count, already_applied], ["a.js", 0, 0, false]);
  assert.is(hash, sha256(Buffer.from(source)));
  assert.equal([nearest.start_line, nearest.end_line], [8, 14]);
  assert.match(nearest.text, /^11: {3}let sum = 0;$/m);
  assert.ok(fault.hint?.includes(nearest.text));
  assert.equal(next_action, { tool: "read_file", arguments: { path: "a.js", start_line: 8, end_line: 14 } });
  assert.is(retry.tool, "apply_patch");
  await land(retry.arguments.patch);
  assert.is(read(), source.replace("sum = 0", "sum = 1"));
});

test("one line that is a little different is found by its words", async () => {
  write(source);
  const fault = await refusal(update("-  return the sum;\n+  return 1;"));
  assert.match((fault.details.nearest as { text: string }).text, /13: {3}return sum;/);
  assert.is(fault.details.retry, undefined);
});

test("nothing alike: the whole file is to be read", async () => {
  write(source);
  const fault = await refusal(update("-quite another thing\n+x"));
  assert.is(fault.details.nearest, undefined);
  assert.equal(fault.details.next_action, { tool: "read_file", arguments: { path: "a.js" } });
});

test("several places come with hunks that are ready to send", async () => {
  write("a\nx\nb\na\nx\nc\n");
  const fault = await refusal(update("-x\n+y"));
  assert.is(fault.code, "PATCH_CONTEXT_AMBIGUOUS");
  const { match_count, candidates } = fault.details as {
    match_count: number;
    candidates: { start_line: number; hunk: string }[];
  };
  assert.equal([match_count, candidates.map(({ start_line }) => start_line)], [2, [2, 5]]);
  await land(update(candidates[1]?.hunk ?? ""));
  assert.is(read(), "a\nx\nb\na\ny\nc\n");
});

test("several places of an insert too", async () => {
  write("a\nb\na\nc\n");
  const fault = await refusal(update("@@ a\n+x"));
  assert.is(fault.code, "PATCH_CONTEXT_AMBIGUOUS");
  const [, second] = fault.details.candidates as { hunk: string }[];
  await land(update(second?.hunk ?? ""));
  assert.is(read(), "a\nb\na\nx\nc\n");
});

test("a patch whose answer was lost says that it is applied", async () => {
  write(source);
  const text = `*** Begin Patch\n*** Add File: n\n+n\n*** Update File: a.js\n@@\n-  let sum = 0;\n+  let sum = 1;\n*** End Patch`;
  const updated = text.replace("*** Add File: n\n+n\n", "");
  await land(updated);
  assert.is((await refusal(updated)).details.already_applied, true);
  assert.is((await refusal(text)).details.already_applied, false);
  fs.writeFileSync(join(bench.workspace, "n"), "n\n");
  const fault = await refusal(text);
  assert.equal([fault.code, fault.details.already_applied], ["PATCH_FAILED", true]);
});

test("a second hunk is counted from the first", async () => {
  write(source);
  const fault = await refusal(update("@@\n-line 1\n+LINE 1\n@@\n-line 77\n+x"));
  assert.equal([fault.code, fault.details.hunk_index], ["PATCH_CONTEXT_NOT_FOUND", 1]);
  assert.is(read(), source);
});

test("lines that are elsewhere than below their anchor are named", async () => {
  write(source);
  const fault = await refusal(update("@@ line 20\n-  return sum;\n+  return 1;"));
  assert.match(fault.message ?? "", /line 13/);
});

test("a long patch brings no retry, a long region is cut", async () => {
  write(`${source}\n${"y\n".repeat(100)}`);
  const long = await refusal(
    update(`@@\n-line 2\n+${"x".repeat(40_000)}\n@@\n line 3\n-line 4x\n+x\n line 5`),
  );
  assert.is(long.details.retry, undefined);
  const wide = await refusal(update(`-line 29\n-line 30x\n${"-y\n".repeat(100)}+x`));
  const { start_line, end_line } = wide.details.nearest as { start_line: number; end_line: number };
  assert.is(end_line - start_line, 39);
});

test.run();
