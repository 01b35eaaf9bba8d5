import type { Command, CommandState, StreamName } from "../commands/command.js";
import type { Commands } from "../commands/commands.js";
import { type Diagnostic, diagnose } from "../commands/diagnostics.js";
import { type Excerpt, excerpt } from "../commands/excerpt.js";
import { type NextCall, workspaceArgument } from "./next-calls.js";
import type { JsonSchema, ToolCall, ToolResult } from "./types.js";

/** What every tool for commands stands on. */
export interface CommandToolDeps {
  readonly commands: Commands;
  /** Whether commands are confined now; if not, nothing that fails is the sandbox's doing. */
  readonly confined: () => boolean;
  /** Home directory as commands see it. */
  readonly home: string;
}

/** How much of the output to show; the same arguments on each tool that shows some. */
export interface ShowArgs {
  readonly max_output_bytes: number;
  readonly verbosity?: "summary" | "preview" | "full";
  readonly preview_bytes: number;
}

export const showProperties: Readonly<Record<string, JsonSchema>> = {
  max_output_bytes: { type: "integer", minimum: 1, maximum: 1_048_576, default: 65_536 },
  verbosity: { type: "string", enum: ["summary", "preview", "full"] },
  preview_bytes: { type: "integer", minimum: 1, maximum: 1_048_576, default: 4096 },
};

/** No call outlives its client's patience: whatever is asked, it returns by then. */
export const longestWaitMs = 45_000;

export const waitProperties: Readonly<Record<string, JsonSchema>> = {
  yield_time_ms: { type: "integer", minimum: 0, maximum: longestWaitMs, default: 8000 },
  wait_for: {
    type: "string",
    minLength: 1,
    maxLength: 1000,
    description: "Regular expression; return once new output matches.",
  },
};

export interface ShowOptions {
  readonly call: ToolCall;
  readonly command: Command;
  readonly args: ShowArgs;
  readonly deps: CommandToolDeps;
  /** Shows all output, not only what no call has shown. */
  readonly fromStart?: boolean;
  readonly warnings?: readonly string[];
  /** Further fields, which win over those made here. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

const streamNames = ["stdout", "stderr"] as const;
/** Bytes at the end of the output in which the cause of a failure is looked for. */
const diagnosedBytes = 8192;

/** The result of a call that shows a command; moves its cursors behind what it shows. */
export function commandResult({ call, command, args, deps, ...options }: ShowOptions): ToolResult {
  const state = command.state();
  const shown = takeExcerpts(command, args, options.fromStart === true);
  const cut = streamNames.filter((name) => shown[name].cutBy !== null);
  const truncated = args.verbosity !== "summary" && cut.length > 0;
  const diagnostics = diagnose({
    state,
    output: lastOutput(command),
    truncated,
    timeoutMs: command.timeoutMs,
    policy: deps.confined() ? command.policy : undefined,
    home: deps.home,
  });
  const next = nextCalls(call, command, truncated ? cut.map((name) => ({ name, shown: shown[name] })) : []);
  const structured = {
    ok: true,
    command_id: command.id,
    status: state.status,
    exit_code: state.exitCode,
    signal: state.signal,
    timed_out: state.timedOut,
    elapsed_ms: state.elapsedMs,
    ...streamFields("stdout", shown.stdout, args),
    ...streamFields("stderr", shown.stderr, args),
    ...(args.verbosity === "summary" && { summary: summaryOf(state, shown) }),
    truncated,
    ...(truncated && {
      output_truncated: true,
      output_ref: outputRef(command, cut[0] ?? "stdout"),
      output_stream: cut[0],
      truncated_output_streams: cut,
    }),
    ...((truncated || (args.verbosity ?? "full") !== "full") && { output_refs: outputRefs(command) }),
    ...(next.length > 0 && { next_action: next[0] }),
    ...(next.length > 1 && { next_actions: next }),
    ...(diagnostics.length > 0 && { diagnostics }),
    warnings: options.warnings ?? [],
    ...options.extra,
  };
  const text = textOf(headline(state, String(structured.status)), args, shown, {
    notes: [...diagnostics.map(diagnosticText), ...structured.warnings],
    next,
  });
  return { content: [{ type: "text", text }], structured };
}

type Shown = Readonly<Record<StreamName, Excerpt>>;

function takeExcerpts(command: Command, args: ShowArgs, fromStart: boolean): Shown {
  const { streams, cursors } = command;
  const ended = command.endedAt() !== undefined;
  const budget =
    args.verbosity === "preview"
      ? Math.min(args.preview_bytes, args.max_output_bytes)
      : args.max_output_bytes;
  const from = fromStart ? { stdout: 0, stderr: 0 } : { ...cursors };
  const out = streams.stdout.total - from.stdout;
  const err = streams.stderr.total - from.stderr;
  // Each gets half; what one does not need is the other's.
  const half = Math.ceil(budget / 2);
  const errLimit = Math.max(Math.min(err, half), budget - out);
  const outLimit = Math.max(budget - Math.min(err, errLimit), 1);
  const shown = {
    stdout: excerpt(streams.stdout, { from: from.stdout, limit: outLimit, ended }),
    stderr: excerpt(streams.stderr, { from: from.stderr, limit: Math.max(errLimit, 1), ended }),
  };
  cursors.stdout = Math.max(cursors.stdout, shown.stdout.end);
  cursors.stderr = Math.max(cursors.stderr, shown.stderr.end);
  return shown;
}

function lastOutput({ streams }: Command): string {
  return streamNames
    .map((name) => streams[name].read(Math.max(0, streams[name].total - diagnosedBytes), diagnosedBytes))
    .map(({ bytes }) => bytes.toString())
    .join("\n");
}

function streamFields(name: StreamName, shown: Excerpt, { verbosity }: ShowArgs): Record<string, unknown> {
  const cutBy = shown.cutBy === "limit" ? "bytes" : shown.cutBy;
  const summary = verbosity === "summary";
  return {
    ...(summary ? {} : { [name]: shown.text }),
    [`${name}_truncated`]: !summary && cutBy !== null,
    [`${name}_truncated_by`]: summary ? null : cutBy,
    [`${name}_output_lines`]: shown.lines,
    [`${name}_output_bytes`]: shown.bytes,
    [`${name}_dropped_bytes`]: shown.dropped,
    [`${name}_omitted_bytes`]: shown.omitted,
  };
}

export function outputRef({ id }: Command, stream: StreamName): string {
  return `command:${id}:${stream}`;
}

export function outputRefs(command: Command): Record<StreamName, string> {
  return { stdout: outputRef(command, "stdout"), stderr: outputRef(command, "stderr") };
}

/** The calls that read what was cut, then the one that waits for the rest. */
function nextCalls(
  call: ToolCall,
  command: Command,
  cut: readonly { readonly name: StreamName; readonly shown: Excerpt }[],
): NextCall[] {
  const where = workspaceArgument(call);
  const reads = cut.flatMap(({ name, shown: { resumeAt, omitted } }) => {
    if (resumeAt === undefined) return [];
    const limit = Math.min(omitted, 65_536);
    return [
      {
        tool: "read_output",
        arguments: { output_ref: outputRef(command, name), offset: resumeAt, limit, ...where },
      },
    ];
  });
  if (command.endedAt() !== undefined || !call.toolNames.includes("write_stdin")) return reads;
  const poll = { command_id: command.id, chars: "", yield_time_ms: 30_000, ...where };
  return [...reads, { tool: "write_stdin", arguments: poll }];
}

interface TextParts {
  readonly notes: readonly string[];
  readonly next: readonly NextCall[];
}

function textOf(first: string, args: ShowArgs, shown: Shown, { notes, next }: TextParts): string {
  const lines = [first];
  if (args.verbosity === "summary") lines.push(sizes(shown));
  else {
    if (shown.stdout.text !== "") lines.push(shown.stdout.text.replace(/\n$/, ""));
    if (shown.stderr.text !== "") lines.push("stderr:", shown.stderr.text.replace(/\n$/, ""));
  }
  lines.push(...notes.map((note) => `[${note}]`));
  lines.push(...next.map(({ tool, arguments: given }) => `[next: ${tool} ${JSON.stringify(given)}]`));
  return lines.join("\n");
}

function headline(state: CommandState, status: string): string {
  const { exitCode, signal, timedOut, elapsedMs } = state;
  return [
    `status: ${status}`,
    ...(exitCode === null ? [] : [`exit code: ${exitCode}`]),
    ...(signal === null ? [] : [`signal: ${signal}`]),
    ...(timedOut ? ["timed out"] : []),
    `elapsed: ${elapsedMs} ms`,
  ].join(" | ");
}

function summaryOf(state: CommandState, shown: Shown): string {
  return `${headline(state, state.status)} | ${sizes(shown)}`;
}

function sizes(shown: Shown): string {
  return streamNames
    .map((name) => `${name}: ${shown[name].bytes + shown[name].omitted + shown[name].dropped} bytes`)
    .join(" | ");
}

function diagnosticText({ code, evidence, suggested_fix: fix }: Diagnostic): string {
  return [code, ...(evidence === undefined ? [] : [evidence]), ...(fix === undefined ? [] : [fix])].join(
    ": ",
  );
}
