import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { type Head, headPath, parseHead, segmentsIn } from "./files.js";
import { type AuditRecord, firstPrev, hashOf, parseRecord } from "./record.js";

/** The first place at which a journal is not what was written. */
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
  readonly flaw: Flaw | null;
}

/**
 * Reads the whole journal and finds the first line that was changed, removed, added or moved, lines at the end included.
 * It cannot find that the whole journal was written anew by somebody who may write in its folder.
 */
export function verifyAudit(dir: string): Verdict {
  const files = segmentsIn(dir);
  let records = 0;
  let first: AuditRecord | undefined;
  let last: AuditRecord | undefined;
  let expected = firstPrev;
  let pruned = 0;
  const head = readHead(dir);
  let headHash: string | undefined;
  const verdict = (flaw: Flaw | null): Verdict => ({
    files: files.length,
    records,
    first: first?.seq ?? null,
    last: last?.seq ?? null,
    flaw,
  });

  for (const path of files) {
    const lines = readFileSync(path, "utf8").split("\n");
    const file = basename(path);
    const isTorn = lines.pop() !== "";
    for (const [index, line] of lines.entries()) {
      const at = (what: string): Verdict => verdict({ file, line: index + 1, what });
      const record = parseRecord(line);
      if (record === undefined) return at("this line is not a record");
      if (last !== undefined && record.seq !== last.seq + 1) {
        return at(`record ${record.seq} follows ${last.seq}: records were removed, added or moved`);
      }
      const isBegin = last === undefined;
      if (isBegin ? record.seq === 1 && record.prev !== firstPrev : record.prev !== expected) {
        return at(isBegin ? "this is not the first record that was written" : "the line before was changed");
      }
      first ??= record;
      last = record;
      records += 1;
      expected = hashOf(line);
      if (record.seq === head?.seq) headHash = expected;
      if (record.event === "pruned") pruned = Number(record.through);
    }
    // While the daemon runs, a line may be on its way.
    if (isTorn && path !== files.at(-1))
      return verdict({ file, line: lines.length + 1, what: "a line is cut off" });
  }
  const tail = basename(files.at(-1) ?? headPath(dir));
  if (first !== undefined && first.seq > pruned + 1) {
    const what = `the journal begins with record ${first.seq}, and nothing says that earlier ones were pruned`;
    return verdict({ file: basename(files[0] ?? ""), line: 1, what });
  }
  if (head === undefined) {
    return records === 0
      ? verdict(null)
      : verdict({ file: "head", line: 0, what: "it is missing or damaged" });
  }
  if (head.seq > (last?.seq ?? 0)) {
    return verdict({
      file: tail,
      line: 0,
      what: `records up to ${head.seq} were written; the last ones are gone`,
    });
  }
  if (headHash !== head.hash && head.seq >= (first?.seq ?? 0)) {
    return verdict({ file: tail, line: 0, what: `record ${head.seq} is not the one that was written` });
  }
  return verdict(null);
}

function readHead(dir: string): Head | undefined {
  try {
    return parseHead(readFileSync(headPath(dir), "utf8"));
  } catch {
    return undefined;
  }
}
