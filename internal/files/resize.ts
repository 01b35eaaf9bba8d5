import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { missingSharp } from "./resize-protocol.js";

export interface ResizeRequest {
  readonly bytes: Buffer;
  /** The result fits into this box, its proportions kept. */
  readonly maxWidth: number;
  readonly maxHeight: number;
  readonly maxBytes: number;
}

/** The smaller image, or why there is none; a hostile image is no reason to fail a call. */
export type Resized = { readonly bytes: Buffer } | { readonly failed: string };

export type ResizeImage = (request: ResizeRequest, signal: AbortSignal) => Promise<Resized>;

export interface ResizerOptions {
  readonly execPath?: string;
  readonly workerPath?: string;
  readonly timeoutMs?: number;
}

const defaultWorker = fileURLToPath(new URL("./resize-worker.js", import.meta.url));

/**
 * Resizes images in a child process that lives for one image: decoders are where hostile images strike, and what they
 * do to that process, or make it allocate, is gone with it. The child is killed after `timeoutMs` (15 s), when it
 * writes more than `maxBytes`, or when the signal fires (then it rejects with the signal's reason).
 */
export function createResizer({
  execPath = process.execPath,
  workerPath = defaultWorker,
  timeoutMs = 15_000,
}: ResizerOptions = {}): ResizeImage {
  return async ({ bytes, maxWidth, maxHeight, maxBytes }, signal) => {
    signal.throwIfAborted();
    const child = spawn(execPath, [workerPath, String(maxWidth), String(maxHeight)], {
      stdio: ["pipe", "pipe", "ignore"],
      env: {},
      signal,
      timeout: timeoutMs,
      killSignal: "SIGKILL",
    });
    const chunks: Buffer[] = [];
    let size = 0;
    child.stdout.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) child.kill("SIGKILL");
      else chunks.push(chunk);
    });
    // The child may end before it has read everything; how it ended says why.
    child.stdin.on("error", () => undefined);
    child.stdin.end(bytes);
    // Comes before "close", which every child ends with, even one that did not start.
    let error: Error | undefined;
    child.once("error", (reason) => {
      error = reason;
    });
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    signal.throwIfAborted();
    if (error !== undefined) return { failed: `the resizer did not start: ${error.message}` };
    if (code === missingSharp) return { failed: "the optional package sharp is not installed" };
    if (size > maxBytes) return { failed: `the smaller image takes more than ${maxBytes} bytes` };
    if (code === null) return { failed: "the resizer took too long or crashed" };
    if (code !== 0 || size === 0) return { failed: "the image could not be decoded" };
    return { bytes: Buffer.concat(chunks, size) };
  };
}
