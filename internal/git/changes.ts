import { inWorkspace } from "./records.js";

/** One file of a diff. */
export interface FileChange {
  /** Relative to the workspace. */
  readonly path: string;
  readonly oldPath: string | undefined;
  readonly status: "added" | "copied" | "deleted" | "modified" | "renamed" | "type_changed" | "unmerged";
  readonly binary: boolean;
  /** Lines; 0 for a binary file. */
  readonly additions: number;
  readonly deletions: number;
}

/** What git prints for `changeArguments`: the files, then the patch. */
export interface Changes {
  readonly files: readonly FileChange[];
  readonly patch: Buffer;
  /** The list of files itself was cut. */
  readonly incomplete: boolean;
}

/** Room for the list of files, on top of what is kept of the patch. */
export const maxListBytes = 1 << 20;

/** Arguments of the diff family of commands for an answer that parseChanges reads, whatever is configured. */
export function changeArguments(
  top: string,
  { patch, contextLines }: { patch: boolean; contextLines: number },
): string[] {
  return [
    "--raw",
    "--numstat",
    "-z",
    ...(patch ? ["--patch", `--unified=${contextLines}`] : []),
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--no-relative",
    "--find-renames",
    "--inter-hunk-context=0",
    "--submodule=short",
    "-O/dev/null",
    `--src-prefix=a/${inWorkspace(top, "")}`,
    `--dst-prefix=b/${inWorkspace(top, "")}`,
  ];
}

const statuses: Readonly<Record<string, FileChange["status"]>> = {
  A: "added",
  C: "copied",
  D: "deleted",
  M: "modified",
  R: "renamed",
  T: "type_changed",
  U: "unmerged",
};

/**
 * Takes apart the output of a command with changeArguments (git-diff(1), "Raw output format" and "Other diff formats"):
 * records of --raw, records of --numstat, an empty record, then the patch.
 */
export function parseChanges(output: Buffer, top: string): Changes {
  const files = new Map<string, FileChange>();
  let at = 0;

  function next(): string | undefined {
    const end = output.indexOf(0, at);
    if (end === -1) return undefined;
    const text = output.toString("utf8", at, end);
    at = end + 1;
    return text;
  }

  const withPaths = (twoPaths: boolean): { path: string; oldPath: string | undefined } | undefined => {
    const first = next();
    const second = twoPaths ? next() : first;
    if (first === undefined || second === undefined) return undefined;
    return { path: inWorkspace(top, second), oldPath: twoPaths ? inWorkspace(top, first) : undefined };
  };

  for (let record = next(); record !== undefined; record = next()) {
    if (record === "") return { files: [...files.values()], patch: output.subarray(at), incomplete: false };
    const letter = /^:.* ([A-Z])\d*$/.exec(record)?.[1];
    const counts = /^(-|\d+)\t(-|\d+)\t(.*)$/s.exec(record);
    if (letter !== undefined) {
      const paths = withPaths(letter === "R" || letter === "C");
      if (paths === undefined) break;
      // A file in conflict comes twice: as unmerged, then with how the work tree differs from our side.
      if (files.get(paths.path)?.status === "unmerged") continue;
      const status = statuses[letter] ?? "modified";
      files.set(paths.path, { ...paths, status, binary: false, additions: 0, deletions: 0 });
    } else if (counts !== null) {
      const [, added, deleted, name] = counts;
      const path = name === "" ? withPaths(true)?.path : inWorkspace(top, name as string);
      const file = path === undefined ? undefined : files.get(path);
      if (file === undefined) continue;
      const binary = added === "-";
      files.set(file.path, {
        ...file,
        binary,
        additions: file.additions + (binary ? 0 : Number(added)),
        deletions: file.deletions + (binary ? 0 : Number(deleted)),
      });
    }
  }
  return { files: [...files.values()], patch: Buffer.alloc(0), incomplete: at < output.length };
}

/**
 * The files whose patch does not come whole in `shown`, the beginning of the patch: those from its last file on. At most
 * one more is named, where a conflict left nothing in the work tree.
 */
export function filesLeft<T extends FileChange>(files: readonly T[], shown: string): readonly T[] {
  const begun = shown.match(/^(?:diff --git |\* Unmerged path .*\n(?:diff --git )?)/gm)?.length ?? 0;
  let patches = 0;
  const whole = files.findIndex(({ status }) => {
    // Another kind of file in the place of one comes as a deletion and an addition.
    patches += status === "type_changed" ? 2 : 1;
    return patches >= begun;
  });
  return files.slice(Math.max(0, whole));
}
