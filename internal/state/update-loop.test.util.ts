import { writeFileSync, writeSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { systemClock } from "../clock/clock.js";
import { writeFileAtomic } from "../fsx/atomic.js";
import { openStateFile } from "./state-file.js";

interface Numbered {
  count: number;
  padding: string;
}

/** Large enough that writing it takes a while. */
const padding = "x".repeat(256 * 1024);

/**
 * Updates the state at `path` for as long as the process lives, and says each number on stdout once its update was
 * acknowledged. With manner `plain` the file is written in place.
 */
export async function updateForever(path: string, manner: string | undefined): Promise<never> {
  const file = await openStateFile<Numbered>({
    path,
    uid: process.getuid?.() ?? 0,
    version: 1,
    validate: () => undefined,
    empty: () => ({ count: 0, padding }),
    clock: systemClock,
    onDamaged: (kept) => writeFileSync(`${kept}.reported`, ""),
    write: manner === "plain" ? (name, data, mode) => writeFile(name, data, { mode }) : writeFileAtomic,
  });
  for (;;) {
    const count = await file.update((draft) => ++draft.count);
    // A pipe takes it at once, so that nothing acknowledged is lost with the process.
    writeSync(1, `${count}\n`);
  }
}
