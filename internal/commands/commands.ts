import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../clock/clock.js";
import { Fault } from "../errs/errs.js";
import type { Sandbox, SandboxPolicy } from "../sandbox/types.js";
import { type Command, followCommand, type Wait, type WaitEnd } from "./command.js";
import type { RingSize } from "./ring.js";

export interface CommandLimits {
  /** Running commands of one workspace. */
  readonly active: number;
  /** Finished commands of one workspace that can still be found, and for how long. */
  readonly finished: number;
  readonly finishedMs: number;
  /** Output kept of each stream. */
  readonly ring: RingSize;
  /** Output kept of one workspace's finished commands. */
  readonly outputBytes: number;
}

/** What the wire contract promises; finished commands stay longer than it says, so that nightly jobs are found. */
export const commandLimits: CommandLimits = {
  active: 16,
  finished: 32,
  finishedMs: 24 * 3_600_000,
  ring: { head: 64 << 10, tail: 448 << 10 },
  outputBytes: 16 << 20,
};

export interface CommandRequest {
  readonly workspaceId: string;
  /** Id of the principal who asks. */
  readonly caller?: string;
  /** Gives the policy to start under, or refuses; not asked for a command that runs already. */
  readonly admit: () => SandboxPolicy | Promise<SandboxPolicy>;
  readonly cmd: string;
  /** Relative to the workspace. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Fed to it at once; its input then ends, unless it is kept open or a terminal. */
  readonly stdin: string;
  readonly keepStdinOpen: boolean;
  readonly tty?: { readonly cols: number; readonly rows: number } | undefined;
  readonly timeoutMs: number;
  /** Chosen by the caller: the same request with the same id is the same command. */
  readonly requestId?: string | undefined;
  /** Ends the start only. */
  readonly signal: AbortSignal;
}

export interface Commands {
  /**
   * Starts a command, or finds the one that an earlier call with the same request id started. Faults:
   * COMMAND_LIMIT_REACHED, REQUEST_CONFLICT (the id was used for another command), COMMAND_NOT_FOUND (its command is
   * no longer kept; it does not run twice), and what `admit` and Sandbox.start throw.
   */
  start(request: CommandRequest): Promise<{ readonly command: Command; readonly attached: boolean }>;
  /**
   * Waits for a command in the foreground: when the wait is aborted, nobody else waits in the foreground and no such
   * wait has ended before, all of the command is stopped, unless `keep` then says that it lives on.
   */
  attend(command: Command, wait: Wait, keep: () => boolean): Promise<WaitEnd>;
  /** Faults: COMMAND_NOT_FOUND, also for a command of another workspace. */
  find(workspaceId: string, id: string): Command;
  /** What runs, in all workspaces. */
  running(): readonly OwnedCommand[];
  /** Running and finished commands, the newest first. */
  list(workspaceId: string): readonly Command[];
  /** Kills and forgets the commands of a workspace that is no longer served. */
  retire(workspaceId: string): void;
  /** Kills the commands that were started by a caller who may no longer run any in that workspace. */
  endUnless(mayRun: (caller: string, workspaceId: string) => boolean): void;
  /** Kills everything; resolves when all of it has ended. */
  close(): Promise<void>;
}

export interface CommandsDeps {
  readonly sandbox: Pick<Sandbox, "start">;
  readonly clock: Clock;
  readonly limits?: CommandLimits;
  /** A command has ended, all its output included. */
  readonly onEnded?: ((ended: OwnedCommand) => void) | undefined;
}

/** A command, where it runs and who started it. */
export interface OwnedCommand {
  readonly command: Command;
  readonly workspaceId: string;
  readonly caller: string | undefined;
}

interface Place {
  readonly commands: Map<string, Command>;
  readonly requests: Map<string, { readonly digest: string; readonly command: Promise<Command> }>;
  starting: number;
}

/** Between the polite signal and the kill, when the caller cancelled. */
const cancelGraceMs = 500;
/** Request ids remembered for each workspace. */
const maxRequests = 256;

/** The commands of all workspaces. A workspace is one trust domain: its callers share its commands. */
export function createCommands({ sandbox, clock, limits = commandLimits, onEnded }: CommandsDeps): Commands {
  const callers = new WeakMap<Command, string>();
  const places = new Map<string, Place>();
  const attendance = new WeakMap<Command, { holders: number; released: boolean }>();

  function placeOf(workspaceId: string): Place {
    const known = places.get(workspaceId) ?? { commands: new Map(), requests: new Map(), starting: 0 };
    places.set(workspaceId, known);
    return known;
  }

  async function launch(place: Place, request: CommandRequest): Promise<Command> {
    const running = [...place.commands.values()].filter((command) => command.endedAt() === undefined).length;
    if (running + place.starting >= limits.active) throw tooMany(limits.active);
    place.starting++;
    try {
      const { cmd, cwd, env, tty, signal } = request;
      const start = { cmd, cwd, env, signal, ...(tty && { tty }) };
      const policy = await request.admit();
      const process = await sandbox.start(policy, start);
      const command = followCommand({
        id: randomBytes(6).toString("hex"),
        cmd,
        cwd,
        tty: tty !== undefined,
        policy,
        process,
        stdin: request.stdin,
        endStdin: !request.keepStdinOpen && tty === undefined,
        timeoutMs: request.timeoutMs,
        ring: limits.ring,
        clock,
      });
      place.commands.set(command.id, command);
      const { caller, workspaceId } = request;
      if (caller !== undefined) callers.set(command, caller);
      void command.ended.then(() => {
        retain(place, command);
        onEnded?.({ command, workspaceId, caller });
      });
      // It may have been retired while it started.
      if (places.get(request.workspaceId) !== place) command.stop("KILL");
      return command;
    } finally {
      place.starting--;
    }
  }

  /** Makes room for a command that has just ended. */
  function retain(place: Place, { id }: Command): void {
    clock.after(limits.finishedMs, () => place.commands.delete(id));
    const finished = [...place.commands.values()].filter((command) => command.endedAt() !== undefined);
    finished.sort(leastWantedFirst);
    for (const command of finished.splice(0, finished.length - limits.finished)) {
      place.commands.delete(command.id);
    }
    let held = finished.reduce((sum, command) => sum + heldBy(command), 0);
    for (const command of finished) {
      if (held <= limits.outputBytes) break;
      held -= heldBy(command);
      command.streams.stdout.forget();
      command.streams.stderr.forget();
    }
  }

  async function startOnce(
    place: Place,
    requestId: string,
    request: CommandRequest,
  ): ReturnType<Commands["start"]> {
    const digest = digestOf(request);
    const known = place.requests.get(requestId);
    if (known !== undefined) {
      if (known.digest !== digest) throw conflict(requestId);
      const command = await known.command;
      if (place.commands.has(command.id)) return { command, attached: true };
      throw noLongerKept(requestId);
    }
    const command = launch(place, request);
    place.requests.set(requestId, { digest, command });
    for (const oldest of place.requests.keys()) {
      if (place.requests.size <= maxRequests) break;
      place.requests.delete(oldest);
    }
    try {
      return { command: await command, attached: false };
    } catch (error) {
      place.requests.delete(requestId);
      throw error;
    }
  }

  function retire(workspaceId: string): void {
    const place = places.get(workspaceId);
    places.delete(workspaceId);
    for (const command of place?.commands.values() ?? []) command.stop("KILL");
  }

  return {
    async start(request) {
      const place = placeOf(request.workspaceId);
      if (request.requestId !== undefined) return startOnce(place, request.requestId, request);
      return { command: await launch(place, request), attached: false };
    },
    async attend(command, wait, keep) {
      const held = attendance.get(command) ?? { holders: 0, released: false };
      attendance.set(command, held);
      held.holders++;
      const how = await command.wait(wait);
      held.holders--;
      held.released ||= how !== "aborted" || keep();
      if (held.holders === 0 && !held.released) command.stop("TERM", cancelGraceMs);
      return how;
    },
    find(workspaceId, id) {
      const command = places.get(workspaceId)?.commands.get(id);
      if (command !== undefined) return command;
      throw new Fault("COMMAND_NOT_FOUND", `no command ${JSON.stringify(id)} is kept here`, {
        hint: "list_commands shows the commands of the workspace",
        details: { command_id: id },
      });
    },
    list: (workspaceId) => [...(places.get(workspaceId)?.commands.values() ?? [])].reverse(),
    running: () =>
      [...places].flatMap(([workspaceId, { commands }]) =>
        [...commands.values()]
          .filter((command) => command.endedAt() === undefined)
          .map((command) => ({ command, workspaceId, caller: callers.get(command) })),
      ),
    retire,
    endUnless(mayRun) {
      for (const [workspaceId, { commands }] of places) {
        for (const command of commands.values()) {
          const caller = callers.get(command);
          const isOver = command.endedAt() !== undefined || caller === undefined;
          if (!isOver && !mayRun(caller, workspaceId)) command.stop("KILL");
        }
      }
    },
    async close() {
      const all = [...places.values()].flatMap(({ commands }) => [...commands.values()]);
      for (const id of [...places.keys()]) retire(id);
      await Promise.all(all.map(({ ended }) => ended));
    },
  };
}

/** What has been shown to its end goes first, then what ended first. */
function leastWantedFirst(a: Command, b: Command): number {
  return Number(isShown(b)) - Number(isShown(a)) || (a.endedAt() ?? 0) - (b.endedAt() ?? 0);
}

function isShown({ streams, cursors }: Command): boolean {
  return cursors.stdout === streams.stdout.total && cursors.stderr === streams.stderr.total;
}

function heldBy({ streams }: Command): number {
  return streams.stdout.held + streams.stderr.held;
}

/** Of everything that decides what runs. */
function digestOf({ cmd, cwd, env, stdin, keepStdinOpen, tty, timeoutMs }: CommandRequest): string {
  const variables = Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1));
  const body = JSON.stringify([cmd, cwd, variables, stdin, keepStdinOpen, tty ?? null, timeoutMs]);
  return createHash("sha256").update(body).digest("hex");
}

function tooMany(limit: number): Fault {
  return new Fault("COMMAND_LIMIT_REACHED", `${limit} commands are running in this workspace`, {
    hint: "wait until one has ended, or stop one with kill_command; list_commands shows them",
    details: { max_active_commands: limit },
  });
}

function conflict(requestId: string): Fault {
  return new Fault(
    "REQUEST_CONFLICT",
    `request_id ${JSON.stringify(requestId)} was used for another command`,
    {
      hint: "use a new request_id for each command, and the same one only to repeat a call unchanged",
    },
  );
}

function noLongerKept(requestId: string): Fault {
  return new Fault(
    "COMMAND_NOT_FOUND",
    `the command of request_id ${JSON.stringify(requestId)} is no longer kept`,
    {
      hint: "it has run and does not run again; to run it once more, use a new request_id",
    },
  );
}
