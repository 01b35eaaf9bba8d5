import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hostSpawnerScript, quote } from "./script.js";

const words = fc.array(
  fc.string({ unit: "binary" }).filter((word) => !word.includes("\0")),
  { maxLength: 8 },
);

test("bash reads a quoted word back as it was, and it takes one line", () => {
  fc.assert(
    fc.property(words, (given) => {
      const text = given.map(quote).join(" ");
      assert.not.match(text, "\n");
      const { stdout } = spawnSync("bash", ["-c", `printf '%s\\0' begin ${text}`], { encoding: "utf8" });
      assert.equal(
        stdout.split("\0").slice(1, -1),
        given.map((word) => Buffer.from(word).toString()),
      );
    }),
    { numRuns: 100 },
  );
});

test("a spawner whose daemon died while it started something takes that down with it", async () => {
  const directory = mkdtempSync(join(tmpdir(), "spawner-"));
  const bash = spawn("bash", ["--norc", "-c", hostSpawnerScript, "bash", directory, "/usr/bin/mkfifo"], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  try {
    bash.stdin.write("argv /dev/null sleep 1000\npipes 1 2\n");
    await once(bash.stdout, "data");
    writeFileSync(join(directory, "1.script"), "");
    bash.stdin.write("run 1\npipes 3\n");
    await once(bash.stdout, "data");
    assert.is(childrenOf(bash.pid ?? 0).length, 1, "it waits for the other ends of its FIFOs");
    // The end of the output, not of the spawner alone: what waits holds it, too.
    const closed = once(bash, "close");
    bash.stdin.end();
    await closed;
  } finally {
    rmSync(directory, { recursive: true });
  }
});

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
}

test.run();
