import { readSync } from "node:fs";
import { Fault } from "../errs/errs.js";
import type { OpenedFile, Root } from "../workspace/root.js";
import { readAll } from "./parsed-files.js";

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

/** Files up to this size are read at once instead of line by line. */
const smallBytes = 256 << 10;
/** ripgrep searches UTF-16 as UTF-8; to compare, the whole file has to be converted. */
const maxUtf16Bytes = 16 << 20;

/** Opens `path` to confirm what ripgrep printed of it; undefined when it is no file inside the root. */
export function openConfirmation(root: Root, path: string): Confirmation | undefined {
  let file: OpenedFile;
  try {
    file = root.openFile(path);
  } catch (error) {
    if (error instanceof Fault && error.code !== "SERVER_BUSY") return undefined;
    throw error;
  }
  // A link on the way leads to a file with a path of its own.
  if (file.path !== path) {
    file.close();
    return undefined;
  }
  try {
    return confirmationOf(file);
  } catch (error) {
    file.close();
    throw error;
  }
}

function confirmationOf(file: OpenedFile): Confirmation {
  const { close } = file;
  const mark = Buffer.alloc(3);
  readSync(file.fd, mark, 0, 3, 0);
  const utf16 =
    mark[0] === 0xff && mark[1] === 0xfe
      ? "utf-16le"
      : mark[0] === 0xfe && mark[1] === 0xff
        ? "utf-16be"
        : undefined;
  if (utf16 !== undefined && file.stat.size > maxUtf16Bytes)
    return { tooLarge: true, holds: () => false, close };
  const start = mark.equals(utf8Mark) ? utf8Mark.length : 0;
  if (utf16 === undefined && file.stat.size > smallBytes) {
    return {
      tooLarge: false,
      holds: (offset, bytes) => readBytes(file.fd, start + offset, bytes.length).equals(bytes),
      close,
    };
  }
  const raw = readAll(file);
  const content = utf16 === undefined ? raw.subarray(start) : Buffer.from(new TextDecoder(utf16).decode(raw));
  return {
    tooLarge: false,
    holds: (offset, bytes) => content.subarray(offset, offset + bytes.length).equals(bytes),
    close,
  };
}

const utf8Mark = Buffer.from([0xef, 0xbb, 0xbf]);

function readBytes(fd: number, position: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  return bytes.subarray(0, readSync(fd, bytes, 0, length, position));
}
