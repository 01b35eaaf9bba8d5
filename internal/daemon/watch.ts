import { statSync } from "node:fs";
import type { Clock } from "../clock/clock.js";

export interface WatchOptions {
  readonly path: string;
  /** What `fingerprint` said before the file was last read. */
  readonly since: string;
  readonly clock: Clock;
  /** Called once for each save, when the file has come to rest. */
  readonly onChange: () => void;
}

/** A save is told after one to two of these. */
const lookEveryMs = 250;

/**
 * Watches one file by looking at it: a stat sees every way of saving it, through any chain of links, on any file
 * system, and after its folder was replaced, all of which file events miss in one case or another. An editor that
 * saves in several steps (truncate, then write) is waited for: a change counts when two looks agree. Never gives up.
 * Returns the function that stops it.
 */
export function watchFile({ path, since, clock, onChange }: WatchOptions): () => void {
  let told = since;
  let seen = since;
  let cancel = clock.after(lookEveryMs, look);
  return () => cancel();

  function look(): void {
    const now = fingerprint(path);
    cancel = clock.after(lookEveryMs, look);
    if (now === seen && now !== told) {
      told = now;
      onChange();
    }
    seen = now;
  }
}

/** Changes whenever what a reader of `path` gets may have changed: content, permissions, or that there is no file. */
export function fingerprint(path: string): string {
  try {
    const { dev, ino, mode, size, ctimeNs } = statSync(path, { bigint: true });
    return `${dev} ${ino} ${mode} ${size} ${ctimeNs}`;
  } catch {
    return "unreadable";
  }
}
