import { compilePattern } from "../commands/pattern.js";
import { Fault } from "../errs/errs.js";
import {
  type CommandToolDeps,
  commandResult,
  type ShowArgs,
  showProperties,
  waitProperties,
} from "./command-result.js";
import { settleMs, waitWarnings } from "./exec-command.js";
import type { Tool } from "./types.js";

interface Args extends ShowArgs {
  readonly command_id: string;
  readonly chars: string;
  readonly close_stdin: boolean;
  readonly yield_time_ms: number;
  readonly wait_for?: string;
  readonly cols?: number;
  readonly rows?: number;
}

/** `write_stdin`: feeds a running command, or only waits for it; shows the output since the last call. */
export function writeStdinTool(deps: CommandToolDeps): Tool {
  return {
    name: "write_stdin",
    title: "Write stdin",
    description:
      'Writes to a running command and returns its new output; with empty chars only waits. Example: {"command_id": "abc", "chars": "", "yield_time_ms": 10000}',
    inputSchema: {
      type: "object",
      properties: {
        command_id: { type: "string", minLength: 1 },
        chars: { type: "string", default: "" },
        close_stdin: { type: "boolean", default: false },
        ...waitProperties,
        ...showProperties,
        cols: { type: "integer", minimum: 1, maximum: 1000 },
        rows: { type: "integer", minimum: 1, maximum: 1000 },
      },
      required: ["command_id"],
      additionalProperties: false,
    },
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
    profile: "full",
    lane: "fast",
    async run(call) {
      const args = call.args as unknown as Args;
      const { chars, cols, rows } = args;
      const command = deps.commands.find(call.workspace.id, args.command_id);
      const pattern = args.wait_for === undefined ? undefined : compilePattern(args.wait_for);
      if ((cols === undefined) !== (rows === undefined)) {
        throw new Fault("INVALID_ARGUMENT", "cols and rows belong together", { hint: "give both or none" });
      }
      if (cols !== undefined && rows !== undefined) command.resize(cols, rows);
      if (chars !== "") command.write(chars);
      if (args.close_stdin) command.closeStdin();
      const how = await command.wait({
        ms: args.yield_time_ms,
        pattern,
        // An answer to what was written; a mere wait is for the end.
        settleMs: chars !== "" && pattern === undefined ? settleMs : undefined,
        signal: call.signal,
      });
      return commandResult({ call, command, args, deps, warnings: waitWarnings(how) });
    },
  };
}
