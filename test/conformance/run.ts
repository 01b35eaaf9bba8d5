/**
 * Runs the public MCP conformance suite against the protocol layer, and its authorization part against the daemon, and
 * prints what passed. Ends with `conformance: N passed, N failed` and exit code 1 when a check failed or a scenario did
 * not run as expected.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { runAuthorization } from "./authorization.js";
import { type Check, readResults, tally } from "./results.js";
import { authorizationScenarios, type SuiteVersion, scenarios } from "./scenarios.js";
import { startSuite } from "./suite.js";

const versions: readonly SuiteVersion[] = ["2025-06-18", "2025-11-25", "2026-07-28"];
const here = fileURLToPath(new URL(".", import.meta.url));

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

/** Runs every scenario of one version; returns what the suite said. */
async function runVersion(url: string, version: SuiteVersion, results: string): Promise<string> {
  const args = ["server", "--url", url, "--suite", "all", "--spec-version", version, "-o", results];
  const { child, output } = startSuite(args);
  await once(child, "close");
  return output();
}

interface Total {
  passed: number;
  failed: number;
}

/** Prints a table of the scenarios that are expected and adds them up. */
function report(
  title: string,
  expected: Readonly<Record<string, number | undefined>>,
  checks: ReadonlyMap<string, readonly Check[]>,
  total: Total,
): void {
  console.log(`\n${title.padEnd(46)}passed failed skipped`);
  for (const [scenario, count] of Object.entries(expected)) {
    if (count === undefined) continue;
    const { passed, failed, skipped, problems } = tally(checks.get(scenario), count);
    const columns = [passed, failed, skipped].map((number) => String(number).padStart(6)).join(" ");
    console.log(`  ${scenario.padEnd(44)}${columns}`);
    for (const problem of problems) console.log(`    FAIL ${problem}`);
    total.passed += passed;
    total.failed += failed;
  }
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ctmcp-conformance-"));
  const { url, child } = await startServer();
  const total: Total = { passed: 0, failed: 0 };
  try {
    for (const version of versions) {
      const results = join(folder, version);
      const said = await runVersion(url, version, results);
      const expected = Object.entries(scenarios).map(([name, counts]) => [name, counts[version]]);
      report(version, Object.fromEntries(expected), readResults(results, "server", said), total);
    }
    const results = join(folder, "authorization");
    const said = await runAuthorization(results);
    const checks = readResults(results, "authorization-server", said);
    report("authorization server", authorizationScenarios, checks, total);
  } finally {
    child.kill("SIGTERM");
    await once(child, "exit");
    rmSync(folder, { recursive: true });
  }
  console.log(`\nconformance: ${total.passed} passed, ${total.failed} failed`);
  process.exitCode = total.failed > 0 ? 1 : 0;
}

await main();
