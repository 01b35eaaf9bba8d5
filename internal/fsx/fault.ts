import { errnoOf, Fault } from "../errs/errs.js";

/** A failed system call on `path` as a Fault: PERMISSION when access was denied, else FAILED. */
export function accessFault(verb: string, path: string, error: unknown): Fault {
  const errno = errnoOf(error);
  const denied = errno === "EACCES" || errno === "EPERM" || errno === "EROFS";
  return new Fault(denied ? "PERMISSION" : "FAILED", `cannot ${verb} ${path}: ${errno ?? String(error)}`, {
    cause: error,
  });
}
