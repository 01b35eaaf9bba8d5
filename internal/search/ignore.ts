import { accessSync, lstatSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { Root } from "../workspace/root.js";
import { createRepositoryFinder, isAbove, openerFor, type Repository } from "./git-repository.js";
import { type IgnoreRule, parseIgnoreFile, type RuleGroup, verdict } from "./gitignore.js";
import { createParsedFiles, openRegular } from "./parsed-files.js";

/**
 * Says what git ignores below one root. Paths are canonical and relative to the root, with `/` separators.
 *
 * Read are the .gitignore files from the top of the work tree (above the root too) down, info/exclude, and the user's
 * own ignore file. Files are looked at afresh in every turn of the event loop; within one turn each only once, which
 * makes asking about the thousand entries of a directory cheap.
 */
export interface IgnoreChecker {
  /** True to git: nothing tracked is ignored, everything below an ignored directory is. */
  ignored(path: string, isDir: boolean): boolean;
  /** By the rules alone, tracked or not: what ripgrep leaves out. */
  ruledOut(path: string, isDir: boolean): boolean;
  /** The user's own ignore file, for ripgrep; undefined when there is none. */
  globalFile(): string | undefined;
}

export interface IgnoreOptions {
  /** The user's own ignore file (see globalIgnoreFile); it has the last say. */
  readonly globalFile: string | undefined;
}

/** What holds for the entries of one directory. */
interface Level {
  /** The strongest first. Empty outside a repository. */
  readonly groups: readonly RuleGroup[];
  readonly repository: Repository | undefined;
  /** Number of segments of the work tree's own path. */
  readonly top: number;
  /** The directory is ruled out in its own repository. */
  readonly ruledOut: boolean;
  /** Its repository lies in a directory that an outer one ignores. */
  readonly ignoredOutside: boolean;
}

interface GitEntries {
  readonly git: boolean;
  readonly ignoreFile: boolean;
}

const maxIgnoreFileBytes = 256 << 10;
/** About a fifth of a second of matching in one turn; beyond it nothing more is called ignored. */
const stepsPerTurn = 1e8;

/** core.excludesFile's default (gitignore(5)); undefined when there is no home directory. */
export function globalIgnoreFile(env: Readonly<Record<string, string | undefined>>): string | undefined {
  if (env.XDG_CONFIG_HOME) return join(env.XDG_CONFIG_HOME, "git/ignore");
  return env.HOME ? join(env.HOME, ".config/git/ignore") : undefined;
}

export function createIgnoreChecker(root: Root, { globalFile }: IgnoreOptions): IgnoreChecker {
  const open = openerFor(root);
  const ignoreFiles = createParsedFiles<readonly IgnoreRule[]>({
    parse: parseIgnoreFile,
    maxBytes: maxIgnoreFileBytes,
    maxFiles: 4096,
  });
  const repositoryAt = createRepositoryFinder(open, ignoreFiles);
  let levels = new Map<string, Level>();
  let prefix: readonly string[] = [];
  const meter = { steps: stepsPerTurn };

  function beginTurn(): void {
    if (levels.size > 0) return;
    meter.steps = stepsPerTurn;
    setImmediate(() => {
      levels = new Map();
    });
    levels.set("", topLevel());
  }

  /** The level of the root: its own work tree's rules, and those between the root and the work tree's top. */
  function topLevel(): Level {
    const above: RuleGroup[] = [];
    for (let dir = root.path; ; dir = dirname(dir)) {
      const entries = gitEntries(dir);
      const depth = segmentsOf(relative(dir, root.path)).length;
      above.push({ rules: rulesIn(dir, entries), depth });
      const repository = entries.git ? repositoryAt(dir) : undefined;
      if (repository !== undefined) {
        prefix = segmentsOf(relative(dir, root.path));
        // Depth so far was counted from the root upwards.
        const groups = above.map((group) => ({ ...group, depth: prefix.length - group.depth }));
        return { ...outside, groups: [...groups, ...baseGroups(repository, 0)], repository };
      }
      if (dir === dirname(dir)) {
        prefix = [];
        return outside;
      }
    }
  }

  /** Which of git's files stand in a directory given by absolute path; looked at through the root below it. */
  function gitEntries(dir: string): GitEntries {
    const below = relative(root.path, dir);
    if (isAbove(below)) {
      return { git: exists(join(dir, ".git")), ignoreFile: isPlainFile(join(dir, ".gitignore")) };
    }
    try {
      const opened = root.openDir(below === "" ? "." : below);
      try {
        return {
          git: opened.lstatChild(".git") !== undefined,
          // git does not follow a link here either.
          ignoreFile: opened.lstatChild(".gitignore")?.isFile() === true,
        };
      } finally {
        opened.close();
      }
    } catch {
      return { git: false, ignoreFile: false };
    }
  }

  function rulesIn(dir: string, { ignoreFile }: GitEntries): readonly IgnoreRule[] {
    const path = join(dir, ".gitignore");
    return (ignoreFile ? ignoreFiles(path, () => open(path)) : undefined) ?? [];
  }

  function baseGroups(repository: Repository, depth: number): RuleGroup[] {
    const own = globalFile === undefined ? [] : ignoreFiles(globalFile, () => openRegular(globalFile));
    return [
      { rules: repository.excludes, depth },
      { rules: own ?? [], depth },
    ];
  }

  function levelOf(dir: string): Level {
    const known = levels.get(dir);
    if (known !== undefined) return known;
    const parent = levelOf(parentOf(dir));
    const segments = [...prefix, ...segmentsOf(dir)];
    const path = join(root.path, dir);
    const entries = gitEntries(path);
    const nested = entries.git ? repositoryAt(path) : undefined;
    const ruledOut = isRuledOut(parent, segments, true);
    const level: Level = nested
      ? {
          groups: [
            { rules: rulesIn(path, entries), depth: segments.length },
            ...baseGroups(nested, segments.length),
          ],
          repository: nested,
          top: segments.length,
          ruledOut: false,
          ignoredOutside: parent.ignoredOutside || (ruledOut && !isTracked(parent, segments)),
        }
      : {
          ...parent,
          groups: parent.repository
            ? [{ rules: rulesIn(path, entries), depth: segments.length }, ...parent.groups]
            : parent.groups,
          ruledOut,
        };
    levels.set(dir, level);
    return level;
  }

  function isRuledOut(level: Level, segments: readonly string[], isDir: boolean): boolean {
    return level.ruledOut || verdict(level.groups, { segments, isDir, meter }) === true;
  }

  function ask(path: string, isDir: boolean, byRulesAlone: boolean): boolean {
    if (path === "." || path === "") return false;
    beginTurn();
    const level = levelOf(parentOf(path));
    if (level.ignoredOutside) return true;
    const segments = [...prefix, ...segmentsOf(path)];
    return isRuledOut(level, segments, isDir) && (byRulesAlone || !isTracked(level, segments));
  }

  return {
    ignored: (path, isDir) => ask(path, isDir, false),
    ruledOut: (path, isDir) => ask(path, isDir, true),
    globalFile: () => (globalFile !== undefined && exists(globalFile) ? globalFile : undefined),
  };
}

const outside: Level = { groups: [], repository: undefined, top: 0, ruledOut: false, ignoredOutside: false };

function isTracked({ repository, top }: Level, segments: readonly string[]): boolean {
  return repository?.tracks(segments.slice(top).join("/")) ?? false;
}

/** False too where the system does not let us look. */
function exists(path: string): boolean {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
}

function isPlainFile(path: string): boolean {
  try {
    return lstatSync(path).isFile();
  } catch {
    return false;
  }
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

/** The names of a relative path as byte strings. */
function segmentsOf(path: string): string[] {
  return path === "" ? [] : Buffer.from(path).toString("latin1").split("/");
}
