#!/usr/bin/env node
import { homedir } from "node:os";
import { formatProblem, problemsOf } from "../../internal/config/problem.js";
import { exitCodeOf, Fault, messageOf } from "../../internal/errs/errs.js";
import { printableJson } from "../../internal/log/json.js";
import { createContext, type Surroundings } from "./context.js";
import { paint, printable } from "./output.js";
import { parse } from "./parse.js";

/** Runs one command and returns the exit code; errors are told on stderr. */
async function main(argv: readonly string[], around: Surroundings): Promise<number> {
  try {
    // Asked by the completion scripts: the words may be anything, half a flag included.
    if (argv[0] === "__complete") return (await import("./candidates.js")).run(argv.slice(1), around.stdout);
    const { verb, flags, args } = parse(argv);
    const { run } = await verb.load();
    return await run(createContext(around, flags, args));
  } catch (error) {
    report(error, argv.includes("--json"), around);
    return exitCodeOf(error);
  }
}

function report(error: unknown, json: boolean, { stdout, stderr, env }: Surroundings): void {
  const tell = (kind: "error" | "hint", text: string): void => {
    const label = paint(kind === "error" ? "red" : "dim", `${kind}:`, { stream: stderr, env });
    stderr.write(`${label} ${printable(text)}\n`);
  };
  if (!(error instanceof Fault)) {
    stderr.write(`error: ${error instanceof Error ? error.stack : messageOf(error)}\n`);
    return;
  }
  const { code, message, hint, details } = error;
  if (json) stdout.write(`${printableJson({ schema: 1, error: { code, message, hint, details } }, 2)}\n`);
  for (const problem of problemsOf(error)) stderr.write(`${printable(formatProblem(problem))}\n`);
  tell("error", message);
  if (hint !== undefined) tell("hint", hint);
}

// `ctmcpctl logs | head` ends when head has seen enough; that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

void main(process.argv.slice(2), {
  env: process.env,
  home: homedir(),
  cwd: process.cwd(),
  uid: process.getuid?.() ?? 0,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
}).then((code) => {
  process.exitCode = code;
});
