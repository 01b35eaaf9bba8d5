import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One of the compiled programs, running. */
export interface Program {
  readonly child: ChildProcess;
  readonly pid: number;
  /** What it has written so far. */
  stdout(): string;
  stderr(): string;
  /** Waits until what it wrote matches; rejects when it ends without. */
  until(stream: "stdout" | "stderr", pattern: RegExp): Promise<RegExpExecArray>;
  /** Settles when it is gone and its output is read. */
  readonly exit: Promise<Exit>;
  /** Sends SIGKILL if it still runs. */
  kill(): Promise<void>;
}

export interface ProgramOptions {
  readonly args?: readonly string[];
  /** Beside PATH, all the environment there is. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: "ignore" | "pipe";
  /** Default: the node that runs this. */
  readonly node?: string;
}

export type ProgramName = "ctmcpd" | "ctmcpctl" | "coding-tools-mcp";

/** A program as it is shipped, from the same build as this test. */
export function mainOf(name: ProgramName): string {
  return fileURLToPath(new URL(`../../bin/${name}.cjs`, import.meta.url));
}

/** The same program before it was bundled: each module is a file that can be seen loading. */
export function unbundledMainOf(name: ProgramName): string {
  return fileURLToPath(new URL(`../../cmd/${name}/main.js`, import.meta.url));
}

/** Starts a node program. */
export function startProgram(
  main: string,
  { args = [], env, cwd, stdin = "ignore", node = process.execPath }: ProgramOptions = {},
): Program {
  const child = spawn(node, [main, ...args], {
    cwd,
    env: { PATH: process.env.PATH, ...env },
    stdio: [stdin, "pipe", "pipe"],
  });
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (text: string) => {
      texts[name] += text;
    });
  }
  const exit = once(child, "close").then(([code, signal]) => ({ code, signal }) as Exit);
  return {
    child,
    pid: child.pid ?? 0,
    stdout: () => texts.stdout,
    stderr: () => texts.stderr,
    exit,
    async until(stream, pattern) {
      const ended = exit.then(() => "ended" as const);
      for (;;) {
        const match = pattern.exec(texts[stream]);
        if (match !== null) return match;
        const more = once(child[stream] as NonNullable<typeof child.stdout>, "data");
        if ((await Promise.race([more, ended])) === "ended" && !pattern.test(texts[stream])) {
          throw new Error(`ended without ${pattern} on ${stream}: ${texts.stdout}${texts.stderr}`);
        }
      }
    },
    async kill() {
      child.kill("SIGKILL");
      await exit;
    },
  };
}
