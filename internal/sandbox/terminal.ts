import { readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { Readable, Writable } from "node:stream";
import type { IPty } from "node-pty";
import { Fault, messageOf } from "../errs/errs.js";
import { streamOutput } from "./output.js";
import { trackExit } from "./process.js";
import { closeOthers, descriptors } from "./script.js";
import type { RunningProcess } from "./types.js";

export type PtyModule = Pick<typeof import("node-pty"), "spawn">;

export interface TerminalOptions {
  readonly load: () => Promise<PtyModule>;
  readonly bash: string;
  /** The program and what confines it. */
  readonly argv: readonly string[];
  /** The text that is its command, and a file that may hold it until it is read. */
  readonly script: string;
  readonly scriptFile: string;
  readonly filter: string;
  readonly env: Readonly<Record<string, string>>;
  readonly size: { readonly cols: number; readonly rows: number };
  /** The command is a grandchild of the first process. */
  readonly nested: boolean;
  readonly signal: AbortSignal;
}

/** node-pty passes on no descriptors of ours, but those the daemon was started with. */
const openDescriptors = `${closeOthers}
exec ${descriptors.script}<"$1" ${descriptors.filter}<"$2" || exit 126
/bin/rm -f "$1"
shift 2
exec "$@"`;

/**
 * Starts a program on a terminal of its own. This one start does fork the daemon; the native part is loaded with it.
 *
 * @throws Fault TTY_UNSUPPORTED when node-pty has no native binary here.
 */
export async function startTerminal(options: TerminalOptions): Promise<RunningProcess> {
  const { load, bash, argv, script, scriptFile, filter, env, size, nested, signal } = options;
  await writeFile(scriptFile, script, { mode: 0o600, flag: "wx" });
  try {
    const pty = await load();
    signal.throwIfAborted();
    const child = pty.spawn(bash, ["-c", openDescriptors, bash, scriptFile, filter, ...argv], {
      name: "xterm-256color",
      cwd: "/",
      env: { ...env },
      encoding: null,
      ...size,
    });
    return overTerminal(child, nested);
  } catch (error) {
    await rm(scriptFile, { force: true });
    if (signal.aborted) throw signal.reason;
    throw new Fault("TTY_UNSUPPORTED", `a terminal cannot be opened: ${messageOf(error)}`, {
      hint: "run: npm rebuild node-pty --allow-scripts=node-pty; or run the command without tty",
      cause: error,
    });
  }
}

function overTerminal(child: IPty, nested: boolean): RunningProcess {
  const stdout = new Readable({ read: () => child.resume() });
  const stdin = new Writable({
    write(chunk: Buffer, _encoding, done) {
      child.write(chunk);
      done();
    },
  });
  // Bytes, since no encoding is set; the declared type knows only strings.
  child.onData((data: string | Buffer) => {
    if (!stdout.push(data)) child.pause();
  });
  const { exit, record, hasEnded } = trackExit(
    new Promise((resolve) => {
      child.onExit(({ exitCode, signal }) => {
        stdout.push(null);
        stdin.destroy();
        resolve(signal ? null : exitCode);
      });
    }),
  );
  return {
    stdin,
    stdout: streamOutput(stdout),
    stderr: streamOutput(Readable.from([])),
    exit,
    kill(signal) {
      if (hasEnded()) return;
      record(signal);
      for (const pid of targets(child.pid, { nested, signal })) send(pid, signal);
    },
    resize(cols, rows) {
      if (!hasEnded()) child.resize(cols, rows);
    },
  };
}

/**
 * Whom a signal goes to: not to bwrap's two processes, with which all others end at once; except for KILL, which
 * means just that.
 */
function targets(pid: number, of: { nested: boolean; signal: string }): number[] {
  if (!of.nested) return [-pid];
  return of.signal === "KILL" ? [pid] : childrenOf(pid).flatMap(descendantsOf);
}

function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return text.split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function send(pid: number, signal: string): void {
  try {
    process.kill(pid, `SIG${signal}`);
  } catch {
    // Gone already.
  }
}
