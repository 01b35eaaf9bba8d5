import { Fault } from "../errs/errs.js";
import type { TextRange, TextReader } from "../files/text-reader.js";
import { readOnly } from "./annotations.js";
import type { Tool, ToolCall, ToolResult } from "./types.js";

/** No answer has more lines, whatever was asked for. */
const maxLinesCeiling = 2000;
const defaultMaxBytes = 131_072;
const maxMaxBytes = 1_048_576;

interface Args {
  readonly path: string;
  readonly start_line: number;
  readonly end_line?: number;
  readonly max_lines?: number;
  readonly max_bytes: number;
}

/** `read_file`: lines of a text file, with the call that reads on when a limit cut them. */
export function readFileTool({ reader }: { reader: TextReader }): Tool {
  return {
    name: "read_file",
    title: "Read file",
    description:
      "Reads a text file or a range of its lines, at most 2,000 at once. All paths are relative to the workspace.",
    inputSchema: {
      type: "object",
      properties: {
        path: { type: "string", minLength: 1 },
        start_line: { type: "integer", minimum: 1, default: 1 },
        end_line: { type: "integer", minimum: 1 },
        max_lines: { type: "integer", minimum: 1 },
        max_bytes: { type: "integer", minimum: 1, maximum: maxMaxBytes, default: defaultMaxBytes },
        encoding: { type: "string", enum: ["utf-8"], default: "utf-8" },
      },
      required: ["path"],
      additionalProperties: false,
    },
    annotations: readOnly,
    profile: "read-only",
    lane: "fast",
    async run(call) {
      const args = call.args as unknown as Args;
      const wantedLines = checkRange(args);
      const file = call.workspace.root.openFile(args.path);
      try {
        const request = { startLine: args.start_line, maxLines: wantedLines, maxBytes: args.max_bytes };
        const range = await reader.read(file, request, call.signal);
        return resultOf(call, args, range, file.path);
      } finally {
        file.close();
      }
    },
  };
}

/** Lines to read, at most the ceiling. Faults: INVALID_ARGUMENT. */
function checkRange({ start_line, end_line, max_lines }: Args): number {
  if (end_line === undefined) return Math.min(max_lines ?? maxLinesCeiling, maxLinesCeiling);
  const lines = end_line - start_line + 1;
  if (lines < 1) {
    throw new Fault("INVALID_ARGUMENT", `end_line ${end_line} is before start_line ${start_line}`);
  }
  if (max_lines !== undefined && max_lines !== lines) {
    throw new Fault("INVALID_ARGUMENT", `end_line ${end_line} and max_lines ${max_lines} disagree`, {
      hint: "give one of them only",
    });
  }
  return Math.min(lines, maxLinesCeiling);
}

function resultOf(call: ToolCall, args: Args, range: TextRange, path: string): ToolResult {
  const { start_line, end_line, max_bytes } = args;
  const lastLine = start_line + range.lines - 1;
  const cutBy = range.cutByBytes
    ? "bytes"
    : lastLine < Math.min(end_line ?? range.totalLines, range.totalLines)
      ? "lines"
      : null;
  const tooLong = range.cutByBytes && range.lines === 0;
  const next = cutBy === null ? undefined : nextArguments(call, args, range, tooLong);
  const structured = {
    ok: true,
    path,
    content: range.content,
    encoding: range.encoding,
    start_line,
    end_line: tooLong ? start_line : lastLine,
    total_lines: range.totalLines,
    total_bytes: range.totalBytes,
    bytes_read: range.fileBytes,
    max_bytes,
    truncated: cutBy !== null,
    truncated_by: cutBy,
    first_line_exceeds_limit: tooLong,
    output_lines: range.lines,
    output_bytes: Buffer.byteLength(range.content),
    next_start_line: next?.start_line ?? null,
    next_action: next === undefined ? null : { tool: "read_file", arguments: next },
    warnings: warningsOf(args, range),
  };
  const header = headerOf(structured, range);
  return { content: [{ type: "text", text: header + range.content }], structured };
}

interface NextArguments {
  readonly path: string;
  readonly start_line: number;
  readonly [name: string]: unknown;
}

/** The arguments that read on, or undefined when nothing follows: a last line too long for any limit. */
function nextArguments(
  call: ToolCall,
  args: Args,
  range: TextRange,
  tooLong: boolean,
): NextArguments | undefined {
  const { path, start_line, end_line, max_lines, max_bytes } = args;
  // A line that did not fit is tried once more with the largest limit, then passed over.
  const again = tooLong && max_bytes < maxMaxBytes;
  const nextLine = again ? start_line : start_line + Math.max(range.lines, 1);
  if (nextLine > Math.min(end_line ?? range.totalLines, range.totalLines)) return undefined;
  const bytes = again ? maxMaxBytes : max_bytes;
  return {
    path,
    start_line: nextLine,
    ...(end_line === undefined ? (max_lines === undefined ? {} : { max_lines }) : { end_line }),
    ...(bytes === defaultMaxBytes ? {} : { max_bytes: bytes }),
    ...(call.reachable.length > 1 ? { workspace: call.workspace.id } : {}),
  };
}

function warningsOf({ start_line }: Args, range: TextRange): string[] {
  const warnings: string[] = [];
  if (range.encoding === "latin-1") warnings.push("the file is not valid UTF-8; it was read as Latin-1");
  if (start_line > range.totalLines && start_line > 1) {
    warnings.push(
      `start_line ${start_line} is behind the end of the file, which has ${range.totalLines} lines`,
    );
  }
  return warnings;
}

interface HeaderFacts {
  readonly start_line: number;
  readonly end_line: number;
  readonly max_bytes: number;
  readonly truncated_by: string | null;
  readonly first_line_exceeds_limit: boolean;
  readonly next_action: { readonly arguments: NextArguments } | null;
  readonly warnings: readonly string[];
}

/** What the model must know before the text: what is missing from it and how to get that. */
function headerOf(facts: HeaderFacts, { totalLines }: TextRange): string {
  const notes = [...facts.warnings];
  if (facts.truncated_by !== null) {
    const shown = facts.first_line_exceeds_limit
      ? `beginning of line ${facts.start_line} of ${totalLines}, which is longer than max_bytes ${facts.max_bytes}`
      : `lines ${facts.start_line}-${facts.end_line} of ${totalLines}`;
    const next = facts.next_action && `read_file ${JSON.stringify(facts.next_action.arguments)}`;
    notes.push(`${shown}; next: ${next ?? "none, no limit is larger"}`);
  }
  return notes.map((note) => `[${note}]\n`).join("");
}
