import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openResources } from "../../test/support/resources.js";
import { headPath, segmentsIn } from "./files.js";
import { codeOf, makeShelf, type Shelf, withSmallDisk } from "./journal.test.util.js";
import { verifyAudit } from "./verify.js";

let shelf: Shelf;
test.before.each(() => {
  shelf = makeShelf();
});
test.after.each(() => shelf.remove());

const long = "y".repeat(6_000);
/** With the rest of its record it fills a page, and nothing else fits into its file. */
const onePage = "y".repeat(3_900);
const smallFiles = { maxBytes: () => 4_050, keep: () => 2 };

function eventsOf({ records }: Shelf): readonly string[] {
  return records().map(({ event }) => event);
}

function openIn(dir: string): number {
  return openResources().filter((name) => name.startsWith(dir)).length;
}

/** Sets or takes away an attribute of a file (chattr(1)): `a`, nothing is cut off; `i`, it cannot be removed. */
function attribute(change: "+a" | "-a" | "+i" | "-i", path: string): void {
  execFileSync("chattr", [change, path]);
}

test("on a full disk append refuses and leaves nothing, notes wait, and all of it is there when there is room", () =>
  withSmallDisk(async (disk) => {
    const journal = disk.open();
    journal.append({ event: "first" });
    disk.fill();
    assert.is(
      codeOf(() => journal.append({ event: "call_started", long })),
      "AUDIT_UNAVAILABLE",
    );
    journal.note({ event: "call", long });
    await setImmediate();
    assert.is(
      codeOf(() => journal.append({ event: "call_started", long })),
      "AUDIT_UNAVAILABLE",
    );
    assert.equal(eventsOf(disk), ["first"]);
    assert.match(disk.states.join(), /^[^,]*ENOSPC/);
    disk.clear();
    disk.clock.advance(5_000);
    journal.append({ event: "call_started" });
    assert.equal(eventsOf(disk), ["first", "call", "call_started"]);
    assert.is(disk.states.at(-1), "ok");
    assert.is(verifyAudit(disk.dir).flaw, null);
    journal.close();
  }));

for (const way of ["append", "note"] as const) {
  test(`what ${way} has written is written, also when old files cannot be pruned after it`, () =>
    withSmallDisk(async (disk) => {
      const journal = disk.open(smallFiles);
      for (const event of ["first", "second"]) journal.append({ event, onePage });
      disk.fill(1);
      if (way === "note") journal.note({ event: "third", onePage });
      else
        assert.is(
          codeOf(() => journal.append({ event: "third", onePage })),
          "done",
        );
      await setImmediate();
      assert.equal(eventsOf(disk), ["first", "second", "third"]);
      assert.equal(disk.states, []);
      disk.clear();
      journal.append({ event: "fourth" });
      assert.equal(eventsOf(disk), ["third", "fourth", "pruned"]);
      const { flaw, first } = verifyAudit(disk.dir);
      assert.equal([first, flaw], [3, null]);
      journal.close();
    }));
}

test("a file that cannot be removed is removed later, and told of once", () => {
  const journal = shelf.open({ maxBytes: () => 150, keep: () => 2 });
  journal.append({ event: "first" });
  const [oldest = ""] = segmentsIn(shelf.dir);
  attribute("+i", oldest);
  try {
    for (const event of ["second", "third"]) journal.append({ event });
    assert.is(segmentsIn(shelf.dir)[0], oldest, "control: it is in the way");
  } finally {
    attribute("-i", oldest);
  }
  journal.append({ event: "fourth" });
  journal.append({ event: "fifth" });
  assert.not.ok(segmentsIn(shelf.dir).includes(oldest));
  assert.is(verifyAudit(shelf.dir).flaw, null);
  journal.close();
});

test("a head that cannot be opened leaves no file open, however often it is tried", () => {
  mkdirSync(headPath(shelf.dir));
  const journal = shelf.open();
  const before = openIn(shelf.dir);
  for (let n = 0; n < 5; n++) {
    assert.is(
      codeOf(() => journal.append({ event: "call_started" })),
      "AUDIT_UNAVAILABLE",
    );
  }
  assert.is(openIn(shelf.dir), before);
  rmSync(headPath(shelf.dir), { recursive: true });
  journal.append({ event: "call_started" });
  assert.is(verifyAudit(shelf.dir).flaw, null);
  journal.close();
});

test("two faults: a line was cut off, and the disk is too full to say so", () =>
  withSmallDisk((disk) => {
    disk.open().append({ event: "first", onePage });
    appendFileSync(segmentsIn(disk.dir)[0] ?? "", "{".repeat(10));
    disk.fill();
    const journal = disk.open();
    assert.is(
      codeOf(() => journal.append({ event: "second", long })),
      "AUDIT_UNAVAILABLE",
    );
    disk.clear();
    journal.append({ event: "second" });
    assert.equal(eventsOf(disk), ["first", "recovered", "second"]);
    assert.is(verifyAudit(disk.dir).flaw, null);
    journal.close();
  }));

test("two faults: the disk takes half a line, and it cannot be cut off at once", () =>
  withSmallDisk((disk) => {
    const journal = disk.open();
    journal.append({ event: "first" });
    const [path = ""] = segmentsIn(disk.dir);
    disk.fill();
    attribute("+a", path);
    try {
      for (let n = 0; n < 2; n++) {
        assert.is(
          codeOf(() => journal.append({ event: "second", long })),
          "AUDIT_UNAVAILABLE",
        );
      }
      disk.clear();
      assert.is(
        codeOf(() => journal.append({ event: "second" })),
        "AUDIT_UNAVAILABLE",
      );
    } finally {
      attribute("-a", path);
    }
    journal.append({ event: "third" });
    assert.equal(eventsOf(disk), ["first", "third"]);
    assert.is(verifyAudit(disk.dir).flaw, null);
    journal.close();
  }));

test("two faults: the last file was never written, and the one before cannot be read for a moment", () => {
  const first = shelf.open();
  first.append({ event: "first" });
  first.close();
  const [path = ""] = segmentsIn(shelf.dir);
  writeFileSync(join(shelf.dir, "audit-000000000002.jsonl"), "", { mode: 0o600 });
  renameSync(path, `${path}.away`);
  symlinkSync(`${path}.away`, path);
  const journal = shelf.open();
  for (let n = 0; n < 2; n++) {
    assert.is(
      codeOf(() => journal.append({ event: "second" })),
      "AUDIT_UNAVAILABLE",
    );
  }
  renameSync(`${path}.away`, path);
  journal.append({ event: "second" });
  assert.equal(eventsOf(shelf), ["first", "second"]);
  assert.is(verifyAudit(shelf.dir).flaw, null);
  journal.close();
});

test("two faults: two crashes in a row, each in the middle of a line", () => {
  shelf.open().append({ event: "first" });
  for (let crash = 0; crash < 2; crash++) {
    appendFileSync(segmentsIn(shelf.dir)[0] ?? "", '{"seq":2,"time":"2026-');
    shelf.open().append({ event: "again" });
  }
  assert.equal(eventsOf(shelf), ["first", "recovered", "again", "recovered", "again"]);
  assert.is(verifyAudit(shelf.dir).flaw, null);
  assert.equal(readdirSync(shelf.dir).sort(), ["audit-000000000001.jsonl", "head"]);
});

test.run();
