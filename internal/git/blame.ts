import { Fault } from "../errs/errs.js";
import type { Git, GitPlace } from "./git.js";
import { checkSingleRevision } from "./revision.js";

export interface BlameRequest {
  /** One file, relative to the top of the repository. */
  readonly path: string;
  /** Undefined: the file as it is in the work tree. */
  readonly rev: string | undefined;
  readonly startLine: number;
  /** Undefined: the end of the file. */
  readonly endLine: number | undefined;
  readonly maxLines: number;
}

export interface BlameLine {
  readonly line: number;
  /** Its number in the commit it comes from. */
  readonly originalLine: number;
  /** All zeros for a line that is not committed. */
  readonly commit: string;
  readonly author: string;
  readonly authorMail: string;
  /** Seconds since the epoch. */
  readonly authorTime: number;
  /** First line of the commit's message. */
  readonly summary: string;
  /** At most 1,000 characters of it. */
  readonly content: string;
  readonly contentCut: boolean;
}

export interface Blame {
  readonly lines: readonly BlameLine[];
  /** Lines that were asked for follow. */
  readonly truncated: boolean;
}

const maxContent = 1000;
const maxBytes = 4 << 20;

/**
 * Who last changed each line, by `git blame --porcelain` (git-blame(1)). Faults: NOT_FOUND (revision or path),
 * INVALID_ARGUMENT (the file is shorter), BINARY_FILE.
 */
export async function readBlame(git: Git, place: GitPlace, request: BlameRequest): Promise<Blame> {
  const { path, rev, startLine, endLine, maxLines } = request;
  if (rev !== undefined) checkSingleRevision(rev);
  // One line more than wanted tells whether any follow.
  const last = Math.min(endLine ?? Number.POSITIVE_INFINITY, startLine + maxLines);
  // blame knows no --end-of-options; checkSingleRevision keeps a revision from looking like one.
  const args = [
    "blame",
    "--porcelain",
    "--no-textconv",
    "--encoding=UTF-8",
    "-L",
    `${startLine},${last}`,
    ...(rev === undefined ? [] : [rev]),
    "--",
    path,
  ];
  const { stdout, cut } = await git.run(place, args, maxBytes).catch((error: unknown) => {
    const lines = error instanceof Fault ? /has only (\d+) lines?/.exec(error.message)?.[1] : undefined;
    if (lines === undefined) throw error;
    if (lines === "0") return { stdout: Buffer.alloc(0), cut: false };
    throw new Fault(
      "INVALID_ARGUMENT",
      `start_line ${startLine} is behind the end of the file, which has ${lines} lines`,
    );
  });
  if (stdout.includes(0)) throw new Fault("BINARY_FILE", `${JSON.stringify(path)} is a binary file`);
  // Of an output that was cut the last line may be missing its end.
  const lines = parseBlame(stdout.toString()).slice(0, cut ? -1 : undefined);
  return { lines: lines.slice(0, maxLines), truncated: cut || lines.length > maxLines };
}

interface Author {
  readonly author: string;
  readonly authorMail: string;
  readonly authorTime: number;
  readonly summary: string;
}

/** Each line comes as "commit original final ...", the commit's facts when it is new, then a tab and the text. */
function parseBlame(output: string): BlameLine[] {
  const authors = new Map<string, Author>();
  const lines: BlameLine[] = [];
  let facts = new Map<string, string>();
  let current: { commit: string; originalLine: number; line: number } | undefined;
  for (const text of output.split("\n")) {
    const start = /^([0-9a-f]{40,64}) (\d+) (\d+)/.exec(text);
    if (current === undefined && start !== null) {
      current = { commit: start[1] as string, originalLine: Number(start[2]), line: Number(start[3]) };
      facts = new Map();
    } else if (current !== undefined && text.startsWith("\t")) {
      const author = authors.get(current.commit) ?? authorOf(facts);
      authors.set(current.commit, author);
      lines.push({
        ...current,
        ...author,
        content: text.slice(1, 1 + maxContent),
        contentCut: text.length > 1 + maxContent,
      });
      current = undefined;
    } else {
      const space = text.indexOf(" ");
      facts.set(text.slice(0, space), text.slice(space + 1));
    }
  }
  return lines;
}

function authorOf(facts: ReadonlyMap<string, string>): Author {
  return {
    author: facts.get("author") ?? "",
    authorMail: (facts.get("author-mail") ?? "").replace(/^<(.*)>$/, "$1"),
    authorTime: Number(facts.get("author-time") ?? 0),
    summary: facts.get("summary") ?? "",
  };
}
