import { readFileSync } from "node:fs";
import { join } from "node:path";
import { changedLine, type Fixtures, fileCount, patchStates } from "./fixtures.js";

/** Something clients ask for over and over. */
export interface Operation {
  readonly name: string;
  /** Numbers of clients it is measured with. */
  readonly clients: readonly number[];
  /** Milliseconds each client leaves between an answer and its next request. */
  readonly pauseMs: number;
  /** How many times as long as the floor one client may wait at the median. */
  readonly goal: number;
  /** The next request; not part of what is measured. */
  next(): Request;
}

/** One request, and what a right answer to it is. */
export interface Request {
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** True when the `result` of an answer is right. */
  check(result: Result): boolean;
}

/** The fields that are looked at; the floor's answers hold these and nothing else. */
export interface Result {
  readonly tools?: readonly { readonly name: string }[];
  readonly structuredContent?: Answer;
}

interface Answer {
  readonly content?: string;
  readonly files?: readonly { readonly path: string; readonly size_bytes: number }[];
  readonly matches?: readonly { readonly path: string; readonly line: number }[];
  readonly truncated?: boolean;
  readonly exit_code?: number;
  readonly stdout?: string;
  readonly stdout_output_bytes?: number;
  readonly stdout_omitted_bytes?: number;
  readonly stdout_dropped_bytes?: number;
  readonly branch?: string;
  readonly entries?: readonly {
    readonly path: string;
    readonly index_status: string;
    readonly worktree_status: string;
  }[];
  readonly diff?: string;
}

/** Matches asked for where there are more. */
const matchCap = 1_000;
/** Prints 5,000,000 bytes. */
const flood = { cmd: "seq 1000000 1624999", bytes: 5_000_000, first: "1000000\n", last: "1624999\n" };
/** Agents do not call back to back; meanwhile the sandbox makes the slot for the next command. */
export const slotPauseMs = 60;
/** How many times as long as the floor one client may wait at the median. */
export const usualGoal = 2;
/** The same for a command in a waiting slot against a bare spawn, without HTTP on either side. */
export const spawnGoal = 0.8;

export function createOperations(fixtures: Fixtures): readonly Operation[] {
  return [...plainOperations(), ...readOperations(fixtures), ...workOperations(fixtures)];
}

function plainOperations(): Operation[] {
  const names = ["read_file", "list_files", "search_text", "exec_command"];
  return [
    same("ping", { method: "ping", params: {}, check: (result) => Object.keys(result).length === 0 }),
    same("tools_list", {
      method: "tools/list",
      params: {},
      check: ({ tools }) => names.every((name) => tools?.some((tool) => tool.name === name)),
    }),
  ];
}

function readOperations({ small, large, rare, common }: Fixtures): Operation[] {
  const range = { path: large.path, start_line: large.firstLine, max_lines: large.lines };
  return [
    same(
      "read_small",
      call("read_file", { path: small.path }, ({ content }) => content === small.text),
    ),
    same(
      "read_range",
      call("read_file", range, ({ content }) => content === large.text),
    ),
    same(
      "list_5k",
      call(
        "list_files",
        { max_results: fileCount },
        ({ files, truncated }) =>
          files?.length === fileCount &&
          files.every(({ path, size_bytes }) => path.startsWith("area-") && size_bytes > 0) &&
          truncated === false,
      ),
    ),
    same(
      "search_rare",
      call(
        "search_text",
        { query: rare.needle, max_results: matchCap },
        ({ matches, truncated }) =>
          matches?.length === 1 &&
          matches.every(({ path, line }) => path === rare.path && line === rare.line) &&
          truncated === false,
      ),
    ),
    same(
      "search_common",
      call(
        "search_text",
        { query: common.needle, max_results: matchCap },
        ({ matches, truncated }) => matches?.length === matchCap && truncated === true,
      ),
    ),
  ];
}

function workOperations({ workspace, patched, changed }: Fixtures): Operation[] {
  const alone = { clients: [1] };
  return [
    same(
      "exec_true",
      call("exec_command", { cmd: "true" }, ({ exit_code, stdout }) => exit_code === 0 && stdout === ""),
      { pauseMs: slotPauseMs },
    ),
    same("exec_5mb", call("exec_command", { cmd: flood.cmd }, isFlood), { pauseMs: slotPauseMs }),
    { ...defaults, ...alone, name: "patch_1", next: () => patch(workspace, patched.slice(0, 1)) },
    { ...defaults, ...alone, name: "patch_20", next: () => patch(workspace, patched) },
    same(
      "git_status",
      call(
        "git_status",
        {},
        ({ branch, entries, truncated }) =>
          branch === "main" &&
          entries?.length === changed.length &&
          entries.every(
            ({ path, index_status: index, worktree_status: worktree }, at) =>
              path === changed[at] && index === " " && worktree === "M",
          ) &&
          truncated === false,
      ),
      { ...alone, pauseMs: slotPauseMs },
    ),
    same(
      "git_diff",
      call("git_diff", {}, (answer) => isDiff(answer, changed)),
      { ...alone, pauseMs: slotPauseMs },
    ),
  ];
}

const defaults = { clients: [1, 16], pauseMs: 0, goal: usualGoal };

/** An operation whose requests are all the same. */
function same(name: string, request: Request, options: Partial<typeof defaults> = {}): Operation {
  return { ...defaults, ...options, name, next: () => request };
}

function call(name: string, args: object, check: (answer: Answer) => boolean): Request {
  return {
    method: "tools/call",
    params: { name, arguments: args },
    check: ({ structuredContent }) => structuredContent !== undefined && check(structuredContent),
  };
}

/** A command that prints `bytes` bytes, of which few are shown; right when all were counted. */
export function floodOf(cmd: string, bytes: number): Request {
  const args = { cmd, yield_time_ms: 45_000, max_output_bytes: 1024 };
  return call("exec_command", args, (answer) => answer.exit_code === 0 && countOf(answer) === bytes);
}

function countOf(answer: Answer): number {
  const { stdout_output_bytes: shown = 0, stdout_omitted_bytes: omitted = 0 } = answer;
  return shown + omitted + (answer.stdout_dropped_bytes ?? 0);
}

function isFlood(answer: Answer): boolean {
  const { exit_code, stdout = "" } = answer;
  return (
    exit_code === 0 &&
    countOf(answer) === flood.bytes &&
    stdout.startsWith(flood.first) &&
    stdout.endsWith(flood.last)
  );
}

/** Takes each file from the state it is in to the other; right when the disk says so. */
function patch(workspace: string, paths: readonly string[]): Request {
  const edits = paths.map((path) => {
    const file = join(workspace, path);
    const before = readFileSync(file, "utf8");
    const [from, to] = before.includes(patchStates[0]) ? patchStates : patchStates.toReversed();
    return { path, file, from, to, after: before.replace(from as string, to as string) };
  });
  const sections = edits.map(({ path, from, to }) => `*** Update File: ${path}\n@@\n-${from}\n+${to}\n`);
  return call("apply_patch", { patch: `*** Begin Patch\n${sections.join("")}*** End Patch` }, () =>
    edits.every(({ file, after }) => readFileSync(file, "utf8") === after),
  );
}

/** One hunk that adds one line, in each changed file and no other. */
function isDiff({ diff = "", truncated }: Answer, changed: readonly string[]): boolean {
  const count = (pattern: RegExp): number => diff.match(pattern)?.length ?? 0;
  return (
    changed.every((path) => diff.includes(`diff --git a/${path} b/${path}\n`)) &&
    count(/^diff --git /gm) === changed.length &&
    count(/^@@ /gm) === changed.length &&
    count(new RegExp(`^\\+${changedLine}$`, "gm")) === changed.length &&
    truncated === false
  );
}
