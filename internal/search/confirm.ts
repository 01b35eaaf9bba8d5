import { readSync } from "node:fs";
import type { OpenedFile, Root } from "../workspace/root.js";
import { createHeldDirs } from "./held-dirs.js";
import { readAll, readStart } from "./parsed-files.js";

/**
 * ripgrep opens files by name: a directory exchanged for a link while it walks can lead it anywhere. So nothing it
 * prints is passed on before the same bytes were read at the same place of a file opened inside the root.
 */
export interface Confirmation {
  /** The file is UTF-16 and too large to be converted, so that nothing can be confirmed. */
  readonly tooLarge: boolean;
  /** True when `bytes` stand at `offset`, counted the way ripgrep counts (see RgLine.offset). */
  holds(offset: number, bytes: Buffer): boolean;
  close(): void;
}

/** Confirms one file after another. */
export interface Confirmer {
  /**
   * Opens `path` to confirm what ripgrep printed of it; undefined when it is no file inside the root. The confirmation
   * before must not be asked any more.
   */
  open(path: string): Confirmation | undefined;
  /** Lets go of the directories that are kept open between two files. */
  release(): void;
}

/** Files up to this size are read at once instead of line by line. */
const smallBytes = 256 << 10;
/** ripgrep searches UTF-16 as UTF-8; to compare, the whole file has to be converted. */
const maxUtf16Bytes = 16 << 20;
const utf8Mark = Buffer.from([0xef, 0xbb, 0xbf]);

export function createConfirmer(root: Root): Confirmer {
  const dirs = createHeldDirs(root);
  const buffer = Buffer.allocUnsafeSlow(smallBytes);

  function confirmationOf(file: OpenedFile): Confirmation {
    const { close } = file;
    const small = file.stat.size <= smallBytes;
    const head = readStart(file.fd, buffer.subarray(0, small ? Number(file.stat.size) : utf8Mark.length));
    const utf16 = utf16Of(head);
    if (utf16 !== undefined) {
      if (file.stat.size > maxUtf16Bytes) return { tooLarge: true, holds: () => false, close };
      return {
        tooLarge: false,
        holds: within(Buffer.from(new TextDecoder(utf16).decode(readAll(file)))),
        close,
      };
    }
    const start = head.subarray(0, utf8Mark.length).equals(utf8Mark) ? utf8Mark.length : 0;
    if (small) return { tooLarge: false, holds: within(head.subarray(start)), close };
    return {
      tooLarge: false,
      holds: (offset, bytes) => readBytes(file.fd, start + offset, bytes.length).equals(bytes),
      close,
    };
  }

  return {
    open(path) {
      const file = dirs.openFile(path);
      try {
        return file && confirmationOf(file);
      } catch (error) {
        file?.close();
        throw error;
      }
    },
    release: dirs.release,
  };
}

function utf16Of(head: Buffer): "utf-16le" | "utf-16be" | undefined {
  if (head[0] === 0xff && head[1] === 0xfe) return "utf-16le";
  return head[0] === 0xfe && head[1] === 0xff ? "utf-16be" : undefined;
}

function within(content: Buffer): Confirmation["holds"] {
  return (offset, bytes) => content.subarray(offset, offset + bytes.length).equals(bytes);
}

function readBytes(fd: number, position: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  return bytes.subarray(0, readSync(fd, bytes, 0, length, position));
}
