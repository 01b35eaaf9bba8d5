import {
  chmodSync,
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import type { Clock } from "../clock/clock.js";
import { Fault, messageOf } from "../errs/errs.js";
import { type Head, headPath, parseHead, renderHead, segmentPath, segmentsIn } from "./files.js";
import { type AuditEvent, firstPrev, hashOf, parseRecord, renderRecord } from "./record.js";
import { openSegment, type Segment } from "./segment.js";

export interface JournalOptions {
  /** Made with mode 0700; see `auditDir`. */
  readonly dir: string;
  readonly clock: Clock;
  /** A file is followed by another before it grows beyond this. */
  readonly maxBytes: () => number;
  /** Files that are kept, the current one included. */
  readonly keep: () => number;
  /** Turns what an event holds into plain data without secrets. */
  readonly clean: (event: AuditEvent) => AuditEvent;
  /** The journal cannot be written, for this reason, or can again (undefined). */
  readonly onState: (reason: string | undefined) => void;
}

/** What happened, line by line, each line with the hash of the one before. Written by one process at a time. */
export interface AuditJournal {
  /**
   * Records an event before anything else happens. It has been written when this returns; only a loss of power can take it
   * away in the second that follows.
   *
   * @throws Fault AUDIT_UNAVAILABLE when it cannot be written; then nothing of it has been.
   */
  append(event: AuditEvent): void;
  /** Records an event after the fact, soon. One that cannot be written waits, and is written when that is possible again. */
  note(event: AuditEvent): void;
  /** Writes what waits, and tells the last record that there is then; undefined when it cannot be written. */
  end(): Head | undefined;
  /** Writes what waits. */
  close(): void;
}

/** Events that wait for a disk that takes them; beyond, they are counted. */
const maxWaiting = 10_000;
/** Lines of one write: far less than a file holds. */
const mostAtOnce = 32;
const syncMs = 1_000;
const retryMs = 5_000;

interface Pending {
  readonly time: string;
  readonly event: AuditEvent;
}

export function createJournal(options: JournalOptions): AuditJournal {
  const { dir, clock, clean, onState } = options;
  const waiting: Pending[] = [];
  let lost = 0;
  let isFlushPlanned = false;
  let isSyncPlanned = false;
  let isRetryPlanned = false;
  let isPruneDue = false;
  /** The last record that the journal says was pruned. */
  let pruned = 0;
  /** Bytes that were cut off, and are still to be told of. */
  let torn = 0;
  let failure: string | undefined;
  let segment: Segment | undefined;
  let headFd: number | undefined;
  let seq = 0;
  let prev = firstPrev;

  function now(): string {
    return new Date(clock.now()).toISOString();
  }

  /** The file to append to. What opening it has to say is put before everything that waits. */
  function ready(): Segment {
    if (segment?.isThere() === false) release();
    return segment ?? open();
  }

  /** Opens the last file and, at the start, finds where the chain ends. After an error nothing is open. */
  function open(): Segment {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    chmodSync(dir, 0o700);
    const paths = segmentsIn(dir);
    const opened = openSegment(paths.at(-1) ?? segmentPath(dir, seq + 1));
    try {
      headFd = openSync(headPath(dir), constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
      torn += opened.dropTorn();
      if (seq === 0) resume(opened.lastLine() ?? lastLineOf(paths.at(-2)), headFd);
    } catch (error) {
      opened.close();
      release();
      throw error;
    }
    segment = opened;
    isPruneDue = true;
    if (torn > 0) waiting.unshift({ time: now(), event: { event: "recovered", dropped_bytes: torn } });
    torn = 0;
    return opened;
  }

  /**
   * Goes on behind the line, or behind the head where that is further: then the gap stays to be seen. A number is left out
   * where lines have no head, for nothing else could tell how many there were.
   */
  function resume(line: string | undefined, headFd: number): void {
    const head = parseHead(readFileSync(headPath(dir), "utf8"));
    const found = line === undefined ? undefined : { seq: parseRecord(line)?.seq ?? 0, hash: hashOf(line) };
    if (head === undefined && found !== undefined) {
      waiting.unshift({ time: now(), event: { event: "head_missing", last: found.seq } });
      seq = found.seq + 1;
      prev = found.hash;
      return;
    }
    if (head === undefined) {
      // Before the first line, so that there never are lines without it.
      writeSync(headFd, renderHead({ seq: 0, hash: firstPrev }), 0);
      fsyncSync(headFd);
    }
    const last = head !== undefined && head.seq > (found?.seq ?? 0) ? head : found;
    seq = last?.seq ?? 0;
    prev = last?.hash ?? firstPrev;
  }

  /** Appends events that follow each other, at most `mostAtOnce`; all of them, or on an error of the system none. */
  function write(ready: Segment, events: readonly Pending[]): void {
    let into = ready;
    let last = { seq, hash: prev };
    let text = "";
    for (const { event, time } of events) {
      const line = renderRecord({ ...clean(event), seq: last.seq + 1, time, prev: last.hash });
      last = { seq: last.seq + 1, hash: hashOf(line) };
      text += `${line}\n`;
    }
    if (into.bytes > 0 && into.bytes + Buffer.byteLength(text) > options.maxBytes()) into = nextSegment(into);
    into.append(text);
    seq = last.seq;
    prev = last.hash;
    try {
      if (headFd !== undefined) writeSync(headFd, renderHead(last), 0);
    } catch {
      // A head that is behind its journal is no gap; the next record brings it up.
    }
    planSync();
  }

  function nextSegment(full: Segment): Segment {
    const opened = openSegment(segmentPath(dir, seq + 1));
    segment = opened;
    isPruneDue = true;
    full.close();
    return opened;
  }

  function release(): void {
    const [closing, head] = [segment, headFd];
    segment = undefined;
    headFd = undefined;
    if (head !== undefined) closeSync(head);
    closing?.close();
  }

  /**
   * Removes the oldest files; the journal says so itself, so that it can be told from tampering. What fails stays due: the
   * record that led here has been written, and its caller need not know.
   */
  function prune(): void {
    if (!isPruneDue) return;
    isPruneDue = false;
    try {
      const all = segmentsIn(dir);
      const old = all.slice(0, Math.max(0, all.length - options.keep()));
      const next = all[old.length];
      if (old.length === 0 || next === undefined) return;
      const through = Number(/(\d+)\.jsonl$/.exec(next)?.[1]) - 1;
      if (through > pruned) {
        write(ready(), [{ time: now(), event: { event: "pruned", through, files: old.length } }]);
        pruned = through;
      }
      for (const path of old) rmSync(path, { force: true });
    } catch {
      isPruneDue = true;
    }
  }

  /** Writes what waits; throws the system's error at the first that cannot be written. */
  function flush(): void {
    ready();
    while (waiting.length > 0) {
      const into = ready();
      const next = waiting.slice(0, mostAtOnce);
      write(into, next);
      waiting.splice(0, next.length);
    }
    if (lost === 0) return;
    write(ready(), [{ time: now(), event: { event: "lost", count: lost } }]);
    lost = 0;
  }

  function works(): void {
    if (failure !== undefined) onState(undefined);
    failure = undefined;
  }

  function failed(error: unknown): void {
    const reason = messageOf(error);
    if (failure !== reason) onState(reason);
    failure = reason;
    if (isRetryPlanned) return;
    isRetryPlanned = true;
    clock.after(retryMs, () => {
      isRetryPlanned = false;
      tryFlush();
    });
  }

  function tryFlush(): void {
    try {
      // Also with nothing that waits: whether there is room again shows only by writing.
      if (failure !== undefined && waiting.length === 0)
        waiting.push({ time: now(), event: { event: "resumed" } });
      flush();
    } catch (error) {
      return failed(error);
    }
    works();
    prune();
  }

  function planSync(): void {
    if (isSyncPlanned) return;
    isSyncPlanned = true;
    clock.after(syncMs, () => {
      isSyncPlanned = false;
      segment?.syncSoon();
    });
  }

  return {
    append(event) {
      try {
        flush();
        write(ready(), [{ time: now(), event }]);
      } catch (error) {
        failed(error);
        throw new Fault("AUDIT_UNAVAILABLE", `the audit journal cannot be written: ${messageOf(error)}`, {
          hint: "nothing is written or run without a record; the owner must make room on the disk of the state directory",
          cause: error,
        });
      }
      works();
      prune();
    },
    note(event) {
      if (waiting.length < maxWaiting) waiting.push({ time: now(), event });
      else lost += 1;
      if (isFlushPlanned) return;
      isFlushPlanned = true;
      setImmediate(() => {
        isFlushPlanned = false;
        if (failure === undefined) tryFlush();
      });
    },
    end() {
      tryFlush();
      return failure === undefined ? { seq, hash: prev } : undefined;
    },
    close() {
      tryFlush();
      release();
    },
  };
}

function lastLineOf(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const earlier = openSegment(path);
  try {
    return earlier.lastLine();
  } finally {
    earlier.close();
  }
}
