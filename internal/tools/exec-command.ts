import type { Clock } from "../clock/clock.js";
import type { WaitEnd } from "../commands/command.js";
import { refusalDiagnostic } from "../commands/diagnostics.js";
import { compilePattern } from "../commands/pattern.js";
import { Fault } from "../errs/errs.js";
import type { SandboxPolicy } from "../sandbox/types.js";
import {
  type CommandToolDeps,
  commandResult,
  type ShowArgs,
  showProperties,
  waitProperties,
} from "./command-result.js";
import { failureResult, isExpected } from "./failure.js";
import type { Tool, ToolCall, ToolResult } from "./types.js";

export interface ExecDeps extends CommandToolDeps {
  /**
   * Decides under which policy the command of an exec_command runs. Faults: PERMISSION_REQUIRED with `details.permission` when the mode does
   * not allow it, SANDBOX_UNAVAILABLE below the configured minimum.
   */
  readonly admit: (call: ToolCall) => SandboxPolicy | Promise<SandboxPolicy>;
  readonly clock: Clock;
}

/**
 * The reason to abort a call with when its client is gone but did not cancel. A command with a request_id then lives
 * on, so that the repeated call finds it.
 */
export const clientGone = "client gone";

/** Output that has paused for this long is what an interactive program wanted to say. */
export const settleMs = 200;

const maxTimeoutMs = 86_400_000;

interface Args extends ShowArgs {
  readonly cmd: string;
  readonly workdir: string;
  readonly cwd?: string;
  readonly timeout_ms: number;
  readonly yield_time_ms: number;
  readonly wait_for?: string;
  readonly stdin: string;
  readonly keep_stdin_open: boolean;
  readonly tty: boolean;
  readonly cols: number;
  readonly rows: number;
  readonly env: Readonly<Record<string, string>>;
  readonly request_id?: string;
}

/** `exec_command`: runs a shell command in the workspace's sandbox. */
export function execCommandTool(deps: ExecDeps): Tool {
  return {
    name: "exec_command",
    title: "Execute command",
    description:
      'Runs a shell command and returns its output. One that outlasts yield_time_ms runs on; the answer names the call that waits for it. Example: {"cmd": "npm test", "workdir": ".", "yield_time_ms": 30000}',
    inputSchema: {
      type: "object",
      properties: {
        cmd: { type: "string", minLength: 1 },
        workdir: { type: "string", default: "." },
        cwd: { type: "string", description: "Same as workdir." },
        timeout_ms: {
          type: "integer",
          minimum: 1,
          maximum: maxTimeoutMs,
          default: 3_600_000,
          description: "The command is stopped then; at most 24 h.",
        },
        ...waitProperties,
        ...showProperties,
        stdin: { type: "string", default: "", description: "Its whole standard input." },
        keep_stdin_open: { type: "boolean", default: false, description: "For write_stdin." },
        tty: { type: "boolean", default: false },
        cols: { type: "integer", minimum: 1, maximum: 1000, default: 120 },
        rows: { type: "integer", minimum: 1, maximum: 1000, default: 32 },
        env: { type: "object", additionalProperties: { type: "string" }, default: {} },
        request_id: {
          type: "string",
          minLength: 1,
          maxLength: 128,
          description: "Your id; a repeated call with it attaches to the same command.",
        },
      },
      required: ["cmd"],
      additionalProperties: false,
    },
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
    profile: "full",
    // It waits rather than works, and must not take the places of searches.
    lane: "fast",
    async run(call) {
      try {
        return await run(deps, call);
      } catch (error) {
        if (!isExpected(error)) throw error;
        return refusedResult(error);
      }
    },
  };
}

async function run(deps: ExecDeps, call: ToolCall): Promise<ToolResult> {
  const args = call.args as unknown as Args;
  const begun = deps.clock.monotonic();
  const pattern = args.wait_for === undefined ? undefined : compilePattern(args.wait_for);
  const { cmd, stdin, env } = args;
  const cwd = workingDirectory(call, args);
  if (cmd.includes("\0")) throw new Fault("INVALID_ARGUMENT", "cmd holds a NUL character");
  const { command, attached } = await deps.commands.start({
    workspaceId: call.workspace.id,
    caller: call.caller,
    admit: () => deps.admit(call),
    cmd,
    cwd,
    env,
    stdin,
    keepStdinOpen: args.keep_stdin_open,
    tty: args.tty ? { cols: args.cols, rows: args.rows } : undefined,
    timeoutMs: args.timeout_ms,
    requestId: args.request_id,
    signal: call.signal,
  });
  const lost = (): boolean => call.signal.reason === clientGone && args.request_id !== undefined;
  const how = await deps.commands.attend(
    command,
    {
      ms: Math.max(0, args.yield_time_ms - (deps.clock.monotonic() - begun)),
      pattern,
      fromStart: true,
      settleMs: args.tty && pattern === undefined ? settleMs : undefined,
      signal: call.signal,
    },
    lost,
  );
  return commandResult({
    call,
    command,
    args,
    deps,
    fromStart: true,
    warnings: [
      ...(attached ? ["this is the command that an earlier call started"] : []),
      ...waitWarnings(how),
    ],
  });
}

/** What the caller should know of a wait that did not go as asked. */
export function waitWarnings(how: WaitEnd): string[] {
  return how === "exhausted"
    ? ["wait_for was too costly for this output and was given up; use a simpler one"]
    : [];
}

/** The folder to run in. Faults: INVALID_ARGUMENT, NOT_A_DIRECTORY, and those of the workspace. */
function workingDirectory({ workspace }: ToolCall, { workdir, cwd }: Args): string {
  if (cwd !== undefined && workdir !== "." && workdir !== cwd) {
    throw new Fault(
      "INVALID_ARGUMENT",
      `workdir ${JSON.stringify(workdir)} and cwd ${JSON.stringify(cwd)} disagree`,
      {
        hint: "give one of them only",
      },
    );
  }
  const wanted = cwd ?? workdir;
  const { path, type } = workspace.root.resolve(wanted);
  if (type === "directory") return path;
  throw new Fault("NOT_A_DIRECTORY", `${JSON.stringify(wanted)} is not a directory`);
}

/** A command that did not start. */
function refusedResult(error: Fault): ToolResult {
  const { content, structured } = failureResult(error);
  const { permission } = error.details;
  const diagnostic = refusalDiagnostic(permission);
  const request = { tool_name: "exec_command", permission, status: "required", retryable: true };
  return {
    content,
    structured: {
      ...structured,
      status: "failed",
      diagnostics: diagnostic === undefined ? [] : [diagnostic],
      ...(error.code === "PERMISSION_REQUIRED" && { permission_request: request }),
    },
  };
}
