import { accessSync, constants } from "node:fs";
import { join } from "node:path";

/** Where systems keep their own programs; the last is NixOS. */
const places = ["/usr/bin", "/bin", "/run/current-system/sw/bin"];

/**
 * The absolute path of a program of the system; undefined when it has none. For what runs outside of the sandbox, and
 * what the sandbox is made with: PATH may name folders that clients can write to.
 */
export function systemProgram(name: string): string | undefined {
  return places.map((place) => join(place, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
