import { once } from "node:events";
import { statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import type { FSWatcher } from "chokidar";
import type { Clock } from "../clock/clock.js";
import { chainOf, isRemote } from "../fsx/file-chain.js";

export interface WatchOptions {
  readonly path: string;
  /** What `fingerprint` said before the file was last read. */
  readonly since: string;
  readonly clock: Clock;
  /** Called once for each save, when the file has come to rest. */
  readonly onChange: () => void;
  /** Loads chokidar, when the daemon already answers. */
  readonly chokidar?: () => Promise<Pick<typeof import("chokidar"), "watch">>;
}

/** A save is told after two of these. */
const settleMs = 160;
const blindMs = 2_000;

/**
 * Watches one file through any chain of links, and after folders on the way were replaced. Events only say when to
 * look: a change counts when two looks agree, since editors save in several steps (truncate, then write). After each
 * burst of events the chain is resolved and watched anew, because a watch stays with what was moved away. A look every
 * two seconds remains only where events cannot be relied on: when the system refuses a watch (their number is limited)
 * and on a file system that other machines change. Returns the function that stops it.
 */
export function watchFile(options: WatchOptions): () => void {
  const { path, since, clock, onChange, chokidar = () => import("chokidar") } = options;
  let told = since;
  let seen = since;
  /** The chain that is watched; empty when something happened to it. */
  let watched = "";
  let blind = false;
  let stopped = false;
  let watchers: readonly FSWatcher[] = [];
  let cancel = clock.after(settleMs, look);
  return () => {
    stopped = true;
    cancel();
    unwatch();
  };

  function lookIn(ms: number): void {
    cancel();
    if (!stopped) cancel = clock.after(ms, look);
  }

  function look(): void {
    cancel();
    const chain = chainOf(path);
    const resolved = JSON.stringify([...chain]);
    if (resolved !== watched) {
      watched = resolved;
      return void watchAnew([...chain.keys()]).catch(goBlind);
    }
    const now = fingerprint(path);
    if (now !== seen) {
      seen = now;
      return lookIn(settleMs);
    }
    if (blind) lookIn(blindMs);
    if (now === told) return;
    told = now;
    onChange();
  }

  async function watchAnew(chain: readonly string[]): Promise<void> {
    const { watch } = await chokidar();
    if (stopped) return;
    unwatch();
    const folders = [...new Set(chain.map(dirname))];
    const known = new Set([...folders, ...chain]);
    const ignored = (entry: string): boolean => !known.has(entry);
    const options = { depth: 0, followSymlinks: false, ignoreInitial: true, atomic: false, ignored };
    blind = folders.some(isRemote);
    // One for each, because one for all stops watching what is below a folder that is replaced, or below the root.
    watchers = folders.map((folder) => watch(folder, options));
    for (const watcher of watchers) watcher.on("error", goBlind).on("raw", onEvent);
    await Promise.all(watchers.map((watcher) => once(watcher, "ready")));
    // A look finds what happened before there were events.
    if (watched !== "") look();

    // The cooked events leave out changes of mode, of links to nothing, and all that follows a folder's replacement.
    function onEvent(_event: string, name: string | null, details: unknown): void {
      const { watchedPath = "" } = details as { watchedPath?: string };
      if (name !== basename(watchedPath) && ignored(resolve(watchedPath, name ?? ""))) return;
      watched = "";
      lookIn(settleMs);
    }
  }

  function unwatch(): void {
    // An error may still come from work that was under way.
    for (const watcher of watchers) {
      void watcher.close();
      watcher.on("error", () => {});
    }
  }

  function goBlind(): void {
    blind = true;
    lookIn(settleMs);
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
