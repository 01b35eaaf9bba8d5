/** The NUL-terminated records of `output`; what comes after the last NUL, of an output that was cut, is left out. */
export function records(output: Buffer): string[] {
  return output.toString().split("\0").slice(0, -1);
}

/** A path of a repository as a path of the workspace. */
export function inWorkspace(top: string, path: string): string {
  return top === "" ? path : `${top}/${path}`;
}
