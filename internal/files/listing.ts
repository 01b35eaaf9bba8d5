import { setImmediate } from "node:timers/promises";
import type { Clock } from "../clock/clock.js";
import { errnoOf, Fault, messageOf } from "../errs/errs.js";
import { excludedNames } from "../workspace/excluded.js";
import type { DirEntry, OpenedDir, Root } from "../workspace/root.js";

/** Tells what git would ignore. */
export interface IgnoreChecker {
  /** `relPath` is relative to the workspace root, without a trailing slash. */
  ignored(relPath: string, isDir: boolean): boolean;
}

export interface ListingDeps {
  readonly ignore: IgnoreChecker;
  readonly clock: Clock;
}

export interface ListingRequest {
  readonly path: string;
  /** Levels of folders below `path` that are listed too; 0: only what is directly in it. */
  readonly depth: number;
  readonly maxEntries: number;
  readonly includeHidden: boolean;
  readonly includeIgnored: boolean;
  readonly sort: "name" | "type" | "modified";
}

export interface ListedEntry {
  readonly name: string;
  /** Relative to the workspace root. */
  readonly path: string;
  readonly type: "file" | "directory" | "symlink";
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly isHidden: boolean;
  readonly isIgnored: boolean;
  readonly symlinkTarget?: string;
}

export interface Listing {
  /** Canonical path of the folder. */
  readonly path: string;
  readonly entries: readonly ListedEntry[];
  /** There are more entries than `maxEntries`. */
  readonly truncated: boolean;
  readonly leftOut: { readonly hidden: number; readonly ignored: number };
  readonly warnings: readonly string[];
}

/** Entries looked at in one listing; keeps a listing by time of a giant tree from taking minutes. */
const maxVisited = 100_000;
/** How long entries are handled before other requests get a turn; one takes microseconds or a millisecond. */
const turnMs = 10;
const maxWarnings = 20;
const typeOrder = { directory: 0, file: 1, symlink: 2 } as const;

/**
 * Lists a directory, folders before what is in them. `name` and `type` order the entries of each folder, `modified`
 * orders all of them, newest first. The order is complete before `maxEntries` cuts. Links are named, never followed;
 * sockets, FIFOs and devices are left out. Faults as `Root.openDir`'s.
 */
export async function listDirectory(
  root: Root,
  { ignore, clock }: ListingDeps,
  request: ListingRequest,
  signal: AbortSignal,
): Promise<Listing> {
  const entries: ListedEntry[] = [];
  const leftOut = { hidden: 0, ignored: 0 };
  const warnings: string[] = [];
  // By name or type, entries come in their final order; one more than asked for shows that there are more.
  const enough = request.sort === "modified" ? maxVisited : request.maxEntries + 1;
  let visited = 0;
  let turnBegan = clock.monotonic();

  function warn(text: string): void {
    if (warnings.length < maxWarnings) warnings.push(text);
  }

  function listed(dir: OpenedDir, entry: DirEntry): ListedEntry | undefined {
    const { name, type } = entry;
    if (type === "other") return undefined;
    const path = dir.path === "." ? name : `${dir.path}/${name}`;
    const isHidden = name.startsWith(".");
    if (isHidden && !request.includeHidden) {
      leftOut.hidden++;
      return undefined;
    }
    const isIgnored = ignore.ignored(path, type === "directory");
    if (!request.includeIgnored && (isIgnored || excludedNames.includes(name))) {
      leftOut.ignored++;
      return undefined;
    }
    const stat = dir.lstatChild(name);
    if (stat === undefined) {
      if (name.includes("\ufffd")) warn(`${path}: the name is not valid UTF-8, so it cannot be opened`);
      return undefined;
    }
    const target = type === "symlink" ? dir.readlinkChild(name) : undefined;
    return {
      name,
      path,
      type,
      sizeBytes: Number(stat.size),
      modifiedMs: Math.round(Number(stat.mtimeNs) / 1e6),
      isHidden,
      isIgnored,
      ...(target === undefined ? {} : { symlinkTarget: target }),
    };
  }

  async function visit(dir: OpenedDir, depth: number): Promise<void> {
    const found = dir.entries();
    found.sort(request.sort === "type" ? byType : byName);
    for (const item of found) {
      if (entries.length >= enough || visited >= maxVisited) return;
      visited++;
      if (clock.monotonic() - turnBegan >= turnMs) {
        await setImmediate();
        signal.throwIfAborted();
        turnBegan = clock.monotonic();
      }
      const entry = listed(dir, item);
      if (entry === undefined) continue;
      entries.push(entry);
      if (entry.type === "directory" && depth < request.depth) await descend(entry.path, depth + 1);
    }
  }

  async function descend(path: string, depth: number): Promise<void> {
    let dir: OpenedDir;
    try {
      dir = root.openDir(path);
    } catch (error) {
      if (!(error instanceof Fault) && errnoOf(error) === undefined) throw error;
      warn(`not listed: ${messageOf(error)}`);
      return;
    }
    try {
      // A folder exchanged for a link meanwhile: what the link leads to has its own place in the listing.
      if (dir.path === path) await visit(dir, depth);
    } finally {
      dir.close();
    }
  }

  const top = root.openDir(request.path);
  try {
    await visit(top, 0);
  } finally {
    top.close();
  }
  if (visited >= maxVisited) warn(`stopped after ${maxVisited} entries; list a subfolder for the rest`);
  if (request.sort === "modified")
    entries.sort((a, b) => b.modifiedMs - a.modifiedMs || compare(a.path, b.path));
  const truncated = entries.length > request.maxEntries || visited >= maxVisited;
  return { path: top.path, entries: entries.slice(0, request.maxEntries), truncated, leftOut, warnings };
}

function byName(a: DirEntry, b: DirEntry): number {
  return compare(a.name, b.name);
}

function byType(a: DirEntry, b: DirEntry): number {
  if (a.type === "other" || b.type === "other") return byName(a, b);
  return typeOrder[a.type] - typeOrder[b.type] || byName(a, b);
}

/** By code unit, the same on every machine. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
