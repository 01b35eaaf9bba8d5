import { randomBytes } from "node:crypto";
import { join as joinPath } from "node:path";
import type { Clock } from "../clock/clock.js";
import { Fault } from "../errs/errs.js";
import type { Root } from "../workspace/root.js";
import type { Workspace } from "../workspace/workspace.js";
import { type Edited, editText } from "./edit.js";
import { type HashedChange, readSnapshot, sha256 } from "./facts.js";
import { createJournal, type Entry } from "./journal.js";
import { type JournalFs, systemJournalFs } from "./journal-fs.js";
import { createLocks, type Locks } from "./locks.js";
import { parsePatch } from "./parse.js";
import { createPlaces, type Places } from "./places.js";
import { type AffectedFile, type LookUp, type PlannedFile, planPatch } from "./plan.js";
import { refuseGitInternals, sideEffects } from "./protect.js";
import { type Recovered, recoverAll } from "./recover.js";
import { commit, conflict, failed, type Transaction } from "./transaction.js";
import { listUndo, type UndoEntry, type Undone, undoEntry } from "./undo.js";

export interface PatcherDeps {
  /** Where the journal is kept, in a directory of its own. */
  readonly stateDir: string;
  readonly uid: number;
  readonly clock: Clock;
  /** Opens the workspace at an absolute path, for undo and recovery. The patcher closes it. */
  readonly openRoot: (path: string) => Root;
  readonly fs?: JournalFs;
}

export interface Caller {
  readonly workspace: Workspace;
  /** Ends waiting; once files are being replaced, the change runs to its end. */
  readonly signal: AbortSignal;
}

export interface PatchOutcome {
  /** What was written; nothing after a dry run. */
  readonly changes: readonly HashedChange[];
  readonly affected: readonly AffectedFile[];
  readonly summary: readonly string[];
  readonly additions: number;
  readonly removals: number;
  readonly warnings: readonly string[];
}

export interface EditOutcome extends Pick<PatchOutcome, "additions" | "removals" | "warnings" | "changes"> {
  readonly path: string;
  readonly matchedWith: Edited["matchedWith"];
  readonly lines: readonly number[];
}

/** Changes files of workspaces: each call makes all its changes or none, and can be taken back by the owner. */
export interface Patcher {
  /** Applies a patch in the envelope format; with `dryRun`, does all but write. */
  applyPatch(caller: Caller, patch: string, dryRun: boolean): Promise<PatchOutcome>;
  /** Replaces a text in one file. */
  editFile(caller: Caller, edit: EditRequest): Promise<EditOutcome>;
  /** Brings changes that were cut off by the end of an earlier process to all old or all new. Call it before any other. */
  recoverPatches(): Promise<readonly Recovered[]>;
  /** What can be taken back, newest first. */
  listUndo(): Promise<readonly UndoEntry[]>;
  /** Takes back one set of changes, the newest unless `id` names another. Faults: NOT_FOUND, PATCH_CONFLICT. */
  undo(id?: string): Promise<Undone>;
}

export interface EditRequest {
  readonly path: string;
  readonly oldText: string;
  readonly newText: string;
  readonly expectedCount: number;
}

/** What the files of one call may hold in all; their old content is kept in memory and in the journal. */
const maxCallBytes = 64 << 20;
const maxFiles = 1000;
const maxUndoEntries = 100;
const maxUndoBytes = 256 << 20;

export function createPatcher(deps: PatcherDeps): Patcher {
  const { clock, openRoot, uid } = deps;
  const journal = createJournal({
    dir: joinPath(deps.stateDir, "undo"),
    uid,
    fs: deps.fs ?? systemJournalFs,
    maxEntries: maxUndoEntries,
    maxBytes: maxUndoBytes,
  });
  const locks = createLocks();
  let lastTime = 0;

  /** Later ones sort behind earlier ones. */
  function newId(): string {
    lastTime = Math.max(clock.now(), lastTime + 1);
    return `${lastTime.toString(36).padStart(9, "0")}-${randomBytes(4).toString("hex")}`;
  }

  function describe(
    tool: Entry["tool"],
    { id, path }: Pick<Workspace, "id" | "path">,
    summary: readonly string[],
  ): Transaction["entry"] {
    return { id: newId(), at: new Date(clock.now()).toISOString(), tool, workspace: id, root: path, summary };
  }

  return {
    async applyPatch({ workspace, signal }, text, dryRun) {
      const { root } = workspace;
      const patch = parsePatch(text);
      const named = patch.operations.flatMap((one) =>
        one.kind === "update" && one.moveTo !== undefined ? [one.path, one.moveTo] : [one.path],
      );
      if (named.length > maxFiles) {
        throw new Fault("PATCH_FAILED", `the patch names ${named.length} files, more than ${maxFiles}`, {
          hint: "send it in parts",
        });
      }
      return withFiles({ root, paths: named, locks, signal }, async (lookUp, places) => {
        const plan = await planPatch(patch, lookUp);
        const paths = plan.files.map(({ place }) => place.path);
        const outcome = {
          affected: plan.affected,
          summary: plan.affected.map(summaryLine),
          additions: plan.additions,
          removals: plan.removals,
          warnings: [...plan.warnings, ...sideEffects(paths)],
        };
        if (dryRun) return { ...outcome, changes: [] };
        const entry = describe("apply_patch", workspace, outcome.summary);
        const changes = plan.files.map(({ now, ...file }) => ({ ...file, after: now }));
        const more = await commit({ entry, changes, places, journal });
        return { ...outcome, changes: changes.map(hashed), warnings: [...outcome.warnings, ...more] };
      });
    },

    editFile({ workspace, signal }, request) {
      const { root } = workspace;
      return withFiles({ root, paths: [request.path], locks, signal }, async (lookUp, places) => {
        const { place, before } = await lookUp(request.path);
        const { path } = place;
        if (before === undefined) throw new Fault("NOT_FOUND", `${JSON.stringify(path)} does not exist`);
        const edited = editText(before.bytes, { ...request, path });
        const entry = describe("edit_file", workspace, [`M ${path}`]);
        const after = { ...before, bytes: edited.bytes };
        const changes = [{ place, before, after }];
        const warnings = [...sideEffects([path]), ...(await commit({ entry, changes, places, journal }))];
        const { matchedWith, lines, additions, removals } = edited;
        return { path, matchedWith, lines, additions, removals, warnings, changes: changes.map(hashed) };
      });
    },

    recoverPatches: () => recoverAll({ journal, openRoot }),
    listUndo: () => listUndo(journal),
    undo: (id) =>
      undoEntry({
        journal,
        id,
        openRoot,
        withFiles: (root, paths, use) =>
          withFiles({ root, paths, locks, signal: new AbortController().signal }, use),
        describe: ({ workspace, root, summary, id: undoes }) => ({
          ...describe("undo", { id: workspace, path: root }, summary),
          undoes,
        }),
      }).catch((error: unknown) => {
        throw failed(error, "the files or the journal cannot be read");
      }),
  };
}

function hashed({ place, before, after }: Transaction["changes"][number]): HashedChange {
  return { path: place.path, before: digestOf(before), after: digestOf(after) };
}

function digestOf(content: { readonly bytes: Buffer } | undefined): string | null {
  return content === undefined ? null : sha256(content.bytes);
}

function summaryLine({ path, operation, old_path }: AffectedFile): string {
  if (operation === "move") return `R ${old_path} -> ${path}`;
  return `${operation === "add" ? "A" : operation === "delete" ? "D" : "M"} ${path}`;
}

interface FileScope {
  readonly root: Root;
  readonly paths: readonly string[];
  readonly locks: Locks;
  readonly signal: AbortSignal;
}

/** Runs `use` while nobody else changes the files at `paths`. Nothing that belongs to git gets that far. */
async function withFiles<T>(
  { root, paths, locks, signal }: FileScope,
  use: (lookUp: LookUp, places: Places) => Promise<T>,
): Promise<T> {
  try {
    const canonical = canonicalPaths(root, paths);
    refuseGitInternals(root, canonical);
    // Without case, so that both names of one file on a file system that has none are one lock.
    const keys = new Set(canonical.map((path) => `${root.path}/${path}`.normalize("NFC").toLowerCase()));
    const release = await locks.acquire([...keys], signal);
    const places = createPlaces(root);
    try {
      return await use(createLookUp(places, new Set(canonical)), places);
    } finally {
      places.closeAll();
      release();
    }
  } catch (error) {
    throw failed(error, "the files cannot be read");
  }
}

function canonicalPaths(root: Root, paths: readonly string[]): string[] {
  const places = createPlaces(root);
  try {
    return paths.map((path) => places.open(path).path);
  } finally {
    places.closeAll();
  }
}

function createLookUp(places: Places, allowed: ReadonlySet<string>): LookUp {
  const files = new Map<string, PlannedFile>();
  let left = maxCallBytes;
  return async (path) => {
    const place = places.open(path);
    // A link in its directories leads elsewhere by now, to what was neither checked nor locked.
    if (!allowed.has(place.path)) throw conflict(path);
    const known = files.get(place.path);
    if (known !== undefined) return known;
    const before = place.missing.length > 0 ? undefined : await readSnapshot(place.dir, place.name, left);
    left -= before?.bytes.length ?? 0;
    const file: PlannedFile = { place, before, now: before };
    files.set(place.path, file);
    return file;
  };
}
