import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout, seen from the compiled tests. */
export const checkout = fileURLToPath(new URL("../../..", import.meta.url));

/** Compiles test/sandbox/NAME.c into `directory`; scripts/install-test-deps.sh installs the compiler. */
export function compileProbe(name: string, directory: string): string {
  const output = join(directory, name);
  const source = join(checkout, "test/sandbox", `${name}.c`);
  const { status, stderr, error } = spawnSync("cc", ["-Wall", "-o", output, source], { encoding: "utf8" });
  if (status !== 0) throw error ?? new Error(stderr);
  return output;
}
