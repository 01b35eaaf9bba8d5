import { existsSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import type { Clock } from "../clock/clock.js";
import { Fault, messageOf } from "../errs/errs.js";
import { writeFileAtomic } from "../fsx/atomic.js";
import { accessFault } from "../fsx/fault.js";
import { readOwnedFile } from "../fsx/owned.js";
import { ensurePrivateDir } from "../fsx/private-dir.js";
import { parseJson } from "../jsonx/parse.js";

/** Bytes; far more than any state grows to, and little enough to hold in memory. */
const sizeLimit = 16 * 1024 * 1024;

/** Told that a file could not be understood: where it is kept now, and why. */
export type OnDamaged = (kept: string, reason: string) => void;

export interface StateFileOptions<T extends object> {
  readonly path: string;
  /** The user who runs the program and owns the file. */
  readonly uid: number;
  /** Number of the format, from 1. */
  readonly version: number;
  /** Why `value` is no state of this version; undefined when it is one. */
  readonly validate: (value: unknown) => string | undefined;
  /** The state when there is no file. */
  readonly empty: () => T;
  readonly clock: Clock;
  readonly onDamaged: OnDamaged;
  /** Replaces the file whole or not at all. */
  readonly write?: typeof writeFileAtomic;
}

/** A JSON value that survives restarts. Objects directly below it have no prototype, as their keys may come from outside. */
export interface StateFile<T> {
  /** The state in force, not to be changed. */
  current(): T;
  /**
   * Lets `change` alter a deep copy and puts it in force once it is on disk; one update runs after the other, and one
   * that changes nothing writes nothing. When `change` throws, the copy is no valid state, or the write fails (Fault
   * PERMISSION or FAILED), everything stays as it was.
   */
  update<R>(change: (draft: T) => R): Promise<R>;
}

/**
 * Opens the state at `path`: JSON with a `version` beside the state's own keys, 0600 in a 0700 directory. A file that
 * cannot be understood is renamed to `<path>.damaged-<UTC time>` and reported, and the state begins empty.
 *
 * @throws Fault PERMISSION when others can reach the file or its directory.
 * @throws Fault FAILED when a newer program wrote the file, which is left as it is, or when it cannot be read.
 */
export async function openStateFile<T extends object>(options: StateFileOptions<T>): Promise<StateFile<T>> {
  const { path, uid, write = writeFileAtomic } = options;
  ensurePrivateDir(dirname(path), { uid });
  const found = read(options);
  let text = encode(options.version, found ?? options.empty());
  let state = decode(options, text);
  let onDisk = found !== undefined;
  let last: Promise<unknown> = Promise.resolve();

  return {
    current: () => state,
    update(change) {
      const done = last.then(() => apply(change));
      last = done.catch(() => {});
      return done;
    },
  };

  async function apply<R>(change: (draft: T) => R): Promise<R> {
    const draft = decode(options, text);
    const result = change(draft);
    const next = encode(options.version, draft);
    if (next === text && onDisk) return result;
    // Also shows that what is about to be written can be read again.
    const following = decode(options, next);
    await replace(next);
    text = next;
    state = following;
    return result;
  }

  async function replace(next: string): Promise<void> {
    try {
      await write(path, next, 0o600);
      onDisk = true;
    } catch (error) {
      // It may have failed after the rename, with the new state in place; the caller hears that nothing changed.
      onDisk = await write(path, text, 0o600).then(
        () => true,
        () => false,
      );
      throw error;
    }
  }
}

function read<T extends object>(options: StateFileOptions<T>): T | undefined {
  const { path, uid } = options;
  const bytes = readOwnedFile(path, { uid, access: "private", limit: sizeLimit });
  if (bytes === undefined) return undefined;
  try {
    return decode(options, bytes);
  } catch (error) {
    if (error instanceof Fault && error.code === "FAILED") throw error;
    options.onDamaged(setAside(options), messageOf(error));
    return undefined;
  }
}

function setAside({ path, clock }: Pick<StateFileOptions<object>, "path" | "clock">): string {
  const stamp = new Date(clock.now()).toISOString().replaceAll(/[-:]/g, "");
  let kept = `${path}.damaged-${stamp}`;
  // A clock that was set back must not cost an earlier file.
  for (let copy = 2; existsSync(kept); copy++) kept = `${path}.damaged-${stamp}-${copy}`;
  try {
    renameSync(path, kept);
  } catch (error) {
    throw accessFault("rename", path, error);
  }
  return kept;
}

function encode(version: number, state: object): string {
  return `${JSON.stringify({ version, ...state })}\n`;
}

/** @throws Fault FAILED for a newer version, another error for anything that is no state. */
function decode<T extends object>(
  { path, version, validate }: StateFileOptions<T>,
  text: string | Uint8Array,
): T {
  const document = parseJson(typeof text === "string" ? Buffer.from(text) : text);
  if (!isRecord(document)) throw new Error("it holds no object");
  const { version: found, ...value } = document;
  if (Number.isSafeInteger(found) && (found as number) > version) {
    throw new Fault("FAILED", `${path} has version ${found}, this program knows ${version}`, {
      hint: "install the newer program again, or move the file away to begin with an empty one",
    });
  }
  if (found !== version) throw new Error(`its version is not ${version}`);
  const reason = validate(value);
  if (reason !== undefined) throw new Error(reason);
  for (const [key, item] of Object.entries(value)) {
    if (isRecord(item)) value[key] = Object.assign(Object.create(null), item);
  }
  return value as T;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
