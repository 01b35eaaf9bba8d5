import { Fault } from "../errs/errs.js";
import { type OwnedFileOptions, readOwnedFile } from "./owned.js";

/** Bytes; no key or token is longer. */
const secretLimit = 64 * 1024;

/**
 * The text of a secret file without the white space around it, or undefined when the file does not exist. It must be a
 * regular file of at most 64 KiB that belongs to `uid` or root and grants nothing to anybody else; `access` as in
 * OwnedFileOptions.
 *
 * @throws Fault PERMISSION with the command that puts it right; Fault FAILED when it is empty, too long or unreadable.
 */
export function readSecretFile(
  path: string,
  { uid, access = "private" }: Pick<OwnedFileOptions, "uid"> & Partial<Pick<OwnedFileOptions, "access">>,
): string | undefined {
  const bytes = readOwnedFile(path, { uid, access, limit: secretLimit });
  if (bytes === undefined) return undefined;
  const text = bytes.toString("utf8").trim();
  bytes.fill(0);
  if (text === "") throw new Fault("FAILED", `${path} is empty, it should hold a secret`);
  return text;
}
