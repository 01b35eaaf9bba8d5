import { Fault } from "../errs/errs.js";
import type { HunkMiss } from "./hunks.js";
import { haystack, locate, oldSide } from "./match.js";
import { nearestRegion } from "./nearest.js";
import type { Hunk, Patch } from "./parse.js";
import { type Line, parseText } from "./text.js";

export interface HunkFailure extends HunkMiss {
  readonly path: string;
  readonly text: string;
  readonly sha256: string;
  readonly hunks: readonly Hunk[];
  readonly patch: Patch;
  /** All operations of the patch have their result in place already. */
  readonly alreadyApplied: boolean;
}

/** Lines of context around a region that is shown. */
const margin = 2;
const maxShownLines = 40;
const maxShownWidth = 200;
const maxCandidates = 5;
/** Longer patches are not repeated whole in a retry. */
const maxRetryBytes = 32 << 10;

/** Why a hunk could not be placed, with what is needed to place it. */
export function hunkFault(failure: HunkFailure): Fault {
  const hunk = failure.hunks[failure.hunkIndex] as Hunk;
  const { lines } = parseText(failure.text);
  const { miss, path } = failure;
  const common = { path, hunk_index: failure.hunkIndex, sha256: failure.sha256 };
  const where = `hunk ${failure.hunkIndex + 1} of ${failure.hunks.length} for ${JSON.stringify(path)}`;
  if (miss.kind === "several") {
    const candidates = miss.at.slice(0, maxCandidates).map((at) => candidate(lines, hunk, at, miss.length));
    const at = candidates.map(({ start_line }) => start_line).join(", ");
    return new Fault("PATCH_CONTEXT_AMBIGUOUS", `${where} fits in ${miss.at.length} places: lines ${at}`, {
      hint: `add context lines, or an @@ line that names the enclosing function, until it fits in one; ready for line ${candidates[0]?.start_line}:\n${candidates[0]?.hunk}`,
      details: { ...common, match_count: miss.at.length, candidates },
    });
  }
  const details = { ...common, match_count: 0, already_applied: failure.alreadyApplied };
  if (failure.alreadyApplied) {
    return new Fault(
      "PATCH_CONTEXT_NOT_FOUND",
      `the patch is applied already: ${where} finds its result in place`,
      {
        hint: "nothing needs to be done; read the file to make sure",
        details: { ...details, next_action: { tool: "read_file", arguments: { path } } },
      },
    );
  }
  return notFound({ failure, hunk, lines, where, details });
}

interface NotFound {
  readonly failure: HunkFailure;
  readonly hunk: Hunk;
  readonly lines: readonly Line[];
  readonly where: string;
  readonly details: Readonly<Record<string, unknown>>;
}

function notFound({ failure, hunk, lines, where, details }: NotFound): Fault {
  const { miss, path, patch } = failure;
  const old = oldSide(hunk);
  const elsewhere = miss.kind === "none" ? miss.elsewhere : [];
  const anchor = miss.kind === "none" ? miss.anchor : undefined;
  const why =
    anchor !== undefined && elsewhere.length > 0
      ? `its lines stand at line ${(elsewhere[0] ?? 0) + 1}, but not below the anchor ${JSON.stringify(anchor)}`
      : anchor !== undefined && old.length === 0
        ? `its anchor ${JSON.stringify(anchor)} is not there`
        : hunk.endOfFile
          ? "its lines are not at the end of the file"
          : "its lines are not there";
  const region = nearestRegion(lines, old.length === 0 && anchor !== undefined ? [anchor] : old);
  if (region === undefined) {
    return new Fault("PATCH_CONTEXT_NOT_FOUND", `${where}: ${why}`, {
      hint: "nothing in the file is like it; read it again",
      details: { ...details, next_action: { tool: "read_file", arguments: { path } } },
    });
  }
  const start = Math.max(1, region.start - margin);
  const end = Math.min(lines.length, Math.max(region.end, region.start) + margin, start + maxShownLines - 1);
  const nearest = { start_line: start, end_line: end, text: numbered(lines, start, end) };
  const retry = retryPatch(patch, hunk, lines.slice(region.start - 1, region.end), region.equal);
  const next = { tool: "read_file", arguments: { path, start_line: start, end_line: end } };
  return new Fault("PATCH_CONTEXT_NOT_FOUND", `${where}: ${why}`, {
    hint: `copy the lines as they are; the nearest are lines ${start}-${end}:\n${nearest.text}`,
    details: {
      ...details,
      nearest,
      next_action: next,
      ...(retry === undefined ? {} : { retry: { tool: "apply_patch", arguments: { patch: retry } } }),
    },
  });
}

function numbered(lines: readonly Line[], start: number, end: number): string {
  return lines
    .slice(start - 1, end)
    .map(({ text }, i) => {
      const shown = text.length > maxShownWidth ? `${text.slice(0, maxShownWidth)}…` : text;
      return `${start + i}: ${shown}`;
    })
    .join("\n");
}

/**
 * The patch with the hunk's old lines as they really are, to be sent if it is what was meant; only where line stands
 * against line and at least half of them agree.
 */
function retryPatch(patch: Patch, hunk: Hunk, actual: readonly Line[], equal: number): string | undefined {
  const old = oldSide(hunk);
  if (hunk.blankTail > 0 || actual.length !== old.length || equal * 2 < old.length) return undefined;
  if (hunk.lines.length !== hunk.to - hunk.from) return undefined;
  let next = 0;
  const body = hunk.lines.map(({ op, text }) => `${op}${op === "+" ? text : (actual[next++]?.text ?? "")}`);
  const all = [...patch.lines.slice(0, hunk.from), ...body, ...patch.lines.slice(hunk.to)].join("\n");
  return Buffer.byteLength(all) > maxRetryBytes ? undefined : all;
}

interface Candidate {
  readonly start_line: number;
  readonly end_line: number;
  /** The hunk with enough of the file's lines before and behind it to fit here only. */
  readonly hunk: string;
}

function candidate(lines: readonly Line[], hunk: Hunk, at: number, length: number): Candidate {
  const end = at + length;
  const body = hunk.lines.slice(0, hunk.lines.length - (oldSide(hunk).length - length));
  const file = haystack(lines);
  for (let more = 1; ; more++) {
    const from = Math.max(0, at - more);
    const to = Math.min(lines.length, end + more);
    const context = (part: readonly Line[]): Hunk["lines"] =>
      part.map(({ text }) => ({ op: " ", text, eol: undefined }));
    // A pure insert stands below its anchor line, which becomes context.
    const grown = [
      ...context(lines.slice(from, body.every(({ op }) => op === "+") ? end : at)),
      ...body,
      ...context(lines.slice(end, to)),
    ];
    const place = locate(file, { ...hunk, anchors: [], lines: grown, blankTail: 0 });
    const done = !("kind" in place) || more >= 10 || (from === 0 && to === lines.length);
    if (!done) continue;
    const text = ["@@", ...grown.map(({ op, text: line }) => `${op}${line}`)].join("\n");
    return { start_line: at + 1, end_line: end, hunk: text };
  }
}
