import { readdirSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../errs/errs.js";

/** The head: sequence number and hash of the last line that was written, always of the same length. */
export interface Head {
  readonly seq: number;
  readonly hash: string;
}

/** Where the journal is kept. */
export function auditDir(stateDir: string): string {
  return join(stateDir, "audit");
}

export function headPath(dir: string): string {
  return join(dir, "head");
}

/** The file whose first record has this number. Names sort as they follow each other. */
export function segmentPath(dir: string, firstSeq: number): string {
  return join(dir, `audit-${String(firstSeq).padStart(12, "0")}.jsonl`);
}

/** The files of the journal, oldest first; none when there is no journal. */
export function segmentsIn(dir: string): readonly string[] {
  return (ifThere(() => readdirSync(dir)) ?? [])
    .filter((name) => /^audit-\d{12}\.jsonl$/.test(name))
    .sort()
    .map((name) => join(dir, name));
}

/** What `open` returns; undefined when there is no such file, as of one that the daemon has pruned meanwhile. */
export function ifThere<T>(open: () => T): T | undefined {
  try {
    return open();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

export function renderHead({ seq, hash }: Head): string {
  return `${String(seq).padStart(12, "0")} ${hash}\n`;
}

/** Undefined for a text that is none. */
export function parseHead(text: string): Head | undefined {
  const [, seq, hash] = /^(\d{12}) ([0-9a-f]{64})\n$/.exec(text) ?? [];
  return hash === undefined ? undefined : { seq: Number(seq), hash };
}
