import { Fault } from "../errs/errs.js";
import type { Root } from "../workspace/root.js";
import { join } from "./places.js";

/** Characters that some file systems (HFS+) leave out when they compare names. */
const ignoredByFileSystems = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/gu;

/** Files that other programs run, or take settings that run programs from, when nobody is looking. */
const runByOthers: readonly RegExp[] = [
  /(^|\/)\.(gitmodules|gitattributes|envrc|mcp\.json|npmrc|pre-commit-config\.yaml)$/,
  /(^|\/)\.(vscode|idea|husky|githooks|devcontainer|claude|cursor|codex|gemini)\//,
];

/**
 * Refuses what belongs to git: anything named .git in any spelling (the repository, or the file that points to one),
 * and anything in a directory that is a repository itself, or would become one with these files in it. Whoever could write
 * there could have git run a program the next time anybody looks at the repository.
 *
 * @param paths canonical paths that are to be written or removed
 * @throws Fault PATH_OUTSIDE_WORKSPACE
 */
export function refuseGitInternals(root: Root, paths: readonly string[]): void {
  const known = new Map<string, boolean>();
  for (const path of paths) {
    if (path.split("/").some(isDotGit)) throw denied(path, "it belongs to git");
    const parts = path.split("/");
    for (let depth = 0; depth < parts.length; depth++) {
      const dir = depth === 0 ? "." : parts.slice(0, depth).join("/");
      if (!known.has(dir)) known.set(dir, isRepository(root, dir, paths));
      if (known.get(dir)) throw denied(path, `${JSON.stringify(dir)} is a bare git repository`);
    }
  }
}

function isDotGit(name: string): boolean {
  const plain = name.replace(ignoredByFileSystems, "").normalize("NFC").toLowerCase();
  return plain.replace(/[. ]+$/, "") === ".git" || plain === "git~1";
}

/** What git takes for a repository (gitrepository-layout(5)), whether or not HEAD says something sensible. */
function isRepository(root: Root, dir: string, written: readonly string[]): boolean {
  const has = (name: string): boolean => {
    const path = join(dir, name);
    return written.some((one) => one === path || one.startsWith(`${path}/`)) || exists(root, path);
  };
  return has("HEAD") && (has("commondir") || (has("objects") && has("refs")));
}

function exists(root: Root, path: string): boolean {
  const { dir, missing, name } = root.openPlace(path);
  try {
    return missing.length === 0 && dir.lstat(name) !== undefined;
  } finally {
    dir.close();
  }
}

function denied(path: string, why: string): Fault {
  return new Fault("PATH_OUTSIDE_WORKSPACE", `writing to ${JSON.stringify(path)} is denied: ${why}`, {
    hint: "git's own files are changed by git commands only",
    details: { path },
  });
}

/** A warning for each of `paths` that other programs act upon. */
export function sideEffects(paths: readonly string[]): string[] {
  return paths
    .filter((path) => runByOthers.some((pattern) => pattern.test(path.toLowerCase())))
    .map((path) => `${JSON.stringify(path)} is acted upon by other programs, outside any sandbox`);
}
