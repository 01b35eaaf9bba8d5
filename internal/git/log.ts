import { Fault } from "../errs/errs.js";
import type { Git, GitPlace } from "./git.js";
import { records } from "./records.js";
import { checkRevision } from "./revision.js";

export interface Commit {
  readonly hash: string;
  readonly shortHash: string;
  readonly authorName: string;
  readonly authorEmail: string;
  /** ISO 8601 with the author's own offset. */
  readonly authorDate: string;
  readonly subject: string;
}

export interface LogRequest {
  readonly paths: readonly string[];
  /** A revision or a range of them. */
  readonly ref: string;
  readonly maxCount: number;
  readonly skip: number;
}

export interface Log {
  readonly commits: readonly Commit[];
  /** There are older ones. */
  readonly truncated: boolean;
}

const fieldsPerCommit = 6;
const maxBytes = 1 << 20;

/** Commits reachable from `ref`, newest first. None before the first commit. Faults: NOT_FOUND, INVALID_ARGUMENT. */
export async function readLog(git: Git, place: GitPlace, request: LogRequest): Promise<Log> {
  const { paths, ref, maxCount, skip } = request;
  checkRevision(ref);
  const args = [
    "log",
    "-z",
    "--format=%H%x00%h%x00%aN%x00%aE%x00%aI%x00%s",
    `--max-count=${maxCount + 1}`,
    `--skip=${skip}`,
    "--no-patch",
    "--no-follow",
    "--encoding=UTF-8",
    "--end-of-options",
    ref,
    "--",
    ...paths,
  ];
  try {
    const { stdout, cut } = await git.run(place, args, maxBytes);
    const commits = parseLog(records(stdout));
    return { commits: commits.slice(0, maxCount), truncated: cut || commits.length > maxCount };
  } catch (error) {
    // So git says it of a branch without commits; a HEAD that is damaged has other words.
    const isUnborn = ref === "HEAD" && error instanceof Fault && error.message.includes("bad revision");
    if (isUnborn) return { commits: [], truncated: false };
    throw error;
  }
}

function parseLog(fields: readonly string[]): Commit[] {
  const commits: Commit[] = [];
  for (let at = 0; at + fieldsPerCommit <= fields.length; at += fieldsPerCommit) {
    const [hash, shortHash, authorName, authorEmail, authorDate, subject] = fields.slice(at) as [
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    commits.push({ hash, shortHash, authorName, authorEmail, authorDate, subject });
  }
  return commits;
}
