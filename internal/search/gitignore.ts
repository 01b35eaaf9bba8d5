import { compileGlob, type GlobMatcher, type Meter } from "./glob.js";

/** One line of an ignore file. */
export interface IgnoreRule {
  /** It takes names back in (`!`). */
  readonly negated: boolean;
  readonly directoriesOnly: boolean;
  /** It holds no slash, so it is compared with the last name only. */
  readonly nameOnly: boolean;
  readonly matches: GlobMatcher;
}

/**
 * Parses an ignore file (gitignore(5)). Lines that can match nothing are left out. Names match with regard to case:
 * core.ignoreCase is not read.
 */
export function parseIgnoreFile(bytes: Buffer): IgnoreRule[] {
  const text = bytes.toString("latin1").replace(/^\xef\xbb\xbf/, "");
  return text.split("\n").flatMap((line) => parseLine(line.replace(/\r$/, "")) ?? []);
}

function parseLine(line: string): IgnoreRule | undefined {
  if (line.startsWith("#")) return undefined;
  let pattern = withoutTrailingSpaces(line);
  const negated = pattern.startsWith("!");
  if (negated) pattern = pattern.slice(1);
  const directoriesOnly = pattern.endsWith("/");
  if (directoriesOnly) pattern = pattern.slice(0, -1);
  const nameOnly = !pattern.includes("/");
  const matches = pattern === "" ? undefined : compileGlob(pattern.replace(/^\//, ""));
  return matches && { negated, directoriesOnly, nameOnly, matches };
}

/** Spaces at the end do not count unless the first of them is escaped. */
function withoutTrailingSpaces(line: string): string {
  let end = line.length;
  while (line[end - 1] === " ") end--;
  let backslashes = 0;
  while (line[end - 1 - backslashes] === "\\") backslashes++;
  return backslashes % 2 === 1 && end < line.length ? line.slice(0, end + 1) : line.slice(0, end);
}

/** Rules of one file, and where it stands. */
export interface RuleGroup {
  readonly rules: readonly IgnoreRule[];
  /** How many leading segments of a path are the file's own directory. */
  readonly depth: number;
}

/**
 * What the rules say of the entry at `segments` (byte strings): true ignored, false taken back in, undefined nothing.
 * `groups` come with the strongest first: the deepest file, and in each file the last line that matches, decides.
 */
export function verdict(
  groups: readonly RuleGroup[],
  { segments, isDir, meter }: { segments: readonly string[]; isDir: boolean; meter: Meter },
): boolean | undefined {
  const name = segments.slice(-1);
  for (const { rules, depth } of groups) {
    const below = depth === 0 ? segments : segments.slice(depth);
    for (let at = rules.length - 1; at >= 0; at--) {
      const rule = rules[at] as IgnoreRule;
      if (rule.directoriesOnly && !isDir) continue;
      if (rule.matches(rule.nameOnly ? name : below, meter)) return !rule.negated;
    }
  }
  return undefined;
}
