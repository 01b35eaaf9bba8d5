import { changeArguments, type FileChange, filesLeft, maxListBytes, parseChanges } from "./changes.js";
import { type CutText, cutText } from "./cut-text.js";
import type { Git, GitPlace } from "./git.js";

export interface DiffRequest {
  readonly paths: readonly string[];
  /** The work tree against the index. */
  readonly unstaged: boolean;
  /** The index against HEAD. */
  readonly staged: boolean;
  readonly contextLines: number;
  readonly maxBytes: number;
}

export interface DiffFile extends FileChange {
  readonly staged: boolean;
}

export interface Diff {
  readonly files: readonly DiffFile[];
  readonly patch: CutText;
  /** Files whose patch was cut or left out. */
  readonly left: readonly DiffFile[];
}

interface Part {
  readonly files: readonly DiffFile[];
  readonly patch: Buffer;
  readonly cut: boolean;
}

/** Changes that are not committed, as a patch whose paths are those of the workspace; what is staged comes last. */
export async function readDiff(git: Git, place: GitPlace, request: DiffRequest): Promise<Diff> {
  const wanted = [...(request.unstaged ? [false] : []), ...(request.staged ? [true] : [])];
  const parts = await Promise.all(wanted.map((staged) => readPart(git, place, request, staged)));
  const files = parts.flatMap((part) => part.files);
  const firstCut = parts.findIndex(({ cut }) => cut);
  const shown = firstCut === -1 ? parts : parts.slice(0, firstCut + 1);
  const patches = Buffer.concat(shown.map(({ patch }) => patch));
  const patch = cutText(patches, { maxBytes: request.maxBytes, cut: firstCut !== -1 });
  return { files, patch, left: patch.cutBy === undefined ? [] : filesLeft(files, patch.text) };
}

async function readPart(git: Git, place: GitPlace, request: DiffRequest, staged: boolean): Promise<Part> {
  const { paths, contextLines, maxBytes } = request;
  const args = [
    "diff",
    // A file in conflict is compared with our side; the combined format has neither counts nor, with --raw, a patch.
    staged ? "--cached" : "--ours",
    ...changeArguments(place.top, { patch: true, contextLines }),
    "--",
    ...paths,
  ];
  const { stdout, cut } = await git.run(place, args, maxListBytes + maxBytes);
  const { files, patch, incomplete } = parseChanges(stdout, place.top);
  return { files: files.map((file) => ({ ...file, staged })), patch, cut: cut || incomplete };
}
