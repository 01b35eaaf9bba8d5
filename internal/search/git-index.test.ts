import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseIndex } from "./git-index.js";

const dir = mkdtempSync(join(tmpdir(), "index-"));
test.after(() => rmSync(dir, { recursive: true, force: true }));

const names = ["a", "a.b", "b", "c-with-a-much-longer-name"];

/** The index of a new repository that tracks `names`. */
function indexOf(objectFormat: string, version: string): Buffer {
  const repository = mkdtempSync(join(dir, "repository-"));
  const git = (...args: string[]): unknown => execFileSync("git", args, { cwd: repository, stdio: "ignore" });
  git("init", "-q", `--object-format=${objectFormat}`);
  for (const name of names) writeFileSync(join(repository, name), "");
  git("add", ".");
  git("update-index", "--index-version", version);
  return readFileSync(join(repository, ".git/index"));
}

test("reads what git wrote, whatever the length of its object names", () => {
  for (const format of ["sha1", "sha256"]) {
    for (const version of ["2", "4"]) {
      const tracked = parseIndex(indexOf(format, version));
      assert.equal(
        ["", "a", "a.", "a.b", "a.bc", "b", "c", "c-with-a-much-longer-name", "d"].filter((name) =>
          tracked?.holds(name),
        ),
        names,
        `${format}, version ${version}`,
      );
    }
  }
});

test("a damaged index is no index, or a readable one, and never an exception", () => {
  const indexes = [indexOf("sha1", "2"), indexOf("sha1", "4")];
  let refused = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(...indexes),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      fc.option(fc.nat(), { nil: undefined }),
      (index, changes, cut) => {
        const damaged = Buffer.from(index);
        for (const [at, byte] of changes) damaged[at % damaged.length] = byte;
        const parsed = parseIndex(damaged.subarray(0, cut === undefined ? undefined : cut % damaged.length));
        if (parsed === undefined) refused++;
        else parsed.holds("a");
      },
    ),
    { numRuns: 2000 },
  );
  assert.ok(refused > 0);
});

test("an extension that may not be passed over makes the index unreadable", () => {
  const index = indexOf("sha1", "2");
  const end = index.length - 20;
  const extension = Buffer.from([...Buffer.from("ABCD"), 0, 0, 0, 0]);
  const withExtension = (name: string): Buffer => {
    extension.write(name, "latin1");
    return Buffer.concat([index.subarray(0, end), extension, index.subarray(end)]);
  };
  assert.ok(parseIndex(withExtension("ABCD"))?.holds("a"));
  assert.is(parseIndex(withExtension("sdir")), undefined);
});

test.run();
