import { Fault } from "../errs/errs.js";
import type { Root } from "../workspace/root.js";
import type { Content, HashedChange } from "./facts.js";
import { sha256 } from "./facts.js";
import type { Entry, Journal, RecordedChange } from "./journal.js";
import type { Places } from "./places.js";
import type { LookUp } from "./plan.js";
import { finishUndo } from "./recover.js";
import { type Change, commit, conflict, type Transaction } from "./transaction.js";

/** A set of changes that can be taken back. */
export interface UndoEntry {
  readonly id: string;
  /** ISO 8601. */
  readonly at: string;
  readonly tool: string;
  readonly workspace: string;
  readonly root: string;
  readonly summary: readonly string[];
}

export interface Undone extends UndoEntry {
  /** What taking it back has changed. */
  readonly changes: readonly HashedChange[];
  readonly warnings: readonly string[];
}

interface UndoDeps {
  readonly journal: Journal;
  readonly id: string | undefined;
  readonly openRoot: (path: string) => Root;
  readonly withFiles: <T>(
    root: Root,
    paths: readonly string[],
    use: (lookUp: LookUp, places: Places) => Promise<T>,
  ) => Promise<T>;
  readonly describe: (entry: Entry) => Transaction["entry"];
}

/** Newest first. */
export async function listUndo(journal: Journal): Promise<readonly UndoEntry[]> {
  const ids = await journal.ids("done");
  const entries = await Promise.all(ids.toReversed().map((id) => journal.read(id, "done")));
  return entries.flatMap((entry) =>
    entry === undefined || entry.undoes !== undefined ? [] : [listed(entry)],
  );
}

function listed({ id, at, tool, workspace, root, summary }: Entry): UndoEntry {
  return { id, at, tool, workspace, root, summary };
}

/**
 * Puts the files of one entry back, as one change of its own, and removes the entry. Faults: NOT_FOUND (no such entry,
 * or its workspace is gone), PATCH_CONFLICT (a file is no longer as the entry left it; nothing is changed then).
 */
export async function undoEntry(deps: UndoDeps): Promise<Undone> {
  const { journal, openRoot, withFiles } = deps;
  const id = deps.id ?? (await listUndo(journal))[0]?.id;
  const entry = id === undefined ? undefined : await journal.read(id, "done");
  if (entry === undefined) {
    throw new Fault(
      "NOT_FOUND",
      id === undefined ? "there is nothing to undo" : `there is no entry ${JSON.stringify(id)} to undo`,
    );
  }
  const root = openRoot(entry.root);
  try {
    const paths = entry.changes.map(({ path }) => path);
    const warnings = await withFiles(root, paths, async (lookUp, places) => {
      const changes: Change[] = [];
      for (const change of entry.changes) changes.push(await reverse(entry, change, lookUp, journal));
      const own = deps.describe(entry);
      const left = await commit({ entry: own, changes, places, journal });
      removeDirs(entry, places);
      // Should it fail, the next start finishes it.
      await finishUndo(journal, { ...entry, id: own.id, undoes: entry.id }).catch(() => {});
      return left;
    });
    return { ...listed(entry), changes: entry.changes.map(takenBack), warnings };
  } finally {
    root.close();
  }
}

function takenBack({ path, before, after }: RecordedChange): HashedChange {
  return { path, before: after?.sha256 ?? null, after: before?.sha256 ?? null };
}

async function reverse(
  entry: Entry,
  change: RecordedChange,
  lookUp: LookUp,
  journal: Journal,
): Promise<Change> {
  const { place, before: now } = await lookUp(change.path);
  const hash = now === undefined ? undefined : sha256(now.bytes);
  if (hash !== change.after?.sha256) throw conflict(change.path);
  const { before } = change;
  const after: Content | undefined = before && {
    bytes: await journal.content(entry.id, "done", change),
    mode: before.mode,
    uid: before.uid,
    gid: before.gid,
  };
  return { place, before: now, after };
}

/** The directories that were made for it, unless something else is in them by now. */
function removeDirs({ dirs }: Entry, places: Places): void {
  for (const path of dirs.toReversed()) {
    try {
      const { dir, missing, name } = places.open(path);
      if (missing.length === 0) dir.rmdir(name);
    } catch {
      // In use.
    }
  }
}
