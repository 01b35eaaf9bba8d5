import { appendFileSync, mkdirSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { LogStream } from "./log.js";

export interface RotatingFileOptions {
  /** A file is put aside before it grows beyond this. */
  readonly maxBytes: number;
  /** Files put aside, as PATH.1 (the latest) and so on. */
  readonly keep: number;
}

/** A log file for where no service manager keeps the log. What cannot be written is lost, and the program goes on. */
export function createRotatingFile(path: string, { maxBytes, keep }: RotatingFileOptions): LogStream {
  let size: number | undefined;
  return {
    write(text) {
      try {
        size ??= open(path);
        const bytes = Buffer.byteLength(text);
        if (size > 0 && size + bytes > maxBytes) {
          rotate(path, keep);
          size = 0;
        }
        appendFileSync(path, text, { mode: 0o600 });
        size += bytes;
        return true;
      } catch {
        // The folder may have been removed: the next line looks again.
        size = undefined;
        return false;
      }
    },
    on: () => {},
  };
}

/** How much is in it already. */
function open(path: string): number {
  mkdirSync(dirname(path), { recursive: true });
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function rotate(path: string, keep: number): void {
  for (let n = keep - 1; n >= 1; n--) move(`${path}.${n}`, `${path}.${n + 1}`);
  move(path, `${path}.1`);
}

function move(from: string, to: string): void {
  if (statSync(from, { throwIfNoEntry: false }) !== undefined) renameSync(from, to);
}
