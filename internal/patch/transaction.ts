import { errnoOf, Fault, messageOf } from "../errs/errs.js";
import type { NewFile, WriteDir, WritePlace } from "../workspace/write.js";
import { type Content, readSnapshot, type Snapshot, sha256 } from "./facts.js";
import type { Entry, Journal, RecordedChange } from "./journal.js";
import { join, type Places } from "./places.js";
import { type Problem, restore, sideNames, type Target } from "./restore.js";

/** A file that is to become another. Absent `before`: it is new; absent `after`: it goes. */
export interface Change {
  readonly place: WritePlace;
  readonly before: Snapshot | undefined;
  readonly after: Content | undefined;
}

export interface Transaction {
  readonly entry: Pick<Entry, "id" | "at" | "tool" | "workspace" | "root" | "summary" | "undoes">;
  readonly changes: readonly Change[];
  readonly places: Places;
  readonly journal: Journal;
}

interface Step extends Target {
  readonly dir: WriteDir;
  readonly before: Snapshot | undefined;
  readonly after: Content | undefined;
}

/**
 * Makes all changes or none, and returns what could not be tidied up afterwards.
 *
 * The order is what makes it safe. The old contents go to the journal as a pending entry; new contents are written
 * beside their targets, and old files get a second name there; all that goes to the disk; only then is one file after
 * the other replaced, each checked once more just before; then the directories go to the disk, and the entry is
 * settled. Until it is, whatever happens (an error, a kill, the next start after either) puts the old files back.
 * Between the last check and the rename a program that does not ask us can still replace a file: the system knows no
 * rename on a condition. A file rewritten in place in that moment is noticed and kept.
 *
 * Faults: PATCH_CONFLICT, PERMISSION_REQUIRED, INTERNAL_ERROR (nothing was changed), PATCH_ROLLBACK_FAILED.
 */
export async function commit({ entry, changes, places, journal }: Transaction): Promise<string[]> {
  // One rename is all or nothing by itself; its entry need not outlive the machine.
  const durable = changes.length > 1;
  const contents = changes.map(({ before }) => before?.bytes ?? Buffer.alloc(0));
  const dirs = missingDirs(changes);
  const recorded = recordedChanges(changes);
  await journal.begin({ ...entry, changes: recorded, dirs }, contents).catch((error: unknown) => {
    throw failed(error, "the journal in the state directory cannot be written");
  });
  const made: { parent: WriteDir; name: string }[] = [];
  const steps: Step[] = [];
  try {
    makeDirs(changes, places, made);
    for (const [i, { place, before, after }] of changes.entries()) {
      const change = recorded[i] as RecordedChange;
      const content = async (): Promise<Buffer> => before?.bytes ?? Buffer.alloc(0);
      const names = sideNames(entry.id, i);
      steps.push({ change, dir: places.directoryOf(place), name: place.name, names, content, before, after });
    }
    await stageAll(steps, durable ? [() => journal.sync(entry.id)] : []);
    for (const step of steps) await apply(step);
    for (const step of steps) await checkOld(step);
    await all(
      [...new Set([...steps.map(({ dir }) => dir), ...made.map(({ parent }) => parent)])].map((dir) =>
        dir.sync(),
      ),
    );
    await journal.settle(entry.id, "done", durable);
  } catch (error) {
    const problems = await restore(steps, made);
    if (problems.length > 0) throw rollbackFailed(error, problems);
    await journal.drop(entry.id, "pending").catch(() => {});
    throw failed(error, "the files cannot be written");
  }
  return steps.flatMap(leftBehind);
}

function recordedChanges(changes: readonly Change[]): RecordedChange[] {
  let offset = 0;
  return changes.map(({ place, before, after }) => {
    const start = offset;
    offset += before?.bytes.length ?? 0;
    return {
      path: place.path,
      ...(before && {
        before: {
          sha256: sha256(before.bytes),
          mode: before.mode,
          uid: before.uid,
          gid: before.gid,
          offset: start,
          length: before.bytes.length,
        },
      }),
      ...(after && { after: { sha256: sha256(after.bytes) } }),
    };
  });
}

function missingDirs(changes: readonly Change[]): string[] {
  const dirs = changes.flatMap(({ place: { dir, missing } }) =>
    missing.map((_, i) => missing.slice(0, i + 1).reduce(join, dir.path)),
  );
  return [...new Set(dirs)];
}

function makeDirs(
  changes: readonly Change[],
  places: Places,
  made: { parent: WriteDir; name: string }[],
): void {
  for (const { place } of changes) {
    for (const [i, name] of place.missing.entries()) {
      const parent = places.directoryOf({ ...place, missing: place.missing.slice(0, i) });
      if (parent.lstat(name) !== undefined) continue;
      parent.mkdir(name);
      made.push({ parent, name });
    }
  }
}

/** Everything is written before the first of it goes to the disk: a file system that is syncing lets nobody make files. */
async function stageAll(steps: readonly Step[], alsoSync: readonly (() => Promise<void>)[]): Promise<void> {
  const written: NewFile[] = [];
  try {
    for (const step of steps) await stage(step, written);
    await all([...written.map((file) => file.sync()), ...alsoSync.map((sync) => sync())]);
  } finally {
    for (const file of written) file.close();
  }
}

/** Puts the new content beside the target and gives the old file a second name; reports what must go to the disk. */
async function stage({ dir, name, names, before, after }: Step, written: NewFile[]): Promise<void> {
  if (after !== undefined) written.push(await writeBeside(dir, names.next, after));
  if (before === undefined) return;
  try {
    dir.link(name, names.old);
  } catch (error) {
    if (!noLinks.has(errnoOf(error) ?? "")) throw error;
    written.push(await writeBeside(dir, names.old, before));
  }
}

/** Answers of file systems without hard links, and of systems that let only the owner make one. */
const noLinks: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

async function writeBeside(dir: WriteDir, name: string, content: Content): Promise<NewFile> {
  const file = dir.create(name);
  try {
    await file.write(content.bytes);
    file.setAccess(content);
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

async function apply(step: Step): Promise<void> {
  const { dir, name, names, before, after, change } = step;
  await checkBaseline(step);
  if (after === undefined) dir.unlink(name);
  else if (before !== undefined) dir.rename(names.next, name);
  else await addNew(dir, names.next, name, change.path);
}

/** A new name must not replace a file that came up meanwhile, which a rename would do. */
async function addNew(dir: WriteDir, next: string, name: string, path: string): Promise<void> {
  try {
    dir.link(next, name);
  } catch (error) {
    if (errnoOf(error) === "EEXIST") throw conflict(path);
    if (!noLinks.has(errnoOf(error) ?? "")) throw error;
    dir.rename(next, name);
    return;
  }
  dir.unlink(next);
}

async function checkBaseline({ dir, name, before, change }: Step): Promise<void> {
  if (!dir.isInPlace()) throw conflict(change.path);
  const now = await readSnapshot(dir, name).catch((error: unknown) => {
    throw error instanceof Fault ? conflict(change.path, error) : error;
  });
  if (now === undefined && before === undefined) return;
  if (now !== undefined && before !== undefined && now.mode === before.mode && now.bytes.equals(before.bytes))
    return;
  throw conflict(change.path);
}

/** Somebody who had the old file open may have written into it until the end. */
async function checkOld({ dir, names, before, change }: Step): Promise<void> {
  if (before === undefined) return;
  const old = await readSnapshot(dir, names.old);
  if (old === undefined || !old.bytes.equals(before.bytes)) throw conflict(change.path);
}

function leftBehind({ dir, names, before }: Step): string[] {
  // The new content is in its place; only what was there before is beside it.
  if (before === undefined) return [];
  try {
    dir.unlink(names.old);
    return [];
  } catch (error) {
    const name = JSON.stringify(join(dir.path, names.old));
    return [`the temporary file ${name} could not be removed: ${messageOf(error)}`];
  }
}

/** Waits for all, so that nothing is still under way when the first failure is thrown. */
async function all(tasks: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(tasks);
  const failure = results.find((result) => result.status === "rejected");
  if (failure !== undefined) throw failure.reason;
}

export function conflict(path: string, cause?: unknown): Fault {
  return new Fault(
    "PATCH_CONFLICT",
    `${JSON.stringify(path)} was changed by somebody else meanwhile; nothing was changed`,
    {
      hint: "read the file again and make the change on what it holds now",
      details: { path },
      cause,
    },
  );
}

/** The Fault for a system error after which nothing is changed; another error stays as it is. */
export function failed(error: unknown, what: string): unknown {
  const errno = errnoOf(error);
  if (errno === undefined || error instanceof Fault) return error;
  const denied = errno === "EACCES" || errno === "EPERM" || errno === "EROFS";
  const why = errno === "ENOSPC" || errno === "EDQUOT" ? "the disk is full" : errno;
  return new Fault(
    denied ? "PERMISSION_REQUIRED" : "INTERNAL_ERROR",
    `${what} (${why}); nothing was changed`,
    {
      ...(denied && {
        hint: "the user that runs the server needs write permission there; no tool can grant that",
      }),
      cause: error,
    },
  );
}

function rollbackFailed(error: unknown, problems: readonly Problem[]): Fault {
  const paths = problems.map(({ path }) => JSON.stringify(path)).join(", ");
  return new Fault(
    "PATCH_ROLLBACK_FAILED",
    `the change failed, and not all files could be put back: ${paths}`,
    {
      hint: "look at these files before anything else; the old ones are kept under the names in recovery_backups, and the next start of the server tries again",
      details: {
        rollback_errors: problems.map(({ path, message }) => ({ path, message })),
        recovery_backups: problems.flatMap(({ path, backup }) =>
          backup === undefined ? [] : [{ path, backup }],
        ),
        cause: messageOf(error),
      },
      cause: error,
    },
  );
}
