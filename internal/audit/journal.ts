import {
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import type { Clock } from "../clock/clock.js";
import { Fault, messageOf } from "../errs/errs.js";
import { headPath, parseHead, renderHead, segmentPath, segmentsIn } from "./files.js";
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
  let failure: string | undefined;
  let segment: Segment | undefined;
  let headFd: number | undefined;
  let seq = 0;
  let prev = firstPrev;

  function now(): string {
    return new Date(clock.now()).toISOString();
  }

  /** Opens the last file and, at the start, finds where the chain ends. */
  function open(): Segment {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    chmodSync(dir, 0o700);
    const paths = segmentsIn(dir);
    const opened = openSegment(paths.at(-1) ?? segmentPath(dir, seq + 1));
    headFd ??= openSync(headPath(dir), constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    segment = opened;
    isPruneDue = true;
    const torn = opened.dropTorn();
    if (seq === 0) resume(opened.lastLine() ?? lastLineOf(paths.at(-2)));
    if (torn > 0) write({ event: "recovered", dropped_bytes: torn }, now());
    return opened;
  }

  /** Goes on behind the line, or behind the head where that is further: then the gap stays to be seen. */
  function resume(line: string | undefined): void {
    const head = parseHead(readFileSync(headPath(dir), "utf8"));
    const found = line === undefined ? undefined : { seq: parseRecord(line)?.seq ?? 0, hash: hashOf(line) };
    const last = head !== undefined && head.seq > (found?.seq ?? 0) ? head : found;
    seq = last?.seq ?? 0;
    prev = last?.hash ?? firstPrev;
  }

  /** Throws the system's error, and then nothing has been written. */
  function write(event: AuditEvent, time: string): void {
    writeAll([{ event, time }]);
  }

  /** Writes events that follow each other, at most `mostAtOnce`; all of them, or on an error none. */
  function writeAll(events: readonly Pending[]): void {
    if (segment?.isThere() === false) release();
    let into = segment ?? open();
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
    if (isPruneDue) prune();
  }

  function nextSegment(full: Segment): Segment {
    const opened = openSegment(segmentPath(dir, seq + 1));
    full.close();
    segment = opened;
    isPruneDue = true;
    return opened;
  }

  function release(): void {
    segment?.close();
    if (headFd !== undefined) closeSync(headFd);
    segment = undefined;
    headFd = undefined;
  }

  /** Removes the oldest files; the journal says so itself, so that it can be told from tampering. */
  function prune(): void {
    isPruneDue = false;
    const all = segmentsIn(dir);
    const old = all.slice(0, Math.max(0, all.length - options.keep()));
    const next = all[old.length];
    if (old.length === 0 || next === undefined) return;
    const through = Number(/(\d+)\.jsonl$/.exec(next)?.[1]) - 1;
    write({ event: "pruned", through, files: old.length }, now());
    for (const path of old) rmSync(path, { force: true });
  }

  /** Writes what waits; throws the system's error at the first that cannot be written. */
  function flush(): void {
    while (waiting.length > 0) {
      writeAll(waiting.slice(0, mostAtOnce));
      waiting.splice(0, mostAtOnce);
    }
    if (lost === 0) return;
    write({ event: "lost", count: lost }, now());
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
      works();
    } catch (error) {
      failed(error);
    }
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
        write(event, now());
        works();
      } catch (error) {
        failed(error);
        throw new Fault("AUDIT_UNAVAILABLE", `the audit journal cannot be written: ${messageOf(error)}`, {
          hint: "nothing is written or run without a record; the owner must make room on the disk of the state directory",
          cause: error,
        });
      }
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
