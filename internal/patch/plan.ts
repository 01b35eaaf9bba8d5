import { Fault } from "../errs/errs.js";
import type { WritePlace } from "../workspace/write.js";
import { type Content, type Snapshot, sha256 } from "./facts.js";
import { hunkFault } from "./failure.js";
import { type Applied, applyHunks } from "./hunks.js";
import { grades, type MatchedWith } from "./match.js";
import type { Operation, Patch } from "./parse.js";
import { decodeText } from "./text.js";

export interface AffectedFile {
  readonly path: string;
  readonly operation: "add" | "update" | "delete" | "move";
  readonly old_path?: string;
  /** How the place of the changed lines was found, the loosest way of them. */
  readonly matched_with?: MatchedWith;
}

/** A file as it is and as it shall be. */
export interface PlannedFile {
  readonly place: WritePlace;
  readonly before: Snapshot | undefined;
  now: Content | undefined;
}

export interface Plan {
  /** Only files that really change. */
  readonly files: readonly PlannedFile[];
  readonly affected: readonly AffectedFile[];
  readonly additions: number;
  readonly removals: number;
  readonly warnings: readonly string[];
}

/** Gives the file at a path of the patch, the same object for each name of the same file. */
export type LookUp = (path: string) => Promise<PlannedFile>;

const newFileMode = 0o644;

/**
 * Works out what a patch makes of the files, one operation after the other, without writing anything. Faults: the
 * PATCH_ codes, NOT_FOUND, and what the look-up and decoding throw.
 */
export async function planPatch(patch: Patch, lookUp: LookUp): Promise<Plan> {
  const files = new Set<PlannedFile>();
  const affected = new Map<string, AffectedFile>();
  const warnings: string[] = [];
  let additions = 0;
  let removals = 0;

  for (const operation of patch.operations) {
    const file = await lookUp(operation.path).catch((error: unknown) => {
      throw operation.kind === "delete" ? notDeletable(error, operation.path) : error;
    });
    files.add(file);
    const { path } = file.place;
    if (operation.kind === "add") {
      if (file.now !== undefined)
        throw alreadyThere(path, file.now.bytes.equals(Buffer.from(operation.content)));
      file.now = { bytes: Buffer.from(operation.content), mode: newFileMode };
      affected.set(path, { path, operation: file.before === undefined ? "add" : "update" });
      additions += countLines(operation.content);
      continue;
    }
    if (file.now === undefined) throw missing(path, operation);
    if (operation.kind === "delete") {
      removals += linesIn(file.now.bytes);
      file.now = undefined;
      const fresh = affected.get(path)?.operation === "add";
      if (fresh) affected.delete(path);
      else affected.set(path, { path, operation: "delete" });
      continue;
    }
    const applied = await update(patch, operation, file, lookUp);
    additions += applied?.additions ?? 0;
    removals += applied?.removals ?? 0;
    warnings.push(...(applied?.notes ?? []));
    if (applied !== undefined) file.now = { ...file.now, bytes: Buffer.from(applied.text) };
    const target = operation.moveTo === undefined ? file : await moved(file, operation.moveTo, lookUp);
    files.add(target);
    note(affected, { from: path, to: target.place.path, applied });
  }
  const changed = [...files].filter(isChanged);
  if (changed.length === 0) {
    throw new Fault("PATCH_FAILED", "the patch changes nothing: every file would stay as it is", {
      hint: "removed and added lines are the same; send the change you mean",
    });
  }
  refuseNesting(changed);
  for (const { place, before, now } of changed) {
    if (before !== undefined && now !== undefined && before.hardLinks > 1) {
      warnings.push(`${JSON.stringify(place.path)} has another hard link, which keeps the old content`);
    }
  }
  return { files: changed, affected: [...affected.values()], additions, removals, warnings };
}

type Update = Extract<Operation, { kind: "update" }>;

/** The file's new text; undefined for a move without hunks, which may be of any content. */
async function update(
  patch: Patch,
  { hunks }: Update,
  { place, now }: PlannedFile,
  lookUp: LookUp,
): Promise<Applied | undefined> {
  if (hunks.length === 0 || now === undefined) return undefined;
  const text = decodeText(now.bytes, place.path);
  const applied = applyHunks(text, hunks, place.path);
  if (!("miss" in applied)) return applied;
  const alreadyApplied = await isApplied(patch, lookUp);
  throw hunkFault({
    ...applied,
    path: place.path,
    text,
    sha256: sha256(now.bytes),
    hunks,
    patch,
    alreadyApplied,
  });
}

async function moved(file: PlannedFile, to: string, lookUp: LookUp): Promise<PlannedFile> {
  const target = await lookUp(to);
  if (target === file) throw new Fault("PATCH_FAILED", `${JSON.stringify(to)} is moved to itself`);
  if (target.now !== undefined) throw alreadyThere(target.place.path, false);
  target.now = file.now;
  file.now = undefined;
  return target;
}

function note(
  affected: Map<string, AffectedFile>,
  { from, to, applied }: { from: string; to: string; applied: Applied | undefined },
): void {
  const earlier = affected.get(from);
  const ways = [earlier?.matched_with, applied?.matchedWith].filter((way) => way !== undefined);
  const loosest = grades.findLast((grade) => ways.includes(grade));
  const matched = loosest === undefined ? {} : { matched_with: loosest };
  if (from === to) {
    affected.set(to, { ...earlier, path: to, operation: earlier?.operation ?? "update", ...matched });
    return;
  }
  affected.delete(from);
  affected.set(
    to,
    earlier?.operation === "add"
      ? { path: to, operation: "add", ...matched }
      : { path: to, operation: "move", old_path: earlier?.old_path ?? from, ...matched },
  );
}

/** True when every operation of the patch finds its result on disk, as after a call whose answer was lost. */
async function isApplied(patch: Patch, lookUp: LookUp): Promise<boolean> {
  for (const operation of patch.operations) {
    const { before } = await lookUp(operation.path);
    if (operation.kind === "add") {
      if (!before?.bytes.equals(Buffer.from(operation.content))) return false;
    } else if (operation.kind === "delete") {
      if (before !== undefined) return false;
    } else {
      const { moveTo, path, hunks } = operation;
      if (moveTo !== undefined && before !== undefined) return false;
      const result = moveTo === undefined ? before : (await lookUp(moveTo)).before;
      if (result === undefined || !holdsResult(result.bytes, hunks, moveTo ?? path)) return false;
    }
  }
  return true;
}

/** True when the new side of every hunk stands in the text, and says something. */
function holdsResult(bytes: Buffer, hunks: Update["hunks"], path: string): boolean {
  const text = decodeText(bytes, path);
  const results = hunks.map((hunk) => ({
    ...hunk,
    lines: hunk.lines.filter(({ op }) => op !== "-").map((line) => ({ ...line, op: " " as const })),
  }));
  return (
    results.every(({ lines }) => lines.some(({ text: line }) => line.trim() !== "")) &&
    !("miss" in applyHunks(text, results, path))
  );
}

function isChanged({ before, now }: PlannedFile): boolean {
  if (before === undefined || now === undefined) return before !== now;
  return !before.bytes.equals(now.bytes);
}

/** A path cannot be a file and the directory of another one. */
function refuseNesting(files: readonly PlannedFile[]): void {
  const added = files.filter(({ now }) => now !== undefined).map(({ place }) => place.path);
  const all = new Set(added);
  for (const path of added) {
    const parts = path.split("/");
    const above = parts.map((_, i) => parts.slice(0, i).join("/")).find((dir) => all.has(dir));
    if (above === undefined) continue;
    throw new Fault(
      "PATCH_FAILED",
      `${JSON.stringify(above)} cannot be a file and hold ${JSON.stringify(path)}`,
      {
        details: { path },
      },
    );
  }
}

function alreadyThere(path: string, same: boolean): Fault {
  return new Fault(
    "PATCH_FAILED",
    `${JSON.stringify(path)} exists already${same ? ", with just this content" : ""}`,
    {
      hint: same ? "nothing needs to be done" : "use *** Update File to change it, or another path",
      details: { path, already_applied: same },
    },
  );
}

function notDeletable(error: unknown, path: string): unknown {
  if (!(error instanceof Fault) || error.code !== "IS_DIRECTORY") return error;
  return new Fault("PATCH_FAILED", `${JSON.stringify(path)} is a directory; only files can be deleted`, {
    hint: "delete its files one by one",
    details: { path },
  });
}

function missing(path: string, { kind }: Operation): Fault {
  return new Fault("NOT_FOUND", `${JSON.stringify(path)} does not exist`, {
    ...(kind === "update" && { hint: "use *** Add File to make it" }),
    details: { path },
  });
}

function linesIn(bytes: Buffer): number {
  return bytes.includes(0) ? 0 : countLines(bytes.toString("latin1"));
}

function countLines(text: string): number {
  const ends = text.split("\n").length - 1;
  return text === "" || text.endsWith("\n") ? ends : ends + 1;
}
