import type { BigIntStats } from "node:fs";
import { errnoOf, Fault } from "../errs/errs.js";

/** `text` as it may stand in a message: in quotes, control characters escaped, cut at 200 characters. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 199)}…` : text);
}

/** The Fault for a system error met at `path`. A Fault, or an error that is none of the system's, stays as it is. */
export function systemFault(error: unknown, path: string): unknown {
  const errno = errnoOf(error);
  if (errno === undefined || error instanceof Fault) return error;
  const name = quote(path);
  switch (errno) {
    case "ENOENT":
      return new Fault("NOT_FOUND", `${name} does not exist`, { cause: error });
    case "ENOTDIR":
      return new Fault("NOT_A_DIRECTORY", `${name} is not a directory`, { cause: error });
    case "EACCES":
    case "EPERM":
      return new Fault("PERMISSION_REQUIRED", `the system denies access to ${name}`, {
        hint: "the user that runs the server needs read permission on it; no tool can grant that",
        cause: error,
      });
    case "ENAMETOOLONG":
      return new Fault("INVALID_ARGUMENT", `a name in ${name} is too long`, { cause: error });
    case "ELOOP":
      return new Fault("INVALID_ARGUMENT", `${name} leads through too many links`, { cause: error });
    case "EMFILE":
    case "ENFILE":
      return new Fault("SERVER_BUSY", `too many open files to read ${name}`, {
        hint: "try again in a moment",
        cause: error,
      });
    default:
      return new Fault("INTERNAL_ERROR", `cannot read ${name}: ${errno}`, { cause: error });
  }
}

/** The Fault for something that stands where a regular file is wanted. */
export function notAFile(stat: BigIntStats, path: string): Fault {
  if (stat.isDirectory()) return new Fault("IS_DIRECTORY", `${quote(path)} is a directory`);
  const kind = stat.isFIFO() ? "a FIFO" : stat.isSocket() ? "a socket" : "a device";
  return new Fault("INVALID_ARGUMENT", `${quote(path)} is ${kind}, not a regular file`);
}
