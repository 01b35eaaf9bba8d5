import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { makeDirectory } from "./machine.js";

const base = mkdtempSync(join(tmpdir(), "machine-"));
test.after(() => rmSync(base, { recursive: true }));

test("what a killed process left is removed at the next start, and nothing else", () => {
  const module = new URL("machine.js", import.meta.url).href;
  const script = `const { makeDirectory } = await import(${JSON.stringify(module)});
console.log(makeDirectory(${JSON.stringify(base)}));
process.kill(process.pid, "SIGKILL");`;
  const { stdout, signal } = spawnSync(process.execPath, ["--input-type=module", "--eval", script]);
  const left = stdout.toString().trim();
  assert.is(signal, "SIGKILL");
  assert.ok(existsSync(left), "control: it is there until the next start");
  mkdirSync(join(base, "sandbox-of-somebody"));

  const first = makeDirectory(base);
  assert.not(existsSync(left));
  const second = makeDirectory(base);
  assert.is.not(first, second);
  for (const kept of [first, second, join(base, "sandbox-of-somebody")]) assert.ok(existsSync(kept), kept);
});

test.run();
