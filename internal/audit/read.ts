import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { ifThere, segmentsIn } from "./files.js";
import { type AuditRecord, parseRecord } from "./record.js";

export interface ReadOptions {
  /** Goes on with what is recorded later, until it is aborted. */
  readonly follow?: AbortSignal | undefined;
}

const blockBytes = 256 * 1024;
const pollMs = 250;

/** The records of a journal, oldest first. Lines that are no records are passed over; `verifyAudit` finds them. */
export async function* readAudit(dir: string, { follow }: ReadOptions = {}): AsyncGenerator<AuditRecord> {
  let done: Position = { path: "", offset: 0 };
  for (;;) {
    for (const path of segmentsIn(dir)) {
      if (path < done.path) continue;
      const from = path === done.path ? done.offset : 0;
      for (const { line, end } of linesOf(path, from)) {
        done = { path, offset: end };
        const record = parseRecord(line);
        if (record !== undefined) yield record;
      }
    }
    if (follow === undefined || !(await pause(follow))) return;
  }
}

/** Up to where a file has been read. */
interface Position {
  readonly path: string;
  readonly offset: number;
}

/** The whole lines of a file from `offset` on, each with where it ends; none when it is gone by now. */
function* linesOf(path: string, offset: number): Generator<{ readonly line: string; readonly end: number }> {
  const fd = ifThere(() => openSync(path, "r"));
  if (fd === undefined) return;
  try {
    const { size } = fstatSync(fd);
    let rest: Buffer = Buffer.alloc(0);
    let end = offset;
    for (let at = offset; at < size; ) {
      const block = Buffer.alloc(Math.min(blockBytes, size - at));
      at += readSync(fd, block, 0, block.length, at);
      let text = Buffer.concat([rest, block]);
      for (let newline = text.indexOf(10); newline >= 0; newline = text.indexOf(10)) {
        end += newline + 1;
        yield { line: text.toString("utf8", 0, newline), end };
        text = text.subarray(newline + 1);
      }
      rest = text;
    }
  } finally {
    closeSync(fd);
  }
}

/** Lets some time pass; false when `signal` is aborted. */
function pause(signal: AbortSignal): Promise<boolean> {
  return setTimeout(pollMs, true, { signal }).catch(() => false);
}
