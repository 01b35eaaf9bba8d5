import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../clock/clock.js";
import { createIgnoreChecker } from "../search/ignore.js";
import { createRipgrep, findRipgrep } from "../search/ripgrep.js";
import { openRoot } from "../workspace/root.js";
import { searchTextTool } from "./search-text.js";

const base = mkdtempSync(join(tmpdir(), "search-text-"));
const root = openRoot(base);
const workspace = { id: "w", path: root.path, profile: "read-only", root } as const;
test.after(() => {
  root.close();
  rmSync(base, { recursive: true, force: true });
});

const tool = searchTextTool({
  ripgrep: createRipgrep({ program: findRipgrep({ searchPath: undefined }), clock: systemClock }),
  ignoreChecker: () => createIgnoreChecker(root, { globalFile: undefined }),
});
const validate = new Ajv2020({ useDefaults: true }).compile(tool.inputSchema);

interface Answer {
  readonly text: string;
  readonly structured: Readonly<Record<string, unknown>>;
}

async function run(args: Record<string, unknown>): Promise<Answer> {
  const filled = { ...args };
  assert.ok(validate(filled));
  const { content, structured } = await tool.run({
    args: filled,
    workspace,
    reachable: [{ workspace, profile: "read-only" }],
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

test.before(() => {
  writeFileSync(join(base, "a.txt"), "one\ntwo Needle\nthree\n");
  writeFileSync(join(base, "b.md"), `needle ${"x".repeat(600)}\n`);
  writeFileSync(join(base, "many.log"), "item\n".repeat(30));
});

test("answers with the contract's fields, and path:line:column: preview", async () => {
  const { text, structured } = await run({ query: "needle", max_preview_bytes: 80, context_lines: 1 });
  assert.equal(structured, {
    ok: true,
    query: "needle",
    matches: [
      { path: "a.txt", line: 2, column: 5, preview: "two Needle", before: ["one"], after: ["three"] },
      {
        path: "b.md",
        line: 1,
        column: 1,
        preview: `needle ${"x".repeat(73)}`,
        before: [],
        after: [],
        preview_truncated: true,
      },
    ],
    total_matches: 2,
    total_matches_exact: true,
    truncated: false,
    engine: "rg",
    next_action: null,
    warnings: [],
  });
  assert.is(
    text,
    `a.txt-1- one\na.txt:2:5: two Needle\na.txt-3- three\nb.md:1:1: needle ${"x".repeat(73)} [line cut]`,
  );
});

test("passes every argument on", async () => {
  const found = async (args: Record<string, unknown>): Promise<string> => (await run(args)).text;
  assert.is(await found({ query: "needle", case_sensitive: true, exclude_globs: ["b*"] }), "(no matches)");
  assert.is(await found({ query: "n.{4}E", regex: true, glob: "a*" }), "a.txt:2:5: two Needle");
  assert.is(await found({ query: "needle", include_globs: ["*.txt"] }), "a.txt:2:5: two Needle");
  assert.is(await found({ query: "needle", path: "a.txt" }), "a.txt:2:5: two Needle");
});

test("a cut answer names the call that shows more", async () => {
  const { text, structured } = await run({ query: "item", max_results: 3 });
  const next = structured.next_action as { tool: string; arguments: Record<string, unknown> };
  assert.equal(
    [structured.truncated, structured.total_matches, structured.total_matches_exact],
    [true, 3, false],
  );
  assert.is(next.tool, tool.name);
  assert.ok(text.includes(JSON.stringify(next.arguments)));
  const all = await run(next.arguments);
  assert.equal([all.structured.total_matches, all.structured.truncated], [30, false]);
});

test("many matches are shown in part, and whole in the structured answer", async () => {
  writeFileSync(join(base, "long.log"), `entry ${"y".repeat(400)}\n`.repeat(300));
  const { text, structured } = await run({ query: "entry" });
  assert.is(structured.total_matches, 300);
  const shown = text.split("\n").filter((line) => line.startsWith("long.log:")).length;
  assert.ok(shown > 0 && shown < 300);
  assert.ok(text.includes(`[${shown} of 300 shown`));
});

test.run();
