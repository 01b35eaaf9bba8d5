import { closeSync, constants, openSync, unlinkSync, writeFileSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { errnoOf } from "../errs/errs.js";
import { eachLine, pipeOutput, readBytes, streamOutput } from "./output.js";
import { quote } from "./script.js";
import type { Output } from "./types.js";

/** A program a spawner started. Unless it reports its process id, it never ran. */
export interface Launched {
  readonly stdin: Writable;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Gives the program the rest of its script, and tells it so with a first line on its input. Once; abandon it when this throws. */
  run(script: string): void;
  /** Ends a program that was not given the rest. */
  abandon(): void;
  /** As its spawner sees it; the first process of its sandbox, and the leader of its process group. */
  readonly pid: number;
  /** Its exit code; null when it was killed together with what reports it. */
  readonly exit: Promise<number | null>;
  /** What the program that confines it said so far. */
  complaint(): string;
}

/** What a spawner starts. */
interface Program {
  readonly argv: readonly string[];
  /** The file it finds on its filter descriptor. */
  readonly filter: string;
}

/** The daemon's end of a running spawner script. */
export interface Spawner {
  /**
   * Resolves when the program runs; `script` is the beginning of its script, undefined when it takes none. Rejects with
   * an Error that says why it does not run.
   */
  launch(program: Program, script?: string): Promise<Launched>;
  /** `pid` is negative for a process group. */
  kill(signal: string, pid: number): void;
  /** Resolves when the spawner has ended; then every launch rejects. */
  readonly closed: Promise<void>;
}

export interface SpawnerOptions {
  readonly input: Writable;
  readonly output: Output;
  /** Where the FIFOs are, the same for both ends. */
  readonly directory: string;
  /** Numbers that are unique in that directory. */
  readonly nextId: () => number;
}

const { O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants;
const ends = ["in", "out", "err", "status"] as const;
const largestBatch = 8;

export function connectSpawner({ input, output, directory, nextId }: SpawnerOptions): Spawner {
  /** Numbers whose FIFOs are made and not used yet. */
  const made: string[] = [];
  const buffer = Buffer.allocUnsafeSlow(readBytes);
  let making: Promise<boolean> | undefined;
  let answer = (_isMade: boolean): void => undefined;
  let batch = 1;
  let current: Program | undefined;
  let isClosed = false;
  // The end of the output says the same.
  input.on("error", () => undefined);
  const closed = eachLine(output, (line) => answer(line === "made")).then(() => {
    isClosed = true;
    answer(false);
    for (const id of made.splice(0)) removePipes(join(directory, id));
  });

  /** Twice as many each time, until it is worth the process that makes them. */
  async function makePipes(): Promise<boolean> {
    const ids = Array.from({ length: batch }, () => String(nextId()));
    batch = Math.min(batch * 2, largestBatch);
    const isMade = await new Promise<boolean>((resolve) => {
      answer = resolve;
      input.write(`pipes ${ids.join(" ")}\n`);
    });
    making = undefined;
    if (isMade) made.push(...ids);
    else for (const id of ids) removePipes(join(directory, id));
    return isMade;
  }

  /** The number of a set of FIFOs. */
  async function takePipes(): Promise<string> {
    for (;;) {
      const id = made.shift();
      if (id !== undefined) return id;
      making ??= makePipes();
      if (isClosed || !(await making)) {
        throw new Error("the process that starts commands has ended or cannot make pipes");
      }
    }
  }

  return {
    async launch(program, script) {
      const id = await takePipes();
      const base = join(directory, id);
      const file = createScript(`${base}.script`);
      try {
        file.write(script ?? "");
        if (program !== current)
          input.write(`argv ${[program.filter, ...program.argv].map(quote).join(" ")}\n`);
        current = program;
        input.write(`run ${id}\n`);
        const launched = await attach(base, { script: file, spawnerClosed: closed, buffer });
        if (script === undefined) file.close();
        return launched;
      } catch (error) {
        file.close();
        throw error;
      } finally {
        remove(`${base}.script`);
        removePipes(base);
      }
    },
    kill(signal, pid) {
      if (!isClosed) input.write(`kill ${signal} ${pid}\n`);
    },
    closed,
  };
}

/** The file that a program reads its script from; it need not have a name any more. */
interface Script {
  write(text: string): void;
  /** Once or more often. */
  close(): void;
}

function createScript(path: string): Script {
  const fd = openSync(path, "ax", 0o600);
  let isOpen = true;
  return {
    write: (text) => writeFileSync(fd, text),
    close() {
      if (isOpen) closeSync(fd);
      isOpen = false;
    },
  };
}

interface AttachOptions {
  readonly script: Script;
  readonly spawnerClosed: Promise<void>;
  /** What the program's output is read into. */
  readonly buffer: Buffer;
}

/** Opens the daemon's ends of the FIFOs at `base`. */
async function attach(base: string, { script, spawnerClosed, buffer }: AttachOptions): Promise<Launched> {
  const open = (end: (typeof ends)[number], flags: number): number =>
    openSync(`${base}.${end}`, flags | O_NONBLOCK);
  // The program blocks until each FIFO has both ends. Only opening for both directions never waits for the other side.
  const fds = {
    status: open("status", O_RDONLY),
    out: open("out", O_RDONLY),
    err: open("err", O_RDONLY),
    in: open("in", O_RDWR),
  };
  // Not seen as ended meanwhile: Linux reports the end only after a first writer has come and gone.
  const status = reports(readEnd(fds.status));
  // A program that was killed before it opened anything does not come to an end here either.
  const pid = await Promise.race([status.pid, spawnerClosed.then(() => undefined)]);
  // An end is read only now: before the program has opened its own, it looks like an ended one.
  const stdout = pipeOutput(fds.out, buffer);
  const stderr = pipeOutput(fds.err, buffer);
  // The daemon must not be a reader of what it writes: a program that is gone would go unnoticed.
  const stdin = writeEnd(() => open("in", O_WRONLY));
  closeSync(fds.in);
  if (pid === undefined || stdin === undefined) {
    for (const end of [stdout, stderr]) end.close();
    for (const end of [status.socket, stdin]) end?.destroy();
    throw new Error(status.complaint());
  }
  return {
    stdin,
    stdout,
    stderr,
    run(text) {
      script.write(text);
      script.close();
      stdin.write("\n");
    },
    abandon() {
      script.close();
      for (const end of [stdout, stderr]) end.close();
      stdin.destroy();
      // It ends when it notices; nothing waits for that.
      status.socket.unref();
    },
    pid,
    exit: status.exit,
    complaint: status.complaint,
  };
}

function removePipes(base: string): void {
  for (const end of ends) remove(`${base}.${end}`);
}

/** At once: handing it to another thread takes longer. What cannot be removed goes with the directory. */
function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It is gone, or will be.
  }
}

function readEnd(fd: number): Socket {
  const socket = new Socket({ fd, readable: true, writable: false });
  socket.on("error", () => undefined);
  return socket;
}

/** The writing end of a FIFO; undefined when nobody reads it any more. */
function writeEnd(open: () => number): Socket | undefined {
  try {
    const socket = new Socket({ fd: open(), readable: false, writable: true });
    // A program need not read its input to the end.
    socket.on("error", () => undefined);
    return socket;
  } catch (error) {
    if (errnoOf(error) === "ENXIO") return undefined;
    throw error;
  }
}

interface Reports {
  readonly socket: Socket;
  readonly pid: Promise<number | undefined>;
  readonly exit: Promise<number | null>;
  complaint(): string;
}

/** What a status line says of `key`. A line is cut short where bwrap was killed while it wrote: that says nothing. */
export function reported(line: string, key: string): number | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return (JSON.parse(line) as Record<string, number>)[key];
  } catch {
    return undefined;
  }
}

/** The JSON lines of `--json-status-fd`: the process id at the start, the exit code at the end. Others are complaints. */
function reports(status: Socket): Reports {
  let complaint = "";
  let tell = (_pid: number | undefined): void => undefined;
  let end = (_code: number | null): void => undefined;
  const pid = new Promise<number | undefined>((resolve) => {
    tell = resolve;
  });
  const exit = new Promise<number | null>((resolve) => {
    end = resolve;
  });
  const closed = eachLine(streamOutput(status), (line) => {
    if (!line.startsWith("{")) {
      if (complaint.length < 2000) complaint = `${complaint} ${line}`.trim();
      return;
    }
    const started = reported(line, "child-pid");
    if (started !== undefined) tell(started);
    const code = reported(line, "exit-code");
    if (code !== undefined) end(code);
  });
  void closed.then(() => {
    tell(undefined);
    end(null);
  });
  return {
    socket: status,
    pid,
    exit,
    complaint: () => (complaint === "" ? "the sandbox ended before its command began" : complaint),
  };
}
