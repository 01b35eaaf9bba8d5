import { Fault } from "../errs/errs.js";
import { quote } from "./faults.js";

/** A path argument taken apart, before anything is looked up. */
export interface WantedPath {
  readonly text: string;
  /** Its parts without "" and "."; may hold "..". */
  readonly names: readonly string[];
  /** It ends in a slash or dot, so only a directory will do. */
  readonly directory: boolean;
}

/** PATH_MAX of Linux, with its closing NUL. */
const maxPathBytes = 4095;

/** Takes a path argument apart. Faults: INVALID_ARGUMENT, ABSOLUTE_PATH_DENIED. */
export function parsePath(text: string): WantedPath {
  if (text === "")
    throw new Fault("INVALID_ARGUMENT", "path is empty", { hint: 'use "." for the workspace itself' });
  if (text.includes("\0")) throw new Fault("INVALID_ARGUMENT", `path ${quote(text)} holds a NUL byte`);
  // The system would quietly write U+FFFD for each of them, so a name would be checked in one form and used in another.
  if (/\p{Surrogate}/u.test(text)) {
    throw new Fault("INVALID_ARGUMENT", `path ${quote(text)} is not well-formed Unicode`);
  }
  if (Buffer.byteLength(text) > maxPathBytes) {
    throw new Fault("INVALID_ARGUMENT", `path ${quote(text)} is longer than ${maxPathBytes} bytes`);
  }
  if (text.startsWith("/")) {
    throw new Fault("ABSOLUTE_PATH_DENIED", `absolute path ${quote(text)} is denied`, {
      hint: "give the path relative to the workspace",
    });
  }
  const parts = text.split("/");
  const last = parts.at(-1);
  return {
    text,
    names: parts.filter((part) => part !== "" && part !== "."),
    directory: last === "" || last === "." || last === "..",
  };
}
