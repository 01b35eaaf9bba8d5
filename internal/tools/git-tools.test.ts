import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { toolCaller } from "../../test/support/call-tool.js";
import { openPolicy } from "../../test/support/direct-sandbox.js";
import { Fault } from "../errs/errs.js";
import { directGit, makeFolder, makeRepository } from "../git/git.test.util.js";
import { openRoot } from "../workspace/root.js";
import { gitBlameTool } from "./git-blame.js";
import { gitDiffTool } from "./git-diff.js";
import { gitLogTool } from "./git-log.js";
import { gitShowTool } from "./git-show.js";
import { gitStatusTool } from "./git-status.js";

const base = makeFolder();
const repository = makeRepository(join(base, "app"));
mkdirSync(join(base, "plain"));
const root = openRoot(base);
const workspace = { id: "w", path: root.path, profile: "read-only", root } as const;
const call = toolCaller(workspace);
const deps = { git: directGit(), policy: () => openPolicy(root.path) };
const status = gitStatusTool(deps);
const diff = gitDiffTool(deps);
const log = gitLogTool(deps);
const show = gitShowTool(deps);
const blame = gitBlameTool(deps);

repository.commit({ "a.txt": "1\n", "b.txt": "1\n" }, "first");
repository.commit({ "a.txt": "2\n" }, "second");
repository.write("a.txt", "3\n");
repository.git("mv", "b.txt", "c.txt");
repository.write("new\nline", "1\n");
const head = repository.git("rev-parse", "HEAD").trim();
const first = repository.git("rev-parse", "HEAD~1").trim();

test.after(() => {
  root.close();
  rmSync(base, { recursive: true, force: true });
});

test("git_status has the contract's fields", async () => {
  const { text, ...structured } = await call(status, { path: "app" });
  assert.equal(structured, {
    ok: true,
    is_repo: true,
    branch: "main",
    head,
    upstream: null,
    ahead: null,
    behind: null,
    clean: false,
    entries: [
      { path: "app/a.txt", original_path: null, index_status: " ", worktree_status: "M" },
      { path: "app/c.txt", original_path: "app/b.txt", index_status: "R", worktree_status: " " },
      { path: "app/new\nline", original_path: null, index_status: "?", worktree_status: "?" },
    ],
    truncated: false,
    next_action: null,
    warnings: [],
  } as never);
  assert.is(
    text,
    `branch main (${head.slice(0, 12)})\n M app/a.txt\nR  app/b.txt -> app/c.txt\n?? "app/new\\nline"`,
  );
  assert.is((await call(status, { path: "app/b.txt" })).clean, false);
  assert.is((await call(status, { path: "app/nothing" })).clean, true);
});

test("git_diff has the contract's fields", async () => {
  const { text, ...structured } = await call(diff, { path: "app", staged: true });
  const { diff: patch, output_bytes, output_lines, ...rest } = structured;
  assert.equal(rest, {
    ok: true,
    is_repo: true,
    files: [
      { path: "app/a.txt", status: "modified", binary: false, additions: 1, deletions: 1, staged: false },
      {
        path: "app/c.txt",
        old_path: "app/b.txt",
        status: "renamed",
        binary: false,
        additions: 0,
        deletions: 0,
        staged: true,
      },
    ],
    truncated: false,
    truncated_by: null,
    next_action: null,
    warnings: [],
  } as never);
  assert.is(text, patch);
  assert.equal([output_bytes, output_lines], [Buffer.byteLength(text), text.split("\n").length - 1]);
  assert.is((await call(diff, { paths: ["app/a.txt"], unstaged: false, staged: true })).text, "(no changes)");
});

test("git_log has the contract's fields", async () => {
  const { text, ...structured } = await call(log, { path: "app", max_count: 1 });
  const next = { tool: "git_log", arguments: { path: "app", ref: "HEAD", max_count: 1, skip: 1 } };
  assert.equal(structured, {
    ok: true,
    is_repo: true,
    path: "app",
    ref: "HEAD",
    max_count: 1,
    skip: 0,
    commits: [
      {
        hash: head,
        short_hash: head.slice(0, 7),
        author_name: "Ann",
        author_email: "ann@example.com",
        author_date: "2026-01-02T03:04:05+02:00",
        subject: "second",
      },
    ],
    truncated: true,
    next_action: next,
    warnings: [],
  } as never);
  assert.ok(
    text.startsWith(`${head.slice(0, 7)} 2026-01-02 Ann: second\n`) &&
      text.includes(JSON.stringify(next.arguments)),
  );
  const rest = await call(log, next.arguments);
  assert.equal(
    [rest.text, rest.truncated, rest.next_action],
    [`${first.slice(0, 7)} 2026-01-02 Ann: first`, false, null],
  );
});

test("git_show has the contract's fields", async () => {
  const { text, content, output_bytes, output_lines, ...structured } = await call(show, { path: "app" });
  assert.equal(structured, {
    ok: true,
    is_repo: true,
    rev: "HEAD",
    files: [{ path: "app/a.txt", status: "modified", binary: false, additions: 1, deletions: 1 }],
    truncated: false,
    truncated_by: null,
    next_action: null,
    warnings: [],
  } as never);
  assert.is(text, content);
  assert.match(text, /^commit [\s\S]* {4}second\n[\s\S]*-1\n\+2\n$/);
  assert.equal([output_bytes, output_lines], [Buffer.byteLength(text), text.split("\n").length - 1]);
});

test("git_blame has the contract's fields", async () => {
  const { text, ...structured } = await call(blame, { path: "app/a.txt", rev: "HEAD" });
  assert.equal(structured, {
    ok: true,
    is_repo: true,
    path: "app/a.txt",
    rev: "HEAD",
    start_line: 1,
    end_line: 1,
    max_lines: 200,
    lines: [
      {
        line: 1,
        original_line: 1,
        commit: head,
        author: "Ann",
        author_mail: "ann@example.com",
        author_time: 1_767_315_845,
        summary: "second",
        content: "2",
      },
    ],
    truncated: false,
    next_action: null,
    warnings: [],
  } as never);
  assert.is(text, `1: ${head.slice(0, 8)} 2026-01-02 Ann: 2`);
});

test("the call that a cut answer names shows the rest", async () => {
  const names = ["p", "q", "r"];
  const many = makeRepository(join(base, "many"));
  many.commit(Object.fromEntries(names.map((name) => [name, ""])));
  for (const name of names) many.write(name, `${name}\n`.repeat(100));
  const whole = await call(diff, { path: "many" });
  const cut = await call(diff, { path: "many", max_bytes: 500 });
  assert.equal(cut.next_action, {
    tool: "git_diff",
    arguments: {
      staged: false,
      unstaged: true,
      context_lines: 3,
      max_bytes: 500,
      paths: ["many/q", "many/r"],
    },
  });
  assert.ok(cut.text.startsWith("[cut: too many bytes; next: git_diff {"));
  const rest = await call(diff, { ...cut.next_action.arguments, max_bytes: 5000 });
  assert.ok(String(whole.diff).endsWith(String(rest.diff)) && String(rest.diff) !== "");
  const alone = await call(diff, { path: "many/p", max_bytes: 10 });
  const more = await call(diff, alone.next_action.arguments);
  assert.equal([alone.truncated, more.truncated], [true, false]);
  many.commit({}, "many lines");
  const lines = await call(blame, { path: "many/p", max_lines: 60 });
  const next = await call(blame, lines.next_action.arguments);
  assert.equal([lines.end_line, next.start_line, next.end_line, next.next_action], [60, 61, 100, null]);
  for (let at = 0; at < 5; at++) many.write(`untracked ${at}`, "");
  const few = await call(status, { path: "many", max_entries: 2 });
  assert.equal([few.truncated, few.clean], [true, false]);
  assert.is(((await call(status, few.next_action.arguments)).entries as unknown[]).length, 5);
});

test("with several workspaces the next call names its own", async () => {
  const other = { ...workspace, id: "other" };
  const reachable = [workspace, other].map((one) => ({ workspace: one, profile: "read-only" }) as const);
  const { next_action } = await call(log, { path: "app", max_count: 1 }, { reachable });
  assert.is(next_action.arguments.workspace, "w");
});

test("where there is no repository the answer says so", async () => {
  const note = "not a git repository; if there is one in a folder of the workspace, name that folder as path";
  for (const [tool, field] of [
    [status, "entries"],
    [diff, "files"],
    [log, "commits"],
    [show, "files"],
    [blame, "lines"],
  ] as const) {
    const answer = await call(tool, { path: "plain" });
    assert.equal(
      [answer.ok, answer.is_repo, answer[field], answer.truncated],
      [true, false, [], false],
      tool.name,
    );
    assert.equal([answer.text, answer.warnings], [note, [note]], tool.name);
  }
  assert.is((await call(status, { path: "plain" })).clean, null);
});

test("an empty repository is a repository", async () => {
  makeRepository(join(base, "empty"));
  assert.is((await call(status, { path: "empty" })).text, "branch main (no commits yet)\n(clean)");
  assert.is((await call(log, { path: "empty" })).text, "(no commits)");
  assert.is((await call(diff, { path: "empty", staged: true })).text, "(no changes)");
});

test("impossible ranges and folders are refused", async () => {
  const code = async (args: Record<string, unknown>): Promise<unknown> =>
    call(blame, args).then(
      () => "no fault",
      (error: unknown) => (error instanceof Fault ? error.code : error),
    );
  assert.is(await code({ path: "app/a.txt", start_line: 3, end_line: 2 }), "INVALID_ARGUMENT");
  assert.is(await code({ path: "app" }), "IS_DIRECTORY");
  writeFileSync(join(base, "app", "untracked"), "1\n");
  assert.is(await code({ path: "app/untracked" }), "NOT_FOUND");
});

test.run();
