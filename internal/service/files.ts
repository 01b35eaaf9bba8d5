import { mkdir, rm, rmdir } from "node:fs/promises";
import { dirname } from "node:path";
import { errnoOf, Fault } from "../errs/errs.js";
import { writeFileAtomic } from "../fsx/atomic.js";

/** Writes a file that the service manager reads; no secret stands in it. Throws PERMISSION. */
export async function putFile(path: string, text: string): Promise<string> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFileAtomic(path, text, 0o644);
    return path;
  } catch (error) {
    if (errnoOf(error) !== "EACCES" && errnoOf(error) !== "EPERM") throw error;
    throw new Fault("PERMISSION", `not allowed to write ${path}`, {
      hint: "a system service is installed by root: sudo",
      cause: error,
    });
  }
}

/** Removes files; returns those that were there. */
export async function removeFiles(paths: readonly string[]): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const path of paths) {
    try {
      await rm(path);
      removed.push(path);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
    }
  }
  return removed;
}

/** Removes a folder unless something is in it. */
export async function removeEmpty(path: string): Promise<void> {
  await rmdir(path).catch((error: unknown) => {
    if (!["ENOENT", "ENOTEMPTY", "EEXIST"].includes(errnoOf(error) ?? "")) throw error;
  });
}

/** Takes every step, whatever becomes of those before it, and throws the first failure. */
export async function takeAll(steps: readonly (() => Promise<unknown>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) await step().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}
