import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { createTestClock, type TestClock } from "../../test/support/clock.js";
import { Fault } from "../errs/errs.js";
import { segmentsIn } from "./files.js";
import { type AuditJournal, createJournal, type JournalOptions } from "./journal.js";
import { type AuditRecord, parseRecord } from "./record.js";

/** A folder for a journal, and the journal on a clock that stands still. */
export interface Shelf {
  readonly dir: string;
  readonly clock: TestClock;
  /** What onState was told, `ok` for undefined. */
  readonly states: string[];
  open(changes?: Partial<JournalOptions>): AuditJournal;
  /** Every record in the files, oldest first. */
  records(): readonly AuditRecord[];
  remove(): void;
}

export function makeShelf(dir: string = mkdtempSync(join(tmpdir(), "audit-"))): Shelf {
  const clock = createTestClock();
  const states: string[] = [];
  return {
    dir,
    clock,
    states,
    open: (changes) =>
      createJournal({
        dir,
        clock,
        maxBytes: () => 1 << 20,
        keep: () => 3,
        clean: (event) => event,
        onState: (reason) => void states.push(reason ?? "ok"),
        ...changes,
      }),
    records: () =>
      segmentsIn(dir).flatMap((path) =>
        readFileSync(path, "utf8")
          .split("\n")
          .flatMap((line) => parseRecord(line) ?? []),
      ),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** The code of the fault that `act` throws; `done` when it throws none. */
export function codeOf(act: () => void): string {
  try {
    act();
    return "done";
  } catch (error) {
    return error instanceof Fault ? error.code : String(error);
  }
}

/** A shelf on a disk of 16 pages. */
export interface SmallDisk extends Shelf {
  /** Fills the disk to the last byte of the last page, but for so many pages. */
  fill(pagesLeft?: number): void;
  /** Makes room again. */
  clear(): void;
}

const pageBytes = 4096;

export async function withSmallDisk(test: (disk: SmallDisk) => Promise<void> | void): Promise<void> {
  const disk = mkdtempSync(join(tmpdir(), "audit-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${16 * pageBytes}`, "tmpfs", disk]);
  const filler = join(disk, "filler");
  try {
    await test({
      ...makeShelf(join(disk, "audit")),
      fill(pagesLeft = 0) {
        const left = join(disk, "left");
        writeFileSync(left, Buffer.alloc(pagesLeft * pageBytes));
        assert.throws(() => {
          for (;;) appendFileSync(filler, "x".repeat(512));
        }, /ENOSPC/);
        rmSync(left);
      },
      clear: () => rmSync(filler),
    });
  } finally {
    execFileSync("umount", ["-l", disk]);
    rmSync(disk, { recursive: true });
  }
}
