import { closeSync, constants, openSync, unlinkSync, writeFileSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { errnoOf } from "../errs/errs.js";
import { quote } from "./script.js";

/** A program a spawner started. Unless it reports its process id, it never ran. */
export interface Launched {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Gives the program its script, and tells it so with a first line on its input. Once. */
  run(script: string): void;
  /** Ends a program that was given no script. */
  abandon(): void;
  /** As its spawner sees it; the first process of its sandbox, and the leader of its process group. */
  readonly pid: number;
  /** Its exit code; null when it was killed together with what reports it. */
  readonly exit: Promise<number | null>;
  /** What the program that confines it said so far. */
  complaint(): string;
}

/** The daemon's end of a running spawner script. */
export interface Spawner {
  /** Sets what `launch` starts, and the file it finds on its filter descriptor. */
  use(argv: readonly string[], filter: string): void;
  /** Resolves when the program runs. Rejects with an Error that says why it does not. */
  launch(): Promise<Launched>;
  /** `pid` is negative for a process group. */
  kill(signal: string, pid: number): void;
  /** Resolves when the spawner has ended; then every launch rejects. */
  readonly closed: Promise<void>;
}

export interface SpawnerOptions {
  readonly input: Writable;
  readonly output: Readable;
  /** Where the FIFOs are, the same for both ends. */
  readonly directory: string;
  /** Numbers that are unique in that directory. */
  readonly nextId: () => number;
}

const { O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants;
const ends = ["in", "out", "err", "status"] as const;

export function connectSpawner({ input, output, directory, nextId }: SpawnerOptions): Spawner {
  const waiting = new Map<string, (made: boolean) => void>();
  let current = "";
  let isClosed = false;
  // The end of the output says the same.
  input.on("error", () => undefined);
  output.on("error", () => undefined);
  const lines = createInterface({ input: output });
  lines.on("line", (line) => {
    const [verb, id = ""] = line.split(" ");
    waiting.get(id)?.(verb === "made");
    waiting.delete(id);
  });
  const closed = new Promise<void>((resolve) => {
    lines.once("close", () => {
      isClosed = true;
      for (const settle of waiting.values()) settle(false);
      waiting.clear();
      resolve();
    });
  });

  return {
    use(argv, filter) {
      const next = `argv ${[filter, ...argv].map(quote).join(" ")}\n`;
      if (next !== current) input.write(next);
      current = next;
    },
    async launch() {
      const id = String(nextId());
      const made = await new Promise<boolean>((resolve) => {
        if (isClosed) resolve(false);
        else {
          waiting.set(id, resolve);
          input.write(`run ${id}\n`);
        }
      });
      if (!made) throw new Error("the process that starts commands has ended or cannot make pipes");
      const base = join(directory, id);
      try {
        return await attach(base, closed);
      } finally {
        for (const end of ends) remove(`${base}.${end}`);
      }
    },
    kill(signal, pid) {
      if (!isClosed) input.write(`kill ${signal} ${pid}\n`);
    },
    closed,
  };
}

/** Opens the daemon's ends of the FIFOs at `base`. */
async function attach(base: string, spawnerClosed: Promise<void>): Promise<Launched> {
  const script = `${base}.script`;
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
  const stdout = readEnd(fds.out);
  const stderr = readEnd(fds.err);
  // The daemon must not be a reader of what it writes: a program that is gone would go unnoticed.
  const stdin = writeEnd(() => open("in", O_WRONLY));
  closeSync(fds.in);
  if (pid === undefined || stdin === undefined) {
    remove(script);
    for (const end of [status.socket, stdout, stderr, stdin]) end?.destroy();
    throw new Error(status.complaint());
  }
  return {
    stdin,
    stdout,
    stderr,
    run(text) {
      writeFileSync(script, text, { flag: "r+" });
      remove(script);
      stdin.write("\n");
    },
    abandon() {
      remove(script);
      for (const end of [stdin, stdout, stderr]) end.destroy();
      // It ends when it notices; nothing waits for that.
      status.socket.unref();
    },
    pid,
    exit: status.exit,
    complaint: status.complaint,
  };
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
  const lines = createInterface({ input: status });
  let complaint = "";
  const first = (key: string): Promise<number | undefined> =>
    new Promise((resolve) => {
      lines.on("line", (line) => {
        const value = reported(line, key);
        if (value !== undefined) resolve(value);
      });
      lines.once("close", () => resolve(undefined));
    });
  lines.on("line", (line) => {
    if (!line.startsWith("{") && complaint.length < 2000) complaint = `${complaint} ${line}`.trim();
  });
  return {
    socket: status,
    pid: first("child-pid"),
    exit: first("exit-code").then((code) => code ?? null),
    complaint: () => (complaint === "" ? "the sandbox ended before its command began" : complaint),
  };
}
