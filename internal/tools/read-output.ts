import type { StreamName } from "../commands/command.js";
import { page } from "../commands/excerpt.js";
import type { OutputRing } from "../commands/ring.js";
import { Fault } from "../errs/errs.js";
import { type CommandToolDeps, outputRef } from "./command-result.js";
import { workspaceArgument } from "./next-calls.js";
import type { Tool } from "./types.js";

/** No page is larger, whatever was asked for. */
const largestPage = 524_288;

interface Args {
  readonly output_ref: string;
  readonly stream?: StreamName;
  readonly offset: number;
  readonly limit: number;
}

/** `read_output`: the output of a command page by page, by byte offset. */
export function readOutputTool({ commands }: Pick<CommandToolDeps, "commands">): Tool {
  return {
    name: "read_output",
    title: "Read output",
    description:
      'Reads the kept output of a command from a byte offset on. Example: {"output_ref": "command:abc:stdout", "offset": 0, "limit": 4096}',
    inputSchema: {
      type: "object",
      properties: {
        output_ref: { type: "string", minLength: 1 },
        stream: { type: "string", enum: ["stdout", "stderr"] },
        offset: { type: "integer", minimum: 0, default: 0 },
        limit: {
          type: "integer",
          minimum: 1,
          maximum: 1_048_576,
          default: 4096,
          description: `Most bytes to return; never more than ${largestPage}.`,
        },
      },
      required: ["output_ref"],
      additionalProperties: false,
    },
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    profile: "read-only",
    lane: "fast",
    run(call) {
      const args = call.args as unknown as Args;
      const { id, stream } = parseRef(args);
      const command = commands.find(call.workspace.id, id);
      const ring = command.streams[stream];
      const limit = Math.min(args.limit, largestPage);
      const ended = command.endedAt() !== undefined;
      const { content, offset, nextOffset } = page(ring, { from: args.offset, limit, ended });
      const truncated = nextOffset < ring.total;
      const streamRef = outputRef(command, stream);
      const next = { output_ref: streamRef, offset: nextOffset, limit, ...workspaceArgument(call) };
      const structured = {
        ok: true,
        content,
        output_ref: args.output_ref,
        stream_output_ref: streamRef,
        stream,
        offset,
        requested_offset: args.offset,
        next_offset: nextOffset,
        limit,
        ...retention(ring),
        stdout_dropped_bytes: gapOf(command.streams.stdout),
        stderr_dropped_bytes: gapOf(command.streams.stderr),
        omitted_bytes: ring.total - nextOffset,
        truncated,
        next_action: truncated ? { tool: "read_output", arguments: next } : null,
        warnings: [],
      };
      const more = truncated
        ? `\n[bytes ${offset}-${nextOffset} of ${ring.total}; next: read_output ${JSON.stringify(next)}]`
        : "";
      return { content: [{ type: "text", text: `${content}${more}` }], structured };
    },
  };
}

function retention(ring: OutputRing): Record<string, number> {
  const gap = gapOf(ring);
  return {
    total_retained_bytes: ring.total - gap,
    head_retained_bytes: ring.headEnd,
    evicted_gap_bytes: gap,
    retained_start_offset: gap > 0 ? ring.tailStart : 0,
    total_stream_bytes: ring.total,
    stream_dropped_bytes: gap,
  };
}

/** Bytes that are no longer kept. */
function gapOf({ headEnd, tailStart }: OutputRing): number {
  return Math.max(0, tailStart - headEnd);
}

/** Faults: INVALID_ARGUMENT. */
function parseRef({ output_ref, stream }: Args): { id: string; stream: StreamName } {
  const match = /^command:([^:]+)(?::(stdout|stderr))?$/.exec(output_ref);
  if (match?.[1] !== undefined)
    return { id: match[1], stream: stream ?? (match[2] as StreamName) ?? "stdout" };
  throw new Fault("INVALID_ARGUMENT", `output_ref ${JSON.stringify(output_ref)} names no output`, {
    hint: "it looks like command:ID:stdout or command:ID:stderr, with the command_id of exec_command",
  });
}
