import { setImmediate } from "node:timers/promises";
import { Fault } from "../errs/errs.js";
import type { OpenedDir, Root } from "../workspace/root.js";
import { openCanonicalDir, parentOf } from "./held-dirs.js";

export interface ListedFile {
  /** Relative to the workspace. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/** Looks files up through the root in the background, a slice in each turn of the event loop. */
export interface Lookup {
  /** Queues a path relative to the root, without links. */
  add(path: string): void;
  /** What stands at the paths, in their order; all but regular files are left out. Faults: CANCELLED, SERVER_BUSY. */
  done(): Promise<LookedUp>;
  /** Drops what is still queued. */
  stop(): void;
}

export interface LookedUp {
  readonly files: ListedFile[];
  /** Paths that were not found, because they are not valid UTF-8. */
  readonly unnameable: number;
}

/** Files in one turn; about five milliseconds. */
const sliceFiles = 400;

export function createLookup(root: Root, signal: AbortSignal): Lookup {
  const files: ListedFile[] = [];
  let unnameable = 0;
  let queue: string[] = [];
  let working: Promise<void> | undefined;
  let failure: unknown;

  async function work(): Promise<void> {
    try {
      while (queue.length > 0) {
        await setImmediate();
        if (signal.aborted) throw new Fault("CANCELLED", "the call was cancelled");
        lookUp(queue.splice(0, sliceFiles));
      }
    } catch (error) {
      failure ??= error;
      queue = [];
    }
    working = undefined;
  }

  /** Paths of one directory come one after another, but for its folders between them: one stays open at a time. */
  function lookUp(paths: readonly string[]): void {
    let at = 0;
    while (at < paths.length) {
      const dir = parentOf(paths[at] as string);
      const opened = openCanonicalDir(root, dir);
      try {
        for (; at < paths.length && parentOf(paths[at] as string) === dir; at++)
          keep(paths[at] as string, opened);
      } finally {
        opened?.close();
      }
    }
  }

  function keep(path: string, dir: OpenedDir | undefined): void {
    const stat = dir?.lstatChild(path.slice(path.lastIndexOf("/") + 1));
    if (stat?.isFile()) files.push({ path, sizeBytes: Number(stat.size), modifiedMs: Number(stat.mtimeMs) });
    else if (path.includes("\ufffd")) unnameable++;
  }

  return {
    add(path) {
      queue.push(path);
      working ??= work();
    },
    async done() {
      await working;
      if (failure !== undefined) throw failure;
      return { files, unnameable };
    },
    stop() {
      queue = [];
    },
  };
}
