import { messageOf } from "../errs/errs.js";
import type { Root } from "../workspace/root.js";
import type { Entry, EntryState, Journal } from "./journal.js";
import { createPlaces, type Places } from "./places.js";
import { removeSide, restore, sideNames, standing, type Target } from "./restore.js";

/** What became of a set of changes that had been cut off. */
export interface Recovered {
  readonly id: string;
  readonly workspace: string;
  readonly root: string;
  /**
   * `completed`: all new. `rolled-back`: all old. `conflict`: all old but for files somebody has changed since.
   * `failed`: not done, tried again at the next start.
   */
  readonly outcome: "completed" | "rolled-back" | "conflict" | "failed";
  /** For each file that could not be put back, why, and where its old content is. */
  readonly problems: readonly string[];
}

interface RecoverDeps {
  readonly journal: Journal;
  readonly openRoot: (path: string) => Root;
}

/** Done entries whose leftovers are looked for: those a kill can have kept from tidying up. */
const swept = 16;

/**
 * Brings every change that was cut off to all old or all new, and removes what the end of the process left beside the
 * files. One that fails does not keep the others from it.
 */
export async function recoverAll({ journal, openRoot }: RecoverDeps): Promise<readonly Recovered[]> {
  const recovered: Recovered[] = [];
  const pending = await journal.ids("pending");
  // The newest first: an older one is found as it was left.
  for (const id of pending.toReversed()) {
    const one = await recover(journal, id, openRoot);
    if (one !== undefined) recovered.push(one);
  }
  for (const id of (await journal.ids("done")).slice(-swept)) {
    const entry = await journal.read(id, "done").catch(() => undefined);
    if (entry !== undefined) await sweep(journal, entry, openRoot).catch(() => {});
  }
  return recovered;
}

/** Undefined for an entry that was never written whole: nothing had been touched. */
async function recover(
  journal: Journal,
  id: string,
  openRoot: RecoverDeps["openRoot"],
): Promise<Recovered | undefined> {
  let workspace = "";
  let root = "";
  const report = (outcome: Recovered["outcome"], problems: readonly string[] = []): Recovered => {
    return { id, workspace, root, outcome, problems };
  };
  try {
    const entry = await journal.read(id, "pending");
    if (entry === undefined) {
      await journal.drop(id, "pending");
      return undefined;
    }
    ({ workspace, root } = entry);
    return await withTargets(journal, entry, "pending", openRoot, async (targets, places) => {
      const states = await Promise.all(targets.map(standing));
      if (states.every((state) => state === "after")) {
        for (const target of targets) removeSide(target);
        await syncAll(targets);
        await journal.settle(id, "done", true);
        await finishUndo(journal, entry);
        return report("completed");
      }
      const problems = await restore(targets, dirsOf(places, entry));
      await syncAll(targets);
      if (problems.length === 0) {
        await journal.drop(id, "pending");
        return report("rolled-back");
      }
      const texts = problems.map(
        ({ path, message, backup }) => `${path}: ${message}${backup ? `; the old file: ${backup}` : ""}`,
      );
      if (problems.some(({ changed }) => !changed)) return report("failed", texts);
      await journal.settle(id, "conflict", true);
      return report("conflict", texts);
    });
  } catch (error) {
    return report("failed", [messageOf(error)]);
  }
}

async function sweep(journal: Journal, entry: Entry, openRoot: RecoverDeps["openRoot"]): Promise<void> {
  await withTargets(journal, entry, "done", openRoot, async (targets) => {
    for (const target of targets) removeSide(target);
  });
  await finishUndo(journal, entry);
}

/** Once a change is taken back, neither it nor the taking back is listed. */
export async function finishUndo(journal: Journal, { id, undoes }: Entry): Promise<void> {
  if (undoes === undefined) return;
  await journal.drop(undoes, "done");
  await journal.drop(id, "done");
}

async function withTargets<T>(
  journal: Journal,
  entry: Entry,
  state: EntryState,
  openRoot: RecoverDeps["openRoot"],
  use: (targets: readonly Target[], places: Places) => Promise<T>,
): Promise<T> {
  const root = openRoot(entry.root);
  const places = createPlaces(root);
  try {
    const targets = entry.changes.map((change, i): Target => {
      const { dir, missing, name } = places.open(change.path);
      return {
        change,
        dir: missing.length > 0 ? undefined : dir,
        name,
        names: sideNames(entry.id, i),
        content: () => journal.content(entry.id, state, change),
      };
    });
    return await use(targets, places);
  } finally {
    places.closeAll();
    root.close();
  }
}

function dirsOf(places: Places, { dirs }: Entry): Parameters<typeof restore>[1] {
  return dirs.flatMap((path) => {
    const { dir, missing, name } = places.open(path);
    return missing.length > 0 ? [] : [{ parent: dir, name }];
  });
}

async function syncAll(targets: readonly Target[]): Promise<void> {
  await Promise.all([...new Set(targets.map(({ dir }) => dir))].map((dir) => dir?.sync()));
}
