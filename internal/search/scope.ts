import { join } from "node:path";
import { Fault } from "../errs/errs.js";
import { excludedNames } from "../workspace/excluded.js";
import type { OpenedDir, Root } from "../workspace/root.js";
import type { IgnoreChecker } from "./ignore.js";

/** Which files a listing or a search looks at. */
export interface ScopeOptions {
  /** Relative to the workspace. */
  readonly path: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly includeHidden: boolean;
  readonly includeIgnored: boolean;
}

/** An opened place to run ripgrep in. */
export interface Scope {
  /** For ripgrep: the directory itself, not its name. */
  readonly cwd: string;
  readonly args: readonly string[];
  /** What ripgrep is told to look at. */
  readonly target: string;
  /** Path relative to the workspace of a path that ripgrep printed; undefined when it does not belong here. */
  place(printed: string): string | undefined;
  close(): void;
}

/** The most globs of one request, those to include and those to leave out together. */
export const maxGlobs = 100;
const maxGlobLength = 1000;

/**
 * Opens the directory (or the one file, when `allowFile`) at `path` and says how ripgrep has to walk it.
 *
 * .git is never entered. Left out unless `includeIgnored`: the excluded names at any depth, and what the ignore files
 * rule out. A directory that is itself ignored was named on purpose: there the ignore files do not count.
 */
export function openScope(
  root: Root,
  ignore: IgnoreChecker,
  { allowFile, ...options }: ScopeOptions & { allowFile: boolean },
): Scope {
  checkGlobs([...options.include, ...options.exclude]);
  const { dir, file } = openPlace(root, options.path, allowFile);
  const base = dir.path === "." ? "" : `${dir.path}/`;
  if (`/${base}${file ?? ""}/`.toLowerCase().includes("/.git/")) {
    dir.close();
    throw new Fault("INVALID_ARGUMENT", `${JSON.stringify(options.path)} is git's own data`, {
      hint: "name a path outside .git",
    });
  }
  // A glob that names hidden files asks for them.
  const includeHidden = options.includeHidden || options.include.some((glob) => /(^|\/)\.[^./]/.test(glob));
  const useIgnoreFiles = !options.includeIgnored && !ignore.ruledOut(dir.path, true);
  const include = options.include.map((glob) => glob.replace(/^\*\*\/(?=[^/]*$)/, ""));
  const wanted = include.filter((glob) => !glob.startsWith("!"));
  // Names can be picked by a file type, after all other rules. A glob overrules them all: hidden and ignored files too.
  const byType = wanted.every((glob) => !/[/:]/.test(glob));

  function place(printed: string): string | undefined {
    const inner = printed.startsWith("./") ? printed.slice(2) : printed;
    const path = base + inner;
    if (file !== undefined) return path;
    if (!includeHidden && (inner.startsWith(".") || inner.includes("/."))) return undefined;
    return !byType && useIgnoreFiles && ignore.ruledOut(path, false) ? undefined : path;
  }

  return {
    cwd: pinnedPath(root, dir),
    args: walkArgs({
      ...options,
      include,
      byType,
      includeHidden,
      base,
      ignoreFiles: useIgnoreFiles ? ignore : undefined,
    }),
    target: `./${file ?? ""}`,
    place,
    close: () => dir.close(),
  };
}

function openPlace(root: Root, path: string, allowFile: boolean): { dir: OpenedDir; file?: string } {
  if (!allowFile) return { dir: root.openDir(path) };
  const found = root.resolve(path);
  if (found.type === "directory") return { dir: root.openDir(found.path) };
  const slash = found.path.lastIndexOf("/");
  const dir = slash < 0 ? "." : found.path.slice(0, slash);
  return { dir: root.openDir(dir), file: found.path.slice(slash + 1) };
}

/**
 * A path that leads to the opened directory whatever its name is made to point at meanwhile. On macOS there is no such
 * path: what ripgrep prints is confirmed through the root in any case. (Not run on macOS.)
 */
function pinnedPath(root: Root, dir: OpenedDir): string {
  return process.platform === "linux" ? `/proc/self/fd/${dir.fd}` : join(root.path, dir.path);
}

interface WalkOptions extends ScopeOptions {
  readonly base: string;
  readonly byType: boolean;
  /** Undefined: the ignore files do not count. */
  readonly ignoreFiles: IgnoreChecker | undefined;
}

function walkArgs(options: WalkOptions): string[] {
  const { base, include, byType, exclude, includeHidden, includeIgnored, ignoreFiles } = options;
  const args = ["--no-ignore-dot", "--no-ignore-global"];
  if (includeHidden) args.push("--hidden");
  const globalFile = ignoreFiles?.globalFile();
  if (ignoreFiles === undefined) args.push("--no-ignore");
  else if (globalFile !== undefined) args.push("--ignore-file", globalFile);
  // The last glob that matches decides, so ours come last.
  for (const glob of include) {
    if (glob.startsWith("!") || !byType) args.push(...globArgs(glob, base));
    else args.push(`--type-add=wanted:${glob}`, "--type=wanted");
  }
  for (const glob of exclude) args.push(...globArgs(`!${glob.replace(/^!/, "")}`, base));
  if (!includeIgnored) args.push(...excludedNames.map((name) => `--glob=!${name}`));
  return [...args, "--iglob=!.git"];
}

/** ripgrep anchors globs where it runs; one written from the top of the workspace is meant as well. */
function globArgs(glob: string, base: string): string[] {
  const mark = glob.startsWith("!") ? "!" : "";
  const pattern = glob.slice(mark.length).replace(/^\.\//, "/");
  const fromTop = pattern.replace(/^\//, "");
  const globs =
    base !== "" && fromTop.startsWith(base) ? [pattern, `/${fromTop.slice(base.length)}`] : [pattern];
  return globs.map((one) => `--glob=${mark}${one}`);
}

function checkGlobs(globs: readonly string[]): void {
  if (globs.length > maxGlobs) throw new Fault("INVALID_ARGUMENT", `more than ${maxGlobs} globs`);
  for (const glob of globs) {
    if (glob === "" || glob.length > maxGlobLength || glob.includes("\0")) {
      throw new Fault(
        "INVALID_ARGUMENT",
        `glob ${JSON.stringify(glob.slice(0, 80))} is empty, too long or holds a NUL`,
      );
    }
  }
}
