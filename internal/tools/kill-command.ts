import type { Command, Signal } from "../commands/command.js";
import type { Commands } from "../commands/commands.js";
import { Fault } from "../errs/errs.js";
import {
  type CommandToolDeps,
  commandResult,
  longestWaitMs,
  type ShowArgs,
  showProperties,
} from "./command-result.js";
import type { Tool, ToolResult } from "./types.js";

interface Args extends ShowArgs {
  readonly command_id: string;
  readonly signal: Signal;
  readonly wait_ms: number;
  readonly kill_wait_ms: number;
}

/** `kill_command`: stops a command with everything it started. */
export function killCommandTool(deps: CommandToolDeps): Tool {
  return {
    name: "kill_command",
    title: "Kill command",
    description:
      'Stops a command with all its processes. INT is a ^C. Example: {"command_id": "abc", "signal": "KILL"}',
    inputSchema: {
      type: "object",
      properties: {
        command_id: { type: "string", minLength: 1 },
        signal: { type: "string", enum: ["TERM", "KILL", "INT"], default: "TERM" },
        wait_ms: {
          type: "integer",
          minimum: 0,
          maximum: 30_000,
          default: 5000,
          description: "Time to end; after TERM it is then killed.",
        },
        kill_wait_ms: { type: "integer", minimum: 0, maximum: 30_000, default: 2000 },
        ...showProperties,
      },
      required: ["command_id"],
      additionalProperties: false,
    },
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
    profile: "full",
    lane: "fast",
    async run(call) {
      const args = call.args as unknown as Args;
      const command = findOrUndefined(deps.commands, call.workspace.id, args.command_id);
      if (command === undefined) return notFound(args.command_id);
      const running = command.endedAt() === undefined;
      if (running) {
        const { signal, wait_ms: graceMs, kill_wait_ms: killWaitMs } = args;
        command.stop(signal, signal === "TERM" ? graceMs : undefined);
        const ms = Math.min(graceMs + (signal === "INT" ? 0 : killWaitMs), longestWaitMs);
        await command.wait({ ms, signal: call.signal });
      }
      return commandResult({ call, command, args, deps, extra: outcome(command, args, running) });
    },
  };
}

/** What became of the command, in the words of the wire contract. */
function outcome(command: Command, { signal }: Args, wasRunning: boolean): Record<string, unknown> {
  const hasEnded = command.endedAt() !== undefined;
  const killed = command.state().signal === "SIGKILL";
  const ending = killed ? "killed" : "terminated";
  return {
    status: hasEnded ? (wasRunning ? ending : "exited") : "terminating",
    killed: wasRunning && hasEnded,
    evicted: false,
    signal_sent: wasRunning ? (killed ? "KILL" : signal) : null,
  };
}

/** A command that is gone does not run, which is what was asked for. */
function notFound(id: string): ToolResult {
  const warning = `no command ${JSON.stringify(id)} is kept here; list_commands shows the commands of the workspace`;
  return {
    content: [{ type: "text", text: `status: not_found\n[${warning}]` }],
    structured: {
      ok: true,
      command_id: id,
      status: "not_found",
      exit_code: null,
      signal: null,
      timed_out: false,
      killed: false,
      evicted: true,
      signal_sent: null,
      truncated: false,
      warnings: [warning],
    },
  };
}

function findOrUndefined(commands: Commands, workspaceId: string, id: string): Command | undefined {
  try {
    return commands.find(workspaceId, id);
  } catch (error) {
    if (error instanceof Fault && error.code === "COMMAND_NOT_FOUND") return undefined;
    throw error;
  }
}
