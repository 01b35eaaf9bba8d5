import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Script } from "node:vm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { loadProgram } from "./program.js";

/** A program that writes `word` beside itself; words of one length make texts of one length. */
const textOf = (word: string): string =>
  `(function (require, __filename) { require("node:fs").writeFileSync(__filename + ".out", "${word}") })`;

/** Runs `use` with a program that has been run and saved. */
function withSaved(use: (file: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "program-"));
  const file = join(folder, "x.body.js");
  try {
    writeFileSync(file, textOf("one"));
    const program = loadProgram(file);
    assert.is(program.isCompiled, false);
    program.run();
    program.save();
    use(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function outcomeOf(file: string): { isCompiled: boolean; written: string } {
  rmSync(`${file}.out`, { force: true });
  const program = loadProgram(file);
  program.run();
  return { isCompiled: program.isCompiled, written: readFileSync(`${file}.out`, "utf8") };
}

test("a program is run as it was compiled", () => {
  withSaved((file) => assert.equal(outcomeOf(file), { isCompiled: true, written: "one" }));
});

test("another text is compiled anew, also one of the same length, where V8 would run the old one", () => {
  withSaved((file) => {
    writeFileSync(file, textOf("two"));
    const cachedData = readFileSync(`${file}.compiled`).subarray(32);
    const unguarded = new Script(textOf("two"), { cachedData });
    assert.is(unguarded.cachedDataRejected, false);
    unguarded.runInThisContext()(process.getBuiltinModule, file);
    assert.is(readFileSync(`${file}.out`, "utf8"), "one");

    assert.equal(outcomeOf(file), { isCompiled: false, written: "two" });
  });
});

const damages: Readonly<Record<string, (bytes: Buffer) => Buffer | undefined>> = {
  "sealed differently": (bytes) => bytes.fill(0, 0, 32),
  damaged: (bytes) => bytes.fill(0, bytes.length - 64),
  "cut off": (bytes) => bytes.subarray(0, bytes.length / 2),
  empty: () => Buffer.alloc(0),
  missing: () => undefined,
};

for (const [what, damage] of Object.entries(damages)) {
  test(`what was compiled is left aside when it is ${what}`, () => {
    withSaved((file) => {
      const bytes = damage(readFileSync(`${file}.compiled`));
      if (bytes === undefined) rmSync(`${file}.compiled`);
      else writeFileSync(`${file}.compiled`, bytes);
      assert.equal(outcomeOf(file), { isCompiled: false, written: "one" });
    });
  });
}

test.run();
