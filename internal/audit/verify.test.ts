import { copyFileSync, cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { headPath, parseHead, renderHead, segmentsIn } from "./files.js";
import { makeShelf, type Shelf } from "./journal.test.util.js";
import { firstPrev, hashOf } from "./record.js";
import { verifyAudit } from "./verify.js";

const shelves: Shelf[] = [];
test.after(() => {
  for (const shelf of shelves) shelf.remove();
});

/** A journal of three files, twelve records in all. */
function written(): Shelf {
  const shelf = makeShelf();
  shelves.push(shelf);
  const journal = shelf.open({ maxBytes: () => 700 });
  for (let n = 1; n <= 12; n++) journal.append({ event: "call", tool: "exec_command", n });
  journal.close();
  assert.is(segmentsIn(shelf.dir).length, 3);
  return shelf;
}

function editLines(path: string, edit: (lines: string[]) => string[]): void {
  writeFileSync(
    path,
    edit(readFileSync(path, "utf8").trimEnd().split("\n"))
      .map((line) => `${line}\n`)
      .join(""),
  );
}

test("control: what was written passes, in several files, opened again and again", () => {
  const shelf = written();
  assert.equal(verifyAudit(shelf.dir), {
    files: 3,
    records: 12,
    first: 1,
    last: 12,
    flaw: null,
    flaws: [],
    flaw_count: 0,
  });
  const again = shelf.open();
  again.append({ event: "daemon_started" });
  again.close();
  assert.is(verifyAudit(shelf.dir).flaw, null);
  assert.is(verifyAudit(shelf.dir).last, 13);
});

test("control: no journal is no flaw", () => {
  assert.is(verifyAudit(join(tmpdir(), "no-such-journal")).flaw, null);
});

/** Each with the file of the three that it harms, and the line that is named. */
const harms: Readonly<Record<string, (files: readonly string[], dir: string) => void>> = {
  "a line is removed": ([, second = ""]) => editLines(second, (lines) => lines.toSpliced(1, 1)),
  "the first line is removed": ([first = ""]) => editLines(first, (lines) => lines.slice(1)),
  "the last line is removed": ([, , third = ""]) => editLines(third, (lines) => lines.slice(0, -1)),
  "the end of a file is removed": ([first = ""]) => editLines(first, (lines) => lines.slice(0, -1)),
  "a line is changed": ([, second = ""]) =>
    editLines(second, ([a = "", b = "", ...rest]) => [a, b.replace("exec_command", "read_file___"), ...rest]),
  "the last line is changed": ([, , third = ""]) =>
    editLines(third, (lines) => [...lines.slice(0, -1), (lines.at(-1) ?? "").replace('"n":12', '"n":13')]),
  "two lines change places": ([first = ""]) =>
    editLines(first, ([a = "", b = "", ...rest]) => [b, a, ...rest]),
  "a line is doubled": ([first = ""]) => editLines(first, ([a = "", ...rest]) => [a, a, ...rest]),
  "a line that is no record comes in": ([, second = ""]) =>
    editLines(second, ([a = "", ...rest]) => [a, "{}", ...rest]),
  "the first file is gone": ([first = ""]) => rmSync(first),
  "a file in the middle is gone": ([, second = ""]) => rmSync(second),
  "the last file is gone": ([, , third = ""]) => rmSync(third),
  "all files are gone": (files) => {
    for (const file of files) rmSync(file);
  },
  "two files change places": ([first = "", second = ""]) => {
    copyFileSync(first, `${first}.x`);
    renameSync(second, first);
    renameSync(`${first}.x`, second);
  },
  "the head is gone": (_files, dir) => rmSync(headPath(dir)),
  "the head is another": (_files, dir) =>
    writeFileSync(headPath(dir), `${"1".padStart(12, "0")} ${"0".repeat(64)}\n`),
  "the chain is made anew from a line on, but not the head": ([, , third = ""]) =>
    editLines(third, (lines) => {
      let prev = JSON.parse(lines[0] ?? "").prev as string;
      return lines.map((line) => {
        const forged = JSON.stringify({ ...JSON.parse(line), tool: "read_file", prev });
        prev = hashOf(forged);
        return forged;
      });
    }),
};

for (const [name, harm] of Object.entries(harms)) {
  test(`found: ${name}`, () => {
    const { dir } = written();
    harm(segmentsIn(dir), dir);
    assert.is.not(verifyAudit(dir).flaw, null);
  });
}

test("found also when the daemon has gone on behind what was removed", () => {
  const shelf = written();
  const [, , third = ""] = segmentsIn(shelf.dir);
  editLines(third, (lines) => lines.slice(0, -1));
  const journal = shelf.open();
  journal.append({ event: "daemon_started" });
  journal.close();
  assert.match(verifyAudit(shelf.dir).flaw?.what ?? "", /record 13 follows 11/);
});

test("found also when the head went with the end of the journal, and the daemon has gone on", () => {
  const shelf = written();
  const [, , third = ""] = segmentsIn(shelf.dir);
  editLines(third, (lines) => lines.slice(0, -2));
  rmSync(headPath(shelf.dir));
  for (let start = 0; start < 2; start++) {
    const journal = shelf.open();
    journal.append({ event: "daemon_started" });
    journal.close();
  }
  assert.equal(
    verifyAudit(shelf.dir).flaws.map(({ what }) => what),
    ["the head was missing when record 12 was written: records behind 10 may have been removed"],
  );
});

test("not found: a journal that was removed whole, and one whose head was made to fit", () => {
  const removed = written();
  rmSync(removed.dir, { recursive: true });
  const journal = removed.open();
  journal.append({ event: "daemon_started" });
  journal.close();
  assert.is(verifyAudit(removed.dir).flaw, null);
  const fitted = written();
  const [, , third = ""] = segmentsIn(fitted.dir);
  editLines(third, (lines) => lines.slice(0, -1));
  const last = readFileSync(third, "utf8").trimEnd().split("\n").at(-1) ?? "";
  writeFileSync(headPath(fitted.dir), renderHead({ seq: 11, hash: hashOf(last) }));
  assert.is(verifyAudit(fitted.dir).flaw, null);
});

test("a journal that was opened and never written is whole, and is gone on with", () => {
  const shelf = makeShelf();
  shelves.push(shelf);
  const clean = (): never => {
    throw new Error("nothing can be written");
  };
  assert.throws(() => shelf.open({ clean }).append({ event: "call" }));
  assert.is(parseHead(readFileSync(headPath(shelf.dir), "utf8"))?.seq, 0, "there is a head before any line");
  assert.is(verifyAudit(shelf.dir).flaw, null);
  const journal = shelf.open();
  journal.append({ event: "call" });
  journal.close();
  assert.equal([verifyAudit(shelf.dir).flaw, verifyAudit(shelf.dir).records], [null, 1]);
});

test("one flaw does not hide the next", () => {
  const { dir } = written();
  const [first = "", second = "", third = ""] = segmentsIn(dir);
  editLines(first, (lines) => lines.toSpliced(1, 1));
  editLines(second, ([a = "", b = "", ...rest]) => [a, b.replace("exec_command", "read_file___"), ...rest]);
  editLines(third, (lines) => ["{}", ...lines.slice(0, -1)]);
  const { flaw, flaws, flaw_count: count } = verifyAudit(dir);
  assert.equal(
    flaws.map(({ file, line, what }) => [file, line, what.replace(/:.*/, "")]),
    [
      [basename(first), 2, "record 3 follows 1"],
      [basename(second), 3, "the line before was changed"],
      [basename(third), 1, "this line is not a record"],
      [basename(third), 0, "records up to 12 were written; the last ones are gone"],
    ],
  );
  assert.equal([flaw, count], [flaws[0], 4]);
});

test("of very many flaws the first are listed, and all are counted", () => {
  const { dir } = written();
  const [first = ""] = segmentsIn(dir);
  editLines(first, (lines) => [...lines, ...Array.from({ length: 150 }, () => "{}")]);
  const { flaws, flaw_count: count } = verifyAudit(dir);
  assert.equal([flaws.length, count], [100, 150]);
});

test("a journal that was pruned by itself is whole; the same files without its word are not", () => {
  const shelf = makeShelf();
  shelves.push(shelf);
  const journal = shelf.open({ maxBytes: () => 700, keep: () => 2 });
  for (let n = 1; n <= 30; n++) journal.append({ event: "call", n });
  journal.close();
  const { files, first, flaw } = verifyAudit(shelf.dir);
  assert.is(files, 2);
  assert.ok((first ?? 0) > 1);
  assert.is(flaw, null);
  const copy = mkdtempSync(join(tmpdir(), "audit-"));
  cpSync(shelf.dir, copy, { recursive: true });
  rmSync(segmentsIn(copy)[0] ?? "");
  assert.match(verifyAudit(copy).flaw?.what ?? "", /nothing says/);
  rmSync(copy, { recursive: true });
});

test("the first record stands on nothing", () => {
  assert.is(written().records()[0]?.prev, firstPrev);
});

test.run();
