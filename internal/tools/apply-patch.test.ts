import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../clock/clock.js";
import { Fault } from "../errs/errs.js";
import { createPatcher } from "../patch/patcher.js";
import { openRoot } from "../workspace/root.js";
import { applyPatchTool } from "./apply-patch.js";
import { editFileTool } from "./edit-file.js";
import type { Tool, ToolCall } from "./types.js";

const base = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "apply-")));
fs.mkdirSync(join(base, "ws"));
fs.mkdirSync(join(base, "state"), { mode: 0o700 });
const root = openRoot(join(base, "ws"));
const workspace = { id: "w", path: root.path, profile: "full", root } as const;
const reachable = [{ workspace, profile: "full" as const }];
const patcher = createPatcher({
  stateDir: join(base, "state"),
  uid: process.getuid?.() ?? 0,
  clock: systemClock,
  openRoot: (path) => openRoot(path),
});
const applyPatch = applyPatchTool({ patcher });
const editFile = editFileTool({ patcher });

test.before.each(() => fs.writeFileSync(join(base, "ws/a.txt"), "one\ntwo  \n"));
test.after(() => {
  root.close();
  fs.rmSync(base, { recursive: true, force: true });
});

async function call(
  tool: Tool,
  args: Record<string, unknown>,
  more: Partial<ToolCall> = {},
): Promise<{ text: string; structured: Record<string, unknown> }> {
  const { signal } = new AbortController();
  const context = {
    workspace,
    caller: "test",
    ask: undefined,
    reachable,
    toolNames: [],
    signal,
    progress: () => undefined,
    ...more,
  };
  const { content, structured } = await tool.run({ args, ...context });
  const [block] = content;
  return { text: block?.type === "text" ? block.text : "", structured };
}

async function faultOf(run: Promise<unknown>): Promise<Fault> {
  try {
    await run;
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

function wrap(body: string): string {
  return `*** Begin Patch\n${body}\n*** End Patch`;
}

function read(): string {
  return fs.readFileSync(join(base, "ws/a.txt"), "utf8");
}

test("a patch answers with the contract's fields", async () => {
  const patch = wrap("*** Update File: a.txt\n-one\n+1\n*** Add File: b.txt\n+b");
  const fields = {
    ok: true,
    clean: true,
    summary: "M a.txt\nA b.txt",
    affected_files: [
      { path: "a.txt", operation: "update", matched_with: "exact" },
      { path: "b.txt", operation: "add" },
    ],
    additions: 2,
    removals: 1,
    warnings: [],
  };
  const dry = await call(applyPatch, { patch, dry_run: true });
  assert.equal(dry.structured, { ...fields, dry_run: true });
  assert.is(read(), "one\ntwo  \n");
  const done = await call(applyPatch, { patch, dry_run: false });
  assert.equal(done.structured, { ...fields, dry_run: false });
  assert.is(done.text, "Changed 2 files, +2 -1:\nM a.txt\nA b.txt");
  assert.is(read(), "1\ntwo  \n");
});

test("a patch that fits but for white space is not clean, and says so", async () => {
  const patch = wrap("*** Update File: a.txt\n-two\n+2");
  const { structured, text } = await call(applyPatch, { patch, dry_run: false });
  assert.equal([structured.clean, (structured.warnings as string[]).length], [false, 1]);
  assert.match(text, /\nWarning: /);
});

test("the example in the description is a patch that applies", async () => {
  const [example = ""] = /\*\*\* Begin Patch[\s\S]*\*\*\* End Patch/.exec(applyPatch.description) ?? [];
  fs.mkdirSync(join(base, "ws/src"));
  fs.writeFileSync(join(base, "ws/src/app.py"), "def greet():\n    print('Hi')\n");
  await call(applyPatch, { patch: example, dry_run: false });
  assert.is(fs.readFileSync(join(base, "ws/src/app.py"), "utf8"), "def greet():\n    print('Hello')\n");
});

test("an edit answers with lines and counts", async () => {
  const args = { path: "a.txt", old_text: "o", new_text: "0", expected_count: 2 };
  const { structured, text } = await call(editFile, args);
  assert.equal(structured, {
    ok: true,
    path: "a.txt",
    count: 2,
    lines: [1, 2],
    matched_with: "exact",
    additions: 2,
    removals: 2,
    warnings: [],
  });
  assert.is(text, "Changed a.txt at lines 1, 2.");
  assert.is(read(), "0ne\ntw0  \n");
});

test("calls offered after a failure name the workspace where there are several", async () => {
  const patch = wrap("*** Update File: a.txt\n one\n-twoo\n+2");
  const one = await faultOf(call(applyPatch, { patch, dry_run: false }));
  const several = await faultOf(
    call(applyPatch, { patch, dry_run: false }, { reachable: [...reachable, ...reachable] }),
  );
  for (const [fault, expected] of [
    [one, undefined],
    [several, "w"],
  ] as const) {
    assert.is(fault.code, "PATCH_CONTEXT_NOT_FOUND");
    for (const key of ["retry", "next_action"]) {
      const offered = fault.details[key] as { arguments: { workspace?: string } };
      assert.is(offered.arguments.workspace, expected, key);
    }
  }
  const { arguments: retry } = several.details.retry as { arguments: { patch: string } };
  await call(applyPatch, { patch: retry.patch, dry_run: false });
  assert.is(read(), "one\n2\n");
});

test.run();
