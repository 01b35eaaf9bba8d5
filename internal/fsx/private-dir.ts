import { lstatSync, mkdirSync } from "node:fs";
import { errnoOf, Fault } from "../errs/errs.js";
import { accessFault } from "./fault.js";
import { octal, quoted } from "./owned.js";

/**
 * Makes sure that `path` is a directory only `uid` can enter: created with mode 0700 (missing parents too), or already
 * there with that owner and nothing granted to others. An existing directory is never changed; a symlink is refused,
 * because its target could be exchanged after the check.
 *
 * @throws Fault PERMISSION with the command that puts it right; Fault FAILED when it cannot be made.
 */
export function ensurePrivateDir(path: string, { uid }: { readonly uid: number }): void {
  create(path);
  const stat = lstatSync(path);
  if (!stat.isDirectory()) {
    throw new Fault("PERMISSION", `${path} is not a directory`, { hint: "symlinks are not followed here" });
  }
  if (stat.uid !== uid) {
    throw new Fault("PERMISSION", `${path} belongs to uid ${stat.uid}, not to uid ${uid}`, {
      hint: "choose another directory, or change its owner",
    });
  }
  if ((stat.mode & 0o077) !== 0) {
    throw new Fault("PERMISSION", `${path} is open to others, it has mode ${octal(stat.mode)}`, {
      hint: `run: chmod 700 ${quoted(path)}`,
    });
  }
}

function create(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw accessFault("create", path, error);
  }
}
