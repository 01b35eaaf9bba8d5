import type { Git, GitPlace } from "./git.js";
import { inWorkspace, records } from "./records.js";

export interface StatusEntry {
  /** Relative to the workspace; ends in a slash for a directory that is untracked as a whole. */
  readonly path: string;
  /** Where a renamed or copied file was before. */
  readonly originalPath: string | undefined;
  /** One letter each as `git status --porcelain` has it: " " unchanged, "?" untracked, "U" and others in a conflict. */
  readonly index: string;
  readonly worktree: string;
  readonly conflicted: boolean;
  /** What has changed in a submodule; undefined for anything else. */
  readonly submodule: readonly ("commit" | "modified" | "untracked")[] | undefined;
}

export interface Status {
  /** Undefined when no branch is checked out. */
  readonly branch: string | undefined;
  /** Undefined before the first commit. */
  readonly head: string | undefined;
  readonly upstream: string | undefined;
  /** Commits; undefined when there is no upstream, or it is gone. */
  readonly ahead: number | undefined;
  readonly behind: number | undefined;
  readonly entries: readonly StatusEntry[];
  readonly truncated: boolean;
}

export interface StatusRequest {
  readonly paths: readonly string[];
  readonly includeUntracked: boolean;
  readonly maxEntries: number;
}

/** Room for an entry with its paths; longer ones leave room for fewer entries. */
const entryBytes = 512;

/** The state of the index and the work tree, by `git status --porcelain=v2` (git-status(1)). */
export async function readStatus(git: Git, place: GitPlace, request: StatusRequest): Promise<Status> {
  const { paths, includeUntracked, maxEntries } = request;
  const args = [
    "status",
    "--porcelain=v2",
    "-z",
    "--branch",
    "--ahead-behind",
    "--find-renames",
    `--untracked-files=${includeUntracked ? "normal" : "no"}`,
    "--",
    ...paths,
  ];
  const { stdout, cut } = await git.run(place, args, (maxEntries + 8) * entryBytes);
  const status = parseStatus(records(stdout), place.top);
  return {
    ...status,
    entries: status.entries.slice(0, maxEntries),
    truncated: cut || status.entries.length > maxEntries,
  };
}

function parseStatus(lines: readonly string[], top: string): Omit<Status, "truncated"> {
  const headers = new Map<string, string>();
  const entries: StatusEntry[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as string;
    const header = /^# branch\.(\w+) (.*)$/s.exec(line);
    if (header !== null) {
      headers.set(header[1] as string, header[2] as string);
      continue;
    }
    const original = line.startsWith("2 ") ? lines[++at] : undefined;
    const entry = parseEntry(line, original, top);
    if (entry !== undefined) entries.push(entry);
  }
  const ab = /^\+(\d+) -(\d+)$/.exec(headers.get("ab") ?? "");
  const head = headers.get("head");
  const oid = headers.get("oid");
  return {
    branch: head === "(detached)" ? undefined : head,
    head: oid === "(initial)" ? undefined : oid,
    upstream: headers.get("upstream"),
    ahead: ab === null ? undefined : Number(ab[1]),
    behind: ab === null ? undefined : Number(ab[2]),
    entries,
  };
}

/** Fields before the path, by the kind of the line. */
const leading: Readonly<Record<string, number>> = { "1": 8, "2": 9, u: 10, "?": 1 };

/** Undefined for a line of a kind that is not known, or whose second path was cut off. */
function parseEntry(line: string, original: string | undefined, top: string): StatusEntry | undefined {
  const kind = line.slice(0, 1);
  const count = leading[kind];
  if (count === undefined || (kind === "2" && original === undefined)) return undefined;
  const fields = line.split(" ");
  const [, xy = "??", sub = ""] = fields;
  const states = kind === "?" ? "??" : xy.replaceAll(".", " ");
  return {
    path: inWorkspace(top, fields.slice(count).join(" ")),
    originalPath: original === undefined ? undefined : inWorkspace(top, original),
    index: states.slice(0, 1),
    worktree: states.slice(1, 2),
    conflicted: kind === "u",
    submodule: kind === "?" || !sub.startsWith("S") ? undefined : submoduleChanges(sub),
  };
}

/** The field is S, then C, M, U or dots. */
function submoduleChanges(field: string): NonNullable<StatusEntry["submodule"]> {
  const changes = [
    field[1] === "C" && "commit",
    field[2] === "M" && "modified",
    field[3] === "U" && "untracked",
  ] as const;
  return changes.filter((change) => change !== false);
}
