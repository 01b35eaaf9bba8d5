import type { BigIntStats } from "node:fs";
import { Fault } from "../errs/errs.js";
import { notAFile, quote } from "./faults.js";
import type { Pin, Platform } from "./platform.js";

/** A regular file opened inside a root. The caller closes it. */
export interface OpenedFile {
  readonly fd: number;
  readonly stat: BigIntStats;
  /** Canonical path relative to the root ("." is the root), links resolved, `/` separators. */
  readonly path: string;
  close(): void;
}

/** Opens a pinned thing for reading when it is a file that `uid` may read, and uses the pin up then. */
export function openPinned(
  platform: Platform,
  pin: Pin,
  { uid, text }: { uid: number; text: string },
): OpenedFile {
  if (!pin.stat.isFile()) throw notAFile(pin.stat, text);
  refuseForeignHardLink(pin.stat, uid, text);
  const fd = platform.open(pin);
  return { fd, stat: pin.stat, path: pin.path, close: () => platform.release({ ...pin, fd }) };
}

/**
 * A second name of a file elsewhere cannot be told from its path. Whoever may write here could have linked a file
 * that is not theirs to give, where the system does not forbid that (fs.protected_hardlinks = 0).
 */
export function refuseForeignHardLink(stat: BigIntStats, uid: number, text: string): void {
  if (stat.nlink === 1n || stat.uid === BigInt(uid)) return;
  throw new Fault("PATH_OUTSIDE_WORKSPACE", `${quote(text)} is a hard link to a file of another owner`, {
    hint: "access denied; copy the file instead of linking it",
  });
}
