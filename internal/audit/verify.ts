import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { type Head, headPath, ifThere, parseHead, segmentsIn } from "./files.js";
import { type AuditRecord, firstPrev, hashOf, parseRecord } from "./record.js";

/** A place at which a journal is not what was written. */
export interface Flaw {
  /** Name of the file. */
  readonly file: string;
  /** Line in it, from 1; 0: the file as a whole. */
  readonly line: number;
  readonly what: string;
}

export interface Verdict {
  readonly files: number;
  readonly records: number;
  /** Numbers of the first and the last record that is there. */
  readonly first: number | null;
  readonly last: number | null;
  /** The first of the flaws. */
  readonly flaw: Flaw | null;
  /** In the order in which they stand, at most 100. */
  readonly flaws: readonly Flaw[];
  /** How many there are, also of those that are not listed. */
  readonly flaw_count: number;
}

const mostFlaws = 100;

/**
 * Reads the whole journal and finds every place at which lines were changed, removed, added or moved, the end included. It
 * cannot find that the journal, or its end, was written anew together with its head by somebody who may write in its folder.
 */
export function verifyAudit(dir: string): Verdict {
  // Before the lines: what is written meanwhile stands behind it.
  const head = readHead(dir);
  const files = segmentsIn(dir);
  const flaws: Flaw[] = [];
  let count = 0;
  let records = 0;
  let first: { readonly seq: number; readonly file: string } | undefined;
  let last: AuditRecord | undefined;
  let expected = firstPrev;
  let pruned = 0;
  let headHash = head?.seq === 0 ? firstPrev : undefined;
  const flaw = (path: string, line: number, what: string): void => {
    count += 1;
    if (flaws.length < mostFlaws) flaws.push({ file: basename(path), line, what });
  };

  for (const path of files) {
    // What is gone by now was pruned meanwhile: a later file says so.
    const lines = (ifThere(() => readFileSync(path, "utf8")) ?? "").split("\n");
    const isTorn = lines.pop() !== "";
    for (const [index, line] of lines.entries()) {
      const record = parseRecord(line);
      if (record === undefined) {
        flaw(path, index + 1, "this line is not a record");
        continue;
      }
      const what = faultOf(record, last, expected);
      if (what !== undefined) flaw(path, index + 1, what);
      first ??= { seq: record.seq, file: path };
      last = record;
      records += 1;
      expected = hashOf(line);
      if (record.seq === head?.seq) headHash = expected;
      if (record.event === "pruned") pruned = Number(record.through);
    }
    // While the daemon runs, a line may be on its way.
    if (isTorn && path !== files.at(-1)) flaw(path, lines.length + 1, "a line is cut off");
  }
  if (first !== undefined && first.seq > pruned + 1) {
    const what = `the journal begins with record ${first.seq}, and nothing says that earlier ones were pruned`;
    flaw(first.file, 1, what);
  }
  const tail = files.at(-1) ?? headPath(dir);
  if (head === undefined) {
    if (records > 0) flaw(headPath(dir), 0, "it is missing or damaged");
  } else if (head.seq > (last?.seq ?? 0)) {
    flaw(tail, 0, `records up to ${head.seq} were written; the last ones are gone`);
  } else if (headHash !== head.hash && head.seq >= (first?.seq ?? 0)) {
    flaw(tail, 0, `record ${head.seq} is not the one that was written`);
  }
  return {
    files: files.length,
    records,
    first: first?.seq ?? null,
    last: last?.seq ?? null,
    flaw: flaws[0] ?? null,
    flaws,
    flaw_count: count,
  };
}

/** What is wrong about a record behind `last`, whose line has the hash `expected`; undefined: nothing. */
function faultOf(record: AuditRecord, last: AuditRecord | undefined, expected: string): string | undefined {
  const { seq, prev, event } = record;
  if (last === undefined) {
    return seq === 1 && prev !== firstPrev ? "this is not the first record that was written" : undefined;
  }
  if (seq === last.seq + 1) return prev === expected ? undefined : "the line before was changed";
  return event === "head_missing"
    ? `the head was missing when record ${seq} was written: records behind ${last.seq} may have been removed`
    : `record ${seq} follows ${last.seq}: records were removed, added or moved`;
}

function readHead(dir: string): Head | undefined {
  try {
    return parseHead(readFileSync(headPath(dir), "utf8"));
  } catch {
    return undefined;
  }
}
