import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createRotatingFile } from "./rotating-file.js";

const dir = mkdtempSync(join(tmpdir(), "rotating-"));
test.after(() => rmSync(dir, { recursive: true }));

test("files stay below the limit, the latest are kept, and no line is lost between them", () => {
  const folder = join(dir, "logs");
  const path = join(folder, "a.log");
  const file = createRotatingFile(path, { maxBytes: 30, keep: 2 });
  for (let n = 0; n < 20; n++) file.write(`line number ${n}\n`);
  assert.equal(readdirSync(folder).sort(), ["a.log", "a.log.1", "a.log.2"]);
  const all = ["a.log.2", "a.log.1", "a.log"]
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("");
  assert.match(all, /^(?:line number \d+\n)+$/);
  assert.match(all, /line number 18\nline number 19\n$/);
  assert.is(statSync(path).mode & 0o777, 0o600);
});

test("what is there already counts, and a line longer than the limit is written all the same", () => {
  const path = join(dir, "b.log");
  writeFileSync(path, "x".repeat(25));
  const file = createRotatingFile(path, { maxBytes: 30, keep: 1 });
  file.write("0123456789");
  assert.is(readFileSync(`${path}.1`, "utf8"), "x".repeat(25));
  file.write("y".repeat(50));
  assert.is(readFileSync(path, "utf8"), "y".repeat(50));
});

test("a folder that goes and comes back costs lines, not the program", () => {
  const folder = join(dir, "gone");
  const file = createRotatingFile(join(folder, "c.log"), { maxBytes: 100, keep: 1 });
  file.write("one\n");
  rmSync(folder, { recursive: true });
  file.write("lost\n");
  file.write("two\n");
  assert.is(readFileSync(join(folder, "c.log"), "utf8"), "two\n");
});

test.run();
