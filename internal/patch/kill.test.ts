/** A real process, killed while it patches; the next one finds all old or all new. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openRoot } from "../workspace/root.js";
import { type Bench, callerOn, createFaults, makeBench, patcherOn, readTree } from "./faults.test.util.js";

const base = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "kill-")));
test.after(() => fs.rmSync(base, { recursive: true, force: true }));

const util = new URL("./faults.test.util.js", import.meta.url).href;
const roots = new URL("../workspace/root.js", import.meta.url).href;

/** Counts all files up by one and kills itself before the step it is told. */
const victim = `
const { callerOn, createFaults, patcherOn } = await import(${JSON.stringify(util)});
const { openRoot } = await import(${JSON.stringify(roots)});
const [, bench, patch, at] = process.argv;
const faults = createFaults([], (step) => step === Number(at) && process.kill(process.pid, "SIGKILL"));
const root = faults.wrap(openRoot(JSON.parse(bench).workspace));
await patcherOn(JSON.parse(bench), faults).applyPatch(callerOn(root), patch, false);
`;

/** A patch that counts four files up from `n` and makes a fifth anew, in another directory each time. */
function countUp(n: number): string {
  const sections = ["a", "dir/b", "dir/c", "d"].map((name) => `*** Update File: ${name}\n-${n}\n+${n + 1}\n`);
  const fresh = `*** Delete File: new${n}/x\n*** Add File: new${n + 1}/x\n+${n + 1}\n`;
  return `*** Begin Patch\n${sections.join("")}${fresh}*** End Patch`;
}

function makeCounters(): Bench {
  const bench = makeBench(base);
  for (const name of ["dir", "new0"]) fs.mkdirSync(join(bench.workspace, name));
  for (const name of ["a", "dir/b", "dir/c", "d", "new0/x"])
    fs.writeFileSync(join(bench.workspace, name), "0\n");
  return bench;
}

/** The number all files hold; fails when they do not agree or when there is anything else. */
function agreed(bench: Bench): number {
  const files = Object.entries(readTree(bench.workspace)).filter(([, text]) => text !== "dir");
  const number = Number(files[0]?.[1].split(" ")[1]);
  assert.equal(
    files.map(([name]) => name),
    ["a", "d", "dir/b", "dir/c", `new${number}/x`],
  );
  assert.is(new Set(files.map(([, text]) => text)).size, 1, JSON.stringify(files));
  return number;
}

async function stepsOf(patch: string): Promise<number> {
  const bench = makeCounters();
  const probe = createFaults([]);
  const root = openRoot(bench.workspace);
  await patcherOn(bench, probe).applyPatch(callerOn(probe.wrap(root)), patch, false);
  root.close();
  return probe.steps.length;
}

test("killed at steps all over a change, the files always agree and nothing is left beside them", async () => {
  const kills = 24;
  const steps = await stepsOf(countUp(0));
  const bench = makeCounters();
  const outcomes = new Set<string>();
  for (let kill = 1, version = 0; kill <= kills; kill++) {
    const at = Math.ceil((kill * steps) / kills);
    const args = ["--input-type=module", "-e", victim, JSON.stringify(bench), countUp(version), String(at)];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] });
    const [, signal] = (await once(child, "exit")) as [number | null, string | null];
    assert.is(signal, "SIGKILL", `step ${at}`);
    for (const { outcome } of await patcherOn(bench).recoverPatches()) outcomes.add(outcome);
    const now = agreed(bench);
    assert.ok(now === version || now === version + 1, `${now} after ${version}`);
    version = now;
  }
  assert.equal([...outcomes].sort(), ["completed", "rolled-back"]);
});

test.run();
