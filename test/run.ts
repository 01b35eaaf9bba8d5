/**
 * Runs every compiled *.test.js in a process of its own, two at a time, each under a time limit. A file fails when it
 * exits non-zero, runs past its limit, reports no summary or no test at all, or when its source holds `.only` or
 * `.skip`. A source may ask for another limit with a line `// time limit: 180 s`. Usage: run.js [part of a path ...]
 */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

interface Outcome {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly seconds: number;
  readonly problem: string | undefined;
  readonly output: string;
}

const compiled = fileURLToPath(new URL("..", import.meta.url));
const checkout = join(compiled, "..");
const defaultLimitSeconds = 120;

/** Runs one file; its process group is killed at the limit, so that nothing it started stays behind. */
function runFile(file: string): Promise<Outcome> {
  const name = relative(compiled, file);
  const source = readFileSync(join(checkout, name.replace(/\.js$/, ".ts")), "utf8");
  const limit = Number(/^\/\/ time limit: (\d+) s$/m.exec(source)?.[1] ?? defaultLimitSeconds);
  const started = performance.now();
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [file], {
      cwd: checkout,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" },
    });
    let output = "";
    let timedOut = false;
    const killGroup = (): void => {
      try {
        process.kill(-(child.pid ?? 0), "SIGKILL");
      } catch {
        // The group is gone already.
      }
    };
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup();
    }, limit * 1000);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    child.on("close", (code) => {
      clearTimeout(timer);
      killGroup();
      const total = count(output, "Total");
      const passed = count(output, "Passed");
      const problem = timedOut
        ? `ran past its limit of ${limit} s`
        : problemOf({ code, total, passed, skipped: count(output, "Skipped"), source });
      const failed = problem === undefined ? 0 : Math.max(1, (total ?? 0) - (passed ?? 0));
      const seconds = (performance.now() - started) / 1000;
      resolve({ file: name, passed: passed ?? 0, failed, seconds, problem, output });
    });
  });
}

function problemOf(of: {
  code: number | null;
  total: number | undefined;
  passed: number | undefined;
  skipped: number | undefined;
  source: string;
}): string | undefined {
  if (of.code !== 0) return `exit ${of.code}`;
  if (of.total === undefined) return "no summary: is test.run() missing?";
  if (of.total === 0) return "no test ran";
  // uvu stops at an error it cannot print (one with `details`) and still exits with 0.
  if (of.passed !== of.total) return `${of.total - (of.passed ?? 0)} of ${of.total} did not pass`;
  if (/\b(test|\w+Suite|suite)\.only\(/.test(of.source)) return "holds .only";
  if (/\btest\.skip\(/.test(of.source) || (of.skipped ?? 0) > 0) return "holds a skip";
  return undefined;
}

function count(output: string, label: string): number | undefined {
  const match = [...output.matchAll(new RegExp(`^\\s*${label}:\\s+(\\d+)`, "gm"))].at(-1);
  return match && Number(match[1]);
}

async function main(): Promise<void> {
  const wanted = process.argv.slice(2);
  const files = readdirSync(compiled, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".test.js"))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
    .sort();
  const outcomes: Outcome[] = [];
  const queue = [...files];
  const worker = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const outcome = await runFile(file);
      outcomes.push(outcome);
      const verdict = outcome.problem === undefined ? "ok  " : "FAIL";
      console.log(`${verdict} ${outcome.file} (${outcome.passed} passed, ${outcome.seconds.toFixed(1)} s)`);
      if (outcome.problem !== undefined) console.log(`${outcome.problem}\n${outcome.output}`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, worker));

  console.log("\nslowest:");
  for (const { file, seconds } of outcomes.toSorted((a, b) => b.seconds - a.seconds).slice(0, 10)) {
    console.log(`  ${seconds.toFixed(1).padStart(6)} s  ${file}`);
  }
  const passed = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0);
  const failures = outcomes.filter(({ problem }) => problem !== undefined);
  const failed = failures.reduce((sum, outcome) => sum + outcome.failed, 0);
  for (const { file, problem } of failures) console.log(`FAIL ${file}: ${problem}`);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}

await main();
