import type { BigIntStats } from "node:fs";
import type { Clock } from "../clock/clock.js";
import type { LineIndex } from "./line-index.js";

export interface IndexCache {
  /** The index of the file with this stat, if the file has not changed since. */
  get(stat: BigIntStats): LineIndex | undefined;
  /** Keeps an index made between the two stats of one file, if nothing happened to the file between them. */
  put(before: BigIntStats, after: BigIntStats, index: LineIndex): void;
}

interface Entry {
  readonly stamp: string;
  readonly index: LineIndex;
  readonly bytes: number;
}

/**
 * Time stamps are coarse: some milliseconds, two seconds on FAT. A file that changed so recently could change again
 * without its stamp changing, so its index is not kept.
 */
const settledAfterMs = 2_000;

/** A cache of line indexes, least recently used out first when together they take more than `maxBytes`. */
export function createIndexCache({ clock, maxBytes }: { clock: Clock; maxBytes: number }): IndexCache {
  const entries = new Map<string, Entry>();
  let total = 0;

  function drop(key: string, entry: Entry): void {
    entries.delete(key);
    total -= entry.bytes;
  }

  return {
    get(stat) {
      const key = keyOf(stat);
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      entries.delete(key);
      if (entry.stamp !== stampOf(stat)) {
        total -= entry.bytes;
        return undefined;
      }
      entries.set(key, entry);
      return entry.index;
    },
    put(before, after, index) {
      const stamp = stampOf(after);
      if (stamp !== stampOf(before) || clock.now() - Number(after.ctimeMs) < settledAfterMs) return;
      const key = keyOf(after);
      const old = entries.get(key);
      if (old !== undefined) drop(key, old);
      const bytes = 500 + index.markLines.length * 16;
      entries.set(key, { stamp, index, bytes });
      total += bytes;
      for (const [oldest, entry] of entries) {
        if (total <= maxBytes) break;
        drop(oldest, entry);
      }
    },
  };
}

function keyOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}

/** The change time too: the modification time can be set back by anyone who may write the file. */
function stampOf({ size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${size}:${mtimeNs}:${ctimeNs}`;
}
