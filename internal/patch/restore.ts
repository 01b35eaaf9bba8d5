import { errnoOf, messageOf } from "../errs/errs.js";
import type { WriteDir } from "../workspace/write.js";
import { readSnapshot, sha256 } from "./facts.js";
import type { RecordedChange } from "./journal.js";
import { join } from "./places.js";

/** One changed file, and the names that belong to the change beside it. */
export interface Target {
  readonly change: RecordedChange;
  /** Undefined when its directory is gone. */
  readonly dir: WriteDir | undefined;
  readonly name: string;
  readonly names: SideNames;
  /** The content it had before, for the case that the old file itself is gone. */
  readonly content: () => Promise<Buffer>;
}

export interface SideNames {
  /** The new content, until it takes its place. */
  readonly next: string;
  /** The old file itself, until all is done. */
  readonly old: string;
}

/** A file that could not be taken back. */
export interface Problem {
  readonly path: string;
  readonly message: string;
  /** Where the old file is kept, relative to the root. */
  readonly backup: string | undefined;
  /** Somebody else has changed it, so trying again would not help. */
  readonly changed: boolean;
}

export function sideNames(id: string, index: number): SideNames {
  return { next: `.ctmcp-${id}-${index}.new`, old: `.ctmcp-${id}-${index}.old` };
}

type Standing = "before" | "after" | "changed";

/** Which state of the change is on disk. */
export async function standing({ change, dir, name }: Target): Promise<Standing> {
  const now = dir === undefined ? undefined : await hashOf(dir, name);
  if (now === change.before?.sha256) return "before";
  return now === change.after?.sha256 ? "after" : "changed";
}

async function hashOf(dir: WriteDir, name: string): Promise<string | undefined> {
  const stat = dir.lstat(name);
  if (stat === undefined) return undefined;
  // A link or directory that took the place is as good as any other content.
  if (!stat.isFile()) return "";
  const file = await readSnapshot(dir, name);
  return file === undefined ? undefined : sha256(file.bytes);
}

/**
 * Puts every target back to what it was and removes what was beside it; goes on after a failure. A file that somebody
 * else has changed since is left alone. The old file is put back by a rename, which a full disk does not prevent.
 */
export async function restore(
  targets: readonly Target[],
  dirsMade: readonly { readonly parent: WriteDir; readonly name: string }[],
): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const target of targets.toReversed()) {
    try {
      const failure = await putBack(target);
      if (failure === undefined) removeSide(target);
      else problems.push({ ...problem(target, failure), changed: true });
    } catch (error) {
      problems.push({ ...problem(target, messageOf(error)), changed: false });
    }
  }
  for (const { parent, name } of dirsMade.toReversed()) {
    try {
      parent.rmdir(name);
    } catch (error) {
      // Not made yet, or in use by now.
      if (["ENOENT", "ENOTEMPTY", "EEXIST"].includes(errnoOf(error) ?? "")) continue;
      problems.push({
        path: join(parent.path, name),
        message: messageOf(error),
        backup: undefined,
        changed: false,
      });
    }
  }
  return problems;
}

/** Undefined when the target is as it was; else why it is not. */
async function putBack(target: Target): Promise<string | undefined> {
  const { change, dir, name, names } = target;
  const state = await standing(target);
  if (state === "before" || dir === undefined) return undefined;
  if (state === "changed") {
    // As long as the new content waits, the file was not touched; without old file, there was nothing to touch.
    const untouched = dir.lstat(names.next) !== undefined || dir.lstat(names.old) === undefined;
    return untouched ? undefined : "it was changed by somebody else meanwhile and was left as it is";
  }
  if (change.before === undefined) dir.unlink(name);
  else if (dir.lstat(names.old) !== undefined) dir.rename(names.old, name);
  else await rewrite(dir, target, change.before);
  return undefined;
}

async function rewrite(
  dir: WriteDir,
  { name, names, content }: Target,
  access: { readonly mode: number; readonly uid: number; readonly gid: number },
): Promise<void> {
  const bytes = await content();
  removeIfThere(dir, names.next);
  const file = dir.create(names.next);
  try {
    await file.write(bytes);
    file.setAccess(access);
    await file.sync();
  } finally {
    file.close();
  }
  dir.rename(names.next, name);
}

/** Removes what stands beside a target; throws when it cannot. */
export function removeSide({ dir, names }: Target): void {
  if (dir === undefined) return;
  removeIfThere(dir, names.next);
  removeIfThere(dir, names.old);
}

function removeIfThere(dir: WriteDir, name: string): void {
  if (dir.lstat(name) !== undefined) dir.unlink(name);
}

function problem({ change, dir, names }: Target, message: string): Omit<Problem, "changed"> {
  let backup: string | undefined;
  try {
    if (dir?.lstat(names.old) !== undefined) backup = join(dir.path, names.old);
  } catch {
    // What cannot be looked at cannot be named.
  }
  return { path: change.path, message, backup };
}
