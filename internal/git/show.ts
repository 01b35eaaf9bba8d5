import { randomUUID } from "node:crypto";
import { Fault } from "../errs/errs.js";
import {
  type Changes,
  changeArguments,
  type FileChange,
  filesLeft,
  maxListBytes,
  parseChanges,
} from "./changes.js";
import { type CutText, cutText } from "./cut-text.js";
import type { Git, GitPlace } from "./git.js";
import { checkSingleRevision } from "./revision.js";

export interface ShowRequest {
  readonly paths: readonly string[];
  /** A commit, a tag, or `commit:path` for a file or directory as it was. */
  readonly rev: string;
  readonly includeDiff: boolean;
  readonly contextLines: number;
  readonly maxBytes: number;
}

export interface Show {
  readonly content: CutText;
  readonly files: readonly FileChange[];
  /** Files whose patch was cut or left out. */
  readonly left: readonly FileChange[];
}

const binaryProbeBytes = 8000;

/**
 * One commit with its changes (a merge: against its first parent), or another object's content. Faults: NOT_FOUND,
 * INVALID_ARGUMENT, BINARY_FILE.
 */
export async function readShow(git: Git, place: GitPlace, request: ShowRequest): Promise<Show> {
  const { paths, rev, includeDiff, contextLines, maxBytes } = request;
  checkSingleRevision(rev);
  // Sets the commit apart from a tag's text before it; nothing in the repository can say the same.
  const mark = randomUUID();
  const message = "commit %H%nAuthor: %aN <%aE>%nDate:   %aI%n%n%B";
  const args = [
    "show",
    `--format=${mark}${message}%x00${mark}`,
    ...changeArguments(place.top, { patch: includeDiff, contextLines }),
    "--diff-merges=first-parent",
    "--root",
    "--no-notes",
    "--encoding=UTF-8",
    "--end-of-options",
    rev,
    "--",
    ...paths,
  ];
  const { stdout, cut } = await git.run(place, args, maxListBytes + maxBytes);
  const { header, changes } = takeApart(stdout, mark, place.top);
  if (header.subarray(0, binaryProbeBytes).includes(0)) {
    throw new Fault("BINARY_FILE", `${JSON.stringify(rev)} is a binary file`);
  }
  const content = Buffer.concat([header, changes.patch]);
  const text = cutText(content, { maxBytes, cut: cut || changes.incomplete });
  const { files } = changes;
  return { content: text, files, left: text.cutBy === undefined ? [] : filesLeft(files, text.text) };
}

/** The words before the changes, and those; an object that is no commit is all words. */
function takeApart(output: Buffer, mark: string, top: string): { header: Buffer; changes: Changes } {
  const start = output.indexOf(mark);
  if (start === -1) {
    return { header: output, changes: { files: [], patch: Buffer.alloc(0), incomplete: false } };
  }
  const found = output.indexOf(`\0${mark}`);
  const end = found === -1 ? output.length : found;
  const [facts = "", ...message] = output.toString("utf8", start + mark.length, end).split(/(?<=\n\n)/);
  const words = facts + message.join("").replace(/^(?=.)/gm, "    ");
  // A record end, and a newline where there are changes, set the message apart from them.
  let begin = end + 1 + mark.length;
  while (output[begin] === 0 || output[begin] === 10) begin += 1;
  return {
    header: Buffer.concat([output.subarray(0, start), Buffer.from(`${words}\n`)]),
    changes: parseChanges(output.subarray(begin), top),
  };
}
