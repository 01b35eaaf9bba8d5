import { Fault } from "../errs/errs.js";
import type { OpenedDir, OpenedFile, Root } from "../workspace/root.js";

/** Opens files one after another and keeps their directories open, so that not each of them is walked to anew. */
export interface HeldDirs {
  /** Opens a file by its canonical path; undefined when there is none, or only by way of a link. Faults: SERVER_BUSY. */
  openFile(path: string): OpenedFile | undefined;
  /** Lets go of the directories; the next file opens its own again. */
  release(): void;
}

/** Several threads of ripgrep bring the files of several directories in turns. */
const maxHeld = 8;

/** A directory that is moved out of the root while it is held is still one of ours: it must not be held for long. */
export function createHeldDirs(root: Root): HeldDirs {
  /** In the order of their last use. */
  const held = new Map<string, OpenedDir>();

  function dirAt(path: string): OpenedDir | undefined {
    const dir = held.get(path) ?? openCanonicalDir(root, path);
    if (dir === undefined) return undefined;
    held.delete(path);
    held.set(path, dir);
    if (held.size > maxHeld) {
      const [oldest, unused] = held.entries().next().value as [string, OpenedDir];
      held.delete(oldest);
      unused.close();
    }
    return dir;
  }

  return {
    openFile(path) {
      const parent = parentOf(path);
      return orUndefined(() => dirAt(parent)?.openChild(path.slice(path.lastIndexOf("/") + 1)));
    },
    release() {
      for (const dir of held.values()) dir.close();
      held.clear();
    },
  };
}

/** The directory part of a path relative to the root. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "." : path.slice(0, slash);
}

/** Undefined for a directory that is gone, or no longer one of ours. Faults: SERVER_BUSY. */
export function openCanonicalDir(root: Root, path: string): OpenedDir | undefined {
  const opened = orUndefined(() => root.openDir(path));
  if (opened === undefined || opened.path === path) return opened;
  opened.close();
  return undefined;
}

/** A refusal is no news; only that there was no room to look is. */
function orUndefined<T>(open: () => T | undefined): T | undefined {
  try {
    return open();
  } catch (error) {
    if (error instanceof Fault && error.code !== "SERVER_BUSY") return undefined;
    throw error;
  }
}
