import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestClock, type TestClock } from "../../test/support/clock.js";
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
