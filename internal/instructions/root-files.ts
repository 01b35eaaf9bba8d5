import { createHash } from "node:crypto";
import { readSync } from "node:fs";
import { messageOf } from "../errs/errs.js";
import type { OpenedFile, Root } from "../workspace/root.js";

/** Names of instruction files, in the order in which they are shown. */
export const instructionNames: readonly string[] = ["AGENTS.md", "AGENTS.MD", "CLAUDE.md", "CLAUDE.MD"];

/** An instruction file at the top of the workspace. */
export interface RootFile {
  readonly path: string;
  readonly text: string;
  /** Size of the whole file. */
  readonly bytes: number;
  readonly truncated: boolean;
  /** Digest of `text`. */
  readonly mark: string;
}

const maxFileBytes = 16 << 10;
const maxTotalBytes = 32 << 10;

/** Reads them afresh: 16 KiB each, 32 KiB in all. A file that has several of the names is read once. */
export function readRootFiles(root: Root): { files: readonly RootFile[]; warnings: readonly string[] } {
  const files: RootFile[] = [];
  const warnings: string[] = [];
  const seen = new Set<string>();
  let left = maxTotalBytes;
  for (const name of namesPresent(root)) {
    let opened: OpenedFile | undefined;
    try {
      opened = root.openFile(name);
      const { dev, ino } = opened.stat;
      if (seen.has(`${dev}:${ino}`)) continue;
      seen.add(`${dev}:${ino}`);
      const file = readStart(opened, name, Math.min(maxFileBytes, left));
      if (file.text.trim() === "" && !file.truncated) continue;
      files.push(file);
      left -= Buffer.byteLength(file.text);
      if (file.truncated) warnings.push(`${name} is cut after ${Buffer.byteLength(file.text)} bytes`);
    } catch (error) {
      warnings.push(`${name} is left out: ${isNotUtf8(error) ? "it is not UTF-8" : messageOf(error)}`);
    } finally {
      opened?.close();
    }
  }
  return { files, warnings };
}

function namesPresent(root: Root): string[] {
  const top = root.openDir(".");
  try {
    return instructionNames.filter((name) => top.lstatChild(name) !== undefined);
  } finally {
    top.close();
  }
}

/** The first `maxBytes` bytes, cut between characters. Throws when they are not UTF-8. */
function readStart({ fd, stat }: OpenedFile, path: string, maxBytes: number): RootFile {
  const buffer = Buffer.alloc(maxBytes + 1);
  const length = readSync(fd, buffer, 0, buffer.length, 0);
  const truncated = length > maxBytes;
  let end = Math.min(length, maxBytes);
  while (truncated && end > 0 && ((buffer[end] as number) & 0xc0) === 0x80) end--;
  const text = new TextDecoder("utf-8", { fatal: true }).decode(buffer.subarray(0, end));
  const mark = createHash("sha256").update(text).digest("hex").slice(0, 12);
  return { path, text, bytes: Number(stat.size), truncated, mark };
}

function isNotUtf8(error: unknown): boolean {
  return (error as { code?: unknown }).code === "ERR_ENCODING_INVALID_ENCODED_DATA";
}
