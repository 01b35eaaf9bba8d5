import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { updateForever } from "./update-loop.test.util.js";

// This file is also what the killed processes run.
const own = fileURLToPath(import.meta.url);
const [updated, manner] = process.argv.slice(2);
if (updated !== undefined) await updateForever(updated, manner);

const folder = mkdtempSync(join(tmpdir(), "ctmcp-crash-"));
test.after(() => rmSync(folder, { recursive: true }));

/** Lets a process update `path` and kills it at a random moment; answers with the last number it acknowledged. */
function runAndKill(path: string, manner: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [own, path, manner], { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      // The moment is counted from the first acknowledgement: before it there is nothing to lose.
      if (output === "") setTimeout(() => child.kill("SIGKILL"), Math.random() * 25);
      output += text;
    });
    child.on("error", reject);
    child.on("close", () => resolve(Number(output.trimEnd().split("\n").at(-1))));
  });
}

/** The number in the file, or why there is none. */
function stored(path: string): number | string {
  try {
    return (JSON.parse(readFileSync(path, "utf8")) as { count: number }).count;
  } catch (error) {
    return String(error);
  }
}

/** Kills one process after the other, all on one file, and checks the file after each; answers with their number. */
async function killUntil(end: number, directory: string): Promise<number> {
  const path = join(directory, "state.json");
  let kills = 0;
  for (; performance.now() < end; kills++) {
    const acknowledged = await runAndKill(path, "atomic");
    const found = stored(path);
    assert.ok(
      found === acknowledged || found === acknowledged + 1,
      `kill ${kills}: ${acknowledged} then ${found}`,
    );
  }
  return kills;
}

test("a process killed at any moment leaves the state it acknowledged, or the one it was writing", async () => {
  const end = performance.now() + 12_000;
  const kills = await Promise.all(["a", "b"].map((name) => killUntil(end, join(folder, name))));
  assert.ok(Math.min(...kills) > 1, `kills: ${kills}`);
  // The half-written files show that kills came in the middle of a write.
  const files = readdirSync(folder, { recursive: true }).map(String);
  assert.ok(files.some((name) => name.endsWith(".tmp")));
  assert.not(files.some((name) => name.includes("damaged")));
});

test("control: written in place, a state is torn before long", async () => {
  for (let kills = 0; kills < 200; kills++) {
    const path = join(folder, `plain-${kills}`, "state.json");
    const acknowledged = await runAndKill(path, "plain");
    const found = stored(path);
    if (found !== acknowledged && found !== acknowledged + 1) return;
  }
  assert.unreachable("no kill did harm");
});

test.run();
