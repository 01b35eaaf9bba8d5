import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { mainOf, type Program, startProgram } from "./program.js";
import { startPublicEdge } from "./public-edge.js";
import { lastingPort } from "./sign-in.js";

export const scripts = fileURLToPath(new URL("../../../scripts", import.meta.url));
/** The name that the fake of cloudflared is given at each start. */
export const quickHost = "calm-lake-plain-stone.trycloudflare.com";

export interface Machine {
  readonly home: string;
  readonly bin: string;
  readonly port: number;
  /** What tunnel.sh has for its own. */
  readonly own: string;
  /** Every command line that our programs and those of `program` got. */
  commandLines(): string;
  /** Puts a program on PATH that runs `script` in sh. */
  program(name: string, script: string): void;
  /** A script by its name, or a copy of it by its path. */
  run(script: string, args: readonly string[], env?: Env): Program;
}

export type Env = Readonly<Record<string, string>>;

/** Runs `test` with a home of its own, a folder "my app" in it, and our programs on PATH. */
export async function withMachine(test: (machine: Machine) => Promise<void>): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), "ctmcp-scripts-"));
  const programs: Program[] = [];
  try {
    const bin = join(home, "bin");
    const journal = join(home, "command-lines");
    mkdirSync(bin);
    mkdirSync(join(home, "my app"));
    writeFileSync(journal, "");
    const port = await lastingPort();
    const program: Machine["program"] = (name, script) => {
      writeFileSync(join(bin, name), `#!/bin/sh\necho "\${0##*/} $*" >>'${journal}'\n${script}\n`);
      chmodSync(join(bin, name), 0o755);
    };
    for (const name of ["ctmcpd", "ctmcpctl", "coding-tools-mcp"] as const)
      program(name, `exec '${process.execPath}' '${mainOf(name)}' "$@"`);
    await test({
      home,
      bin,
      port,
      own: join(home, ".local/state/coding-tools-mcp/tunnel-script"),
      commandLines: () => readFileSync(journal, "utf8"),
      program,
      run(script, args, env) {
        const path = [bin, dirname(process.execPath), "/usr/bin", "/bin"].join(delimiter);
        const started = startProgram(resolve(scripts, script), {
          node: "sh",
          args,
          env: { PATH: path, HOME: home, CODING_TOOLS_MCP_PORT: String(port), ...env },
          cwd: home,
        });
        programs.push(started);
        return started;
      },
    });
  } finally {
    for (const program of programs) program.child.kill("SIGTERM");
    await Promise.all(programs.map((program) => program.exit));
    rmSync(home, { recursive: true, force: true });
  }
}

/** Runs `test` where `host` leads to the daemon of the machine, by TLS. */
export async function withEdge(
  { home, port }: Machine,
  host: string,
  test: (env: Env) => Promise<void>,
): Promise<void> {
  const edge = await startPublicEdge(home, host, port);
  await test({ NODE_OPTIONS: edge.nodeOptions }).finally(edge.close);
}

/** Waits until the script has told all, and ends it. */
export async function stopWhenUp(program: Program): Promise<string> {
  await program.until("stdout", /^see also/m);
  program.child.kill("SIGTERM");
  assert.equal(await program.exit, { code: 0, signal: null });
  return program.stdout();
}

/** Variables by their names without our prefix. */
export function prefixed(variables: Readonly<Record<string, string>>): Env {
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [`CODING_TOOLS_MCP_${name}`, value]),
  );
}
