import { spawn } from "node:child_process";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { Fault } from "../../internal/errs/errs.js";
import { quoted } from "../../internal/fsx/owned.js";
import { findProgram } from "../../internal/tunnel/find-program.js";
import type { Context } from "./context.js";
import type { OptionName } from "./options.js";
import { printable } from "./output.js";

export type Argv = readonly [string, ...string[]];

export interface Ended {
  /** Null when it was killed. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Step {
  /** What it is for, as in "log in to Cloudflare". */
  readonly what: string;
  readonly argv: Argv;
  /** What to do when it fails; without it: to run the command by hand. */
  readonly whenFailed?: string;
}

/** How a command asks the owner, and runs programs with their consent. */
export interface Session {
  /** Where a program is. Throws FAILED with `install` when it is missing. */
  program(name: string, install: string): Promise<string>;
  /** Asks the owner, then runs a command on the terminal. Throws FAILED when either says no. */
  run(step: Step): Promise<void>;
  /** Runs a command that only looks, without asking; at most a minute. */
  look(argv: Argv, options?: { readonly until?: RegExp }): Promise<Ended>;
  /** Asks yes or no. Without a terminal the answer is no, whatever `--yes` says. */
  confirm(question: string): Promise<boolean>;
  /** The value of a flag, or what the owner types. Throws USAGE when there is neither. */
  value(flag: OptionName, question: string, fallback?: string): Promise<string>;
  /** What the owner types, not shown; USAGE as for `value`. */
  secret(flag: OptionName, question: string): Promise<string>;
}

const lookTimeoutMs = 60_000;

/** A session on the terminal of ctmcpctl. Everything is said on stderr, so that stdout holds the answer alone. */
export function createSession(context: Context): Session {
  const { flags, args, env, stdin, stderr, remark } = context;
  const isInteractive = Boolean(stdin.isTTY && stderr.isTTY);
  const again = commandLine(args, flags);

  async function type(question: string, hidden = false): Promise<string> {
    // The terminal's own echo is off while readline reads; what it would write instead goes nowhere.
    const output = hidden ? new Writable({ write: (_chunk, _encoding, done) => done() }) : stderr;
    const terminal = createInterface({ input: stdin, output, terminal: true });
    // Only now, when the echo is off: an answer may come at once.
    if (hidden) stderr.write(question);
    const ended = new AbortController();
    terminal.once("close", () => ended.abort());
    try {
      return (await terminal.question(hidden ? "" : question, { signal: ended.signal })).trim();
    } catch (error) {
      if (ended.signal.aborted) throw stopped();
      throw error;
    } finally {
      terminal.close();
      if (hidden) stderr.write("\n");
    }
  }

  function missing(flag: OptionName): Fault {
    return new Fault("USAGE", `--${flag} is missing`, { hint: `add it: ${again} --${flag} ...` });
  }

  async function confirm(question: string): Promise<boolean> {
    return isInteractive && /^y(?:es)?$/i.test(await type(`${question} [y/N] `));
  }

  async function permit(command: string): Promise<void> {
    if (flags.yes) return;
    if (!isInteractive) {
      throw new Fault("USAGE", `nobody can be asked whether to run: ${command}`, {
        hint: "add --yes to run every command without asking",
      });
    }
    if (!(await confirm("run it?"))) throw stopped(`run it yourself: ${command}; then: ${again}`);
  }

  return {
    async program(name, install) {
      const found = await findProgram(name, env.PATH ?? "");
      if (found !== undefined) return found;
      throw new Fault("FAILED", `${name} is not in your PATH`, { hint: `${install}; then: ${again}` });
    },
    async run({ what, argv, whenFailed }) {
      const command = argv.map(quoted).join(" ");
      remark(printable(`${what}: ${command}`));
      await permit(command);
      // Its output is part of the conversation, not of the answer.
      const { code } = await start(argv, { env, stdio: ["inherit", 2, 2] });
      if (code === 0) return;
      throw new Fault("FAILED", `could not ${what}: ${command} ended with ${code ?? "a signal"}`, {
        hint: whenFailed ?? `see what it says above; once it works: ${again}`,
      });
    },
    look: (argv, { until } = {}) =>
      start(argv, { env, stdio: ["ignore", "pipe", "pipe"], until, timeoutMs: lookTimeoutMs }),
    confirm,
    async value(flag, question, fallback = "") {
      const given = flags[flag];
      if (typeof given === "string") return given;
      if (!isInteractive && fallback === "") throw missing(flag);
      if (!isInteractive) return fallback;
      const typed = await type(fallback === "" ? `${question}: ` : `${question} [${fallback}]: `);
      if (typed === "" && fallback === "") throw missing(flag);
      return typed || fallback;
    },
    async secret(flag, question) {
      const typed = isInteractive ? await type(`${question} (not shown): `, true) : "";
      if (typed === "") throw missing(flag);
      return typed;
    },
  };
}

/** The command as it was given. */
function commandLine(args: readonly string[], flags: Context["flags"]): string {
  const given = Object.entries(flags).flatMap(([name, value]) =>
    value === true ? [`--${name}`] : [`--${name}`, String(value)],
  );
  return ["ctmcpctl", "tunnel", "setup", ...args, ...given].map(quoted).join(" ");
}

function stopped(hint?: string): Fault {
  return new Fault("FAILED", "stopped; the config is as it was", hint === undefined ? {} : { hint });
}

interface StartOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly stdio: ["inherit", 2, 2] | ["ignore", "pipe", "pipe"];
  /** Ends the program as soon as its standard error matches. */
  readonly until?: RegExp | undefined;
  readonly timeoutMs?: number;
}

function start([program, ...args]: Argv, { env, stdio, until, timeoutMs }: StartOptions): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      // Variables of cloudflared win over its arguments.
      env: Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("TUNNEL_"))),
      stdio,
      ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
    });
    let stdout = "";
    let stderr = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      if (until?.test(stderr)) child.kill();
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
}
