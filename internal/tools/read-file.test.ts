import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../clock/clock.js";
import { Fault } from "../errs/errs.js";
import { createTextReader } from "../files/text-reader.js";
import { openRoot } from "../workspace/root.js";
import { readFileTool } from "./read-file.js";
import type { ToolCall } from "./types.js";

const base = fs.mkdtempSync(join(tmpdir(), "read-"));
const root = openRoot(base);
const workspace = { id: "w", path: root.path, profile: "read-only", root } as const;
const tool = readFileTool({ reader: createTextReader({ clock: systemClock }) });
const reachable = [{ workspace, profile: "read-only" as const }];

test.before(() => {
  fs.writeFileSync(
    join(base, "long.txt"),
    Array.from({ length: 5000 }, (_, i) => `line ${i + 1}\n`).join(""),
  );
  fs.writeFileSync(join(base, "wide.txt"), `${"w".repeat(2_000_000)}\nlast\n`);
  fs.writeFileSync(join(base, "latin.txt"), Buffer.from("caf\xe9\n", "latin1"));
  fs.symlinkSync("long.txt", join(base, "link"));
});
test.after(() => {
  workspace.root.close();
  fs.rmSync(base, { recursive: true, force: true });
});

interface Answer {
  readonly text: string;
  readonly [field: string]: unknown;
}

/** Calls the tool as the server does: arguments validated, defaults filled in. */
async function call(args: Record<string, unknown>, more: Partial<ToolCall> = {}): Promise<Answer> {
  const filled = { start_line: 1, max_bytes: 131_072, encoding: "utf-8", ...args };
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
  const { content, structured } = await tool.run({ args: filled, ...context });
  const [block] = content;
  return { ...structured, text: block?.type === "text" ? block.text : "" };
}

async function codeOf(args: Record<string, unknown>): Promise<string> {
  try {
    await call(args);
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
  return "none";
}

/** The arguments of the call that reads on. */
function nextOf({ next_action }: Answer): Record<string, unknown> | undefined {
  return (next_action as { arguments: Record<string, unknown> } | null)?.arguments;
}

test("a whole file is its text and nothing else", async () => {
  fs.writeFileSync(join(base, "small.txt"), "a\r\nb");
  const { text, ...fields } = await call({ path: "./small.txt" });
  assert.is(text, "a\r\nb");
  assert.equal(fields, {
    ok: true,
    path: "small.txt",
    content: "a\r\nb",
    encoding: "utf-8",
    start_line: 1,
    end_line: 2,
    total_lines: 2,
    total_bytes: 4,
    bytes_read: 4,
    max_bytes: 131_072,
    truncated: false,
    truncated_by: null,
    first_line_exceeds_limit: false,
    output_lines: 2,
    output_bytes: 4,
    next_start_line: null,
    next_action: null,
    warnings: [],
  });
});

test("the range that was asked for is not truncated", async () => {
  const answer = await call({ path: "long.txt", start_line: 11, end_line: 12 });
  assert.equal([answer.text, answer.truncated, answer.next_action], ["line 11\nline 12\n", false, null]);
  assert.equal([answer.start_line, answer.end_line, answer.total_lines], [11, 12, 5000]);
  const same = await call({ path: "long.txt", start_line: 11, end_line: 12, max_lines: 2 });
  assert.equal([same.text, same.truncated], [answer.text, false]);
});

const cuts: [
  what: string,
  asked: { start_line?: number; end_line?: number; [name: string]: unknown },
  by: string,
][] = [
  ["the line ceiling", {}, "lines"],
  ["the line ceiling within a range", { start_line: 10, end_line: 4900 }, "lines"],
  ["max_lines", { max_lines: 700 }, "lines"],
  ["max_bytes", { max_bytes: 3000 }, "bytes"],
  ["max_bytes within a range", { start_line: 4000, end_line: 4990, max_bytes: 1000 }, "bytes"],
];

for (const [what, asked, by] of cuts) {
  test(`following next_action reads all that ${what} cut, each line once`, async () => {
    let args: Record<string, unknown> | undefined = { path: "link", ...asked };
    let text = "";
    let calls = 0;
    for (; args !== undefined; calls++) {
      const answer: Answer = await call(args);
      args = nextOf(answer);
      assert.is(answer.truncated, args !== undefined);
      assert.is(answer.truncated_by, args === undefined ? null : by);
      assert.is(answer.next_start_line, args?.start_line ?? null);
      assert.ok(
        (answer.output_lines as number) <= 2000 &&
          (answer.output_bytes as number) <= (answer.max_bytes as number),
      );
      const header = args === undefined ? "" : answer.text.slice(0, answer.text.indexOf("\n") + 1);
      if (args !== undefined) {
        assert.ok(header.startsWith("[") && header.includes(`read_file ${JSON.stringify(args)}`), header);
        assert.is(args.path, "link");
      }
      assert.is(answer.text, `${header}${answer.content}`);
      text += answer.content;
    }
    const { start_line = 1, end_line = 5000 } = asked;
    const all = fs.readFileSync(join(base, "long.txt"), "utf8").match(/.*\n/g) ?? [];
    assert.is(text, all.slice(start_line - 1, end_line).join(""));
    assert.ok(calls > 1);
  });
}

test("a line too long is tried with the largest limit, then passed over", async () => {
  const first = await call({ path: "wide.txt" });
  assert.equal([first.first_line_exceeds_limit, first.output_lines, first.truncated_by], [true, 0, "bytes"]);
  assert.is((first.content as string).length, 131_072);
  assert.equal(nextOf(first), { path: "wide.txt", start_line: 1, max_bytes: 1_048_576 });
  const second = await call(nextOf(first) ?? {});
  assert.is((second.content as string).length, 1_048_576);
  assert.equal(nextOf(second), { path: "wide.txt", start_line: 2, max_bytes: 1_048_576 });
  const third = await call(nextOf(second) ?? {});
  assert.equal([third.content, third.next_action], ["last\n", null]);
});

test("the next call names the workspace where there are several", async () => {
  const answer = await call({ path: "long.txt" }, { reachable: [...reachable, ...reachable] });
  assert.is(nextOf(answer)?.workspace, "w");
});

test("what a reader must know stands in warnings and before the text", async () => {
  const latin = await call({ path: "latin.txt" });
  assert.equal([latin.encoding, latin.content], ["latin-1", "café\n"]);
  assert.is((latin.warnings as string[]).length, 1);
  assert.match(latin.text, /^\[.*\]\ncafé\n$/);
  const behind = await call({ path: "long.txt", start_line: 5001 });
  assert.equal([behind.content, behind.end_line, behind.truncated], ["", 5000, false]);
  assert.is((behind.warnings as string[]).length, 1);
});

test("ranges that make no sense are refused", async () => {
  assert.is(await codeOf({ path: "long.txt", start_line: 5, end_line: 4 }), "INVALID_ARGUMENT");
  assert.is(await codeOf({ path: "long.txt", end_line: 4, max_lines: 5 }), "INVALID_ARGUMENT");
});

test("refusals of the workspace come through, and no descriptor stays open", async () => {
  fs.writeFileSync(join(base, "binary"), "a\0b");
  const before = fs.readdirSync("/dev/fd").length;
  for (const [path, code] of [
    ["binary", "BINARY_FILE"],
    [".", "IS_DIRECTORY"],
    ["none", "NOT_FOUND"],
    ["../x", "PATH_OUTSIDE_WORKSPACE"],
    ["/etc/passwd", "ABSOLUTE_PATH_DENIED"],
  ] as const) {
    assert.is(await codeOf({ path }), code);
  }
  assert.is(fs.readdirSync("/dev/fd").length, before);
});

test.run();
