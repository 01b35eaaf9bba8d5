import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../clock/clock.js";
import { createIgnoreChecker } from "../search/ignore.js";
import { createRipgrep, findRipgrep } from "../search/ripgrep.js";
import { openRoot } from "../workspace/root.js";
import { listFilesTool } from "./list-files.js";

const base = mkdtempSync(join(tmpdir(), "list-files-"));
const root = openRoot(base);
const workspace = { id: "w", path: root.path, profile: "read-only", root } as const;
const reachable = { workspace, profile: "read-only" } as const;
test.after(() => {
  root.close();
  rmSync(base, { recursive: true, force: true });
});

const tool = listFilesTool({
  ripgrep: createRipgrep({ program: findRipgrep({ searchPath: undefined }), clock: systemClock }),
  ignoreChecker: () => createIgnoreChecker(root, { globalFile: undefined }),
});
const validate = new Ajv2020({ useDefaults: true }).compile(tool.inputSchema);

interface Answer {
  readonly text: string;
  readonly structured: Readonly<Record<string, unknown>>;
}

async function run(args: Record<string, unknown> = {}, workspaces = 1): Promise<Answer> {
  const filled = { ...args };
  assert.ok(validate(filled));
  const { content, structured } = await tool.run({
    args: filled,
    workspace,
    reachable: new Array(workspaces).fill(reachable),
    toolNames: [],
    caller: "test",
    ask: undefined,
    signal: new AbortController().signal,
    progress: () => {},
  });
  return {
    text: content.map((block) => (block.type === "text" ? block.text : block.type)).join(),
    structured,
  };
}

const names = Array.from({ length: 30 }, (_, at) => `f${at + 10}.txt`);

test.before(() => {
  for (const name of names) writeFileSync(join(base, name), name);
  writeFileSync(join(base, "a.md"), "");
});

test("answers with the contract's fields, and one path a line", async () => {
  const { text, structured } = await run({ patterns: ["f10*"], glob: "*.md", exclude_patterns: ["x"] });
  const modified = (name: string): string =>
    new Date(Math.floor(statSync(join(base, name)).mtimeMs)).toISOString();
  assert.equal(structured, {
    ok: true,
    path: ".",
    files: [
      { path: "a.md", type: "file", size_bytes: 0, modified: modified("a.md") },
      { path: "f10.txt", type: "file", size_bytes: 7, modified: modified("f10.txt") },
    ],
    truncated: false,
    next_action: null,
    warnings: [],
  });
  assert.is(text, "a.md\nf10.txt");
  assert.is((await run({ glob: "*.none" })).text, "(no files)");
});

test("a cut answer names the call that shows more", async () => {
  const { text, structured } = await run({ max_results: 3, glob: "*.txt" });
  const next = structured.next_action as { tool: string; arguments: Record<string, unknown> };
  assert.is(structured.truncated, true);
  assert.is(next.tool, tool.name);
  assert.ok(text.includes(JSON.stringify(next.arguments)));
  const all = await run(next.arguments);
  assert.is((all.structured.files as unknown[]).length, 30);
  assert.is(all.structured.truncated, false);
});

test("with several workspaces the next call names this one", async () => {
  const { structured } = await run({ max_results: 1 }, 2);
  const next = structured.next_action as { arguments: Record<string, unknown> };
  assert.is(next.arguments.workspace, workspace.id);
});

test("a long list is shown in part, and whole in the structured answer", async () => {
  const long = Array.from({ length: 400 }, (_, at) => `${"x".repeat(200)}-${at}`);
  for (const name of long) writeFileSync(join(base, name), "");
  const { text, structured } = await run({ glob: "x*" });
  for (const name of long) rmSync(join(base, name));
  assert.is((structured.files as unknown[]).length, long.length);
  const shown = text.split("\n").filter((line) => line.startsWith("x")).length;
  assert.ok(shown > 0 && shown < long.length);
  assert.ok(text.includes(`[${shown} of ${long.length} shown`));
});

test.run();
