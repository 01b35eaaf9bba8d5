import type { Command } from "../commands/command.js";
import { type CommandToolDeps, outputRefs } from "./command-result.js";
import type { Tool } from "./types.js";

/** Longer command lines are cut; the beginning tells them apart. */
const shownChars = 500;

/** `list_commands`: what runs in the workspace, and what has ended and can still be read. */
export function listCommandsTool({ commands }: Pick<CommandToolDeps, "commands">): Tool {
  return {
    name: "list_commands",
    title: "List commands",
    description: "Lists running commands, and finished ones whose output is kept.",
    inputSchema: { type: "object", properties: {}, additionalProperties: false },
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    profile: "read-only",
    lane: "fast",
    run({ workspace }) {
      const found = commands.list(workspace.id).map(wireCommand);
      const lines = found.map(
        ({ command_id, status, exit_code, started_at, cmd }) =>
          `${command_id} ${status}${exit_code === null ? "" : ` (${exit_code})`} ${started_at} ${JSON.stringify(cmd)}`,
      );
      return {
        content: [{ type: "text", text: lines.length === 0 ? "(no commands)" : lines.join("\n") }],
        structured: { ok: true, commands: found, count: found.length, warnings: [] },
      };
    },
  };
}

function wireCommand(command: Command) {
  const { status, exitCode, signal, timedOut, elapsedMs } = command.state();
  const endedAt = command.endedAt();
  return {
    command_id: command.id,
    cmd: command.cmd.slice(0, shownChars),
    workdir: command.cwd,
    tty: command.tty,
    status,
    exit_code: exitCode,
    signal,
    timed_out: timedOut,
    started_at: new Date(command.startedAt).toISOString(),
    ended_at: endedAt === undefined ? null : new Date(endedAt).toISOString(),
    elapsed_ms: elapsedMs,
    stdout_bytes: command.streams.stdout.total,
    stderr_bytes: command.streams.stderr.total,
    output_refs: outputRefs(command),
  };
}
