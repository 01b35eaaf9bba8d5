import { lstatSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { posix } from "node:path";
import { errnoOf } from "../errs/errs.js";
import type { NamedPath } from "./paths.js";

/** What every command may name: programs, libraries and harmless devices. The sandbox shows them read-only. */
const systemPaths: readonly string[] = [
  "/usr",
  "/bin",
  "/sbin",
  "/lib",
  "/lib32",
  "/lib64",
  "/opt",
  "/dev/null",
  "/dev/zero",
  "/dev/full",
  "/dev/random",
  "/dev/urandom",
  "/dev/stdin",
  "/dev/stdout",
  "/dev/stderr",
  "/dev/tty",
  "/dev/fd",
];

export interface PlacesOptions {
  readonly root: string;
  readonly home: string | undefined;
  readonly allowedPaths: readonly string[];
  readonly searchPath: string;
}

/**
 * Answers questions about paths by looking at the disk. What it sees may change before the command runs. The calls are
 * synchronous because each takes microseconds, and going through the thread pool would cost more than the command's start.
 */
export interface Places {
  /** Those that lie, or lead by a link, outside the workspace and the allowed paths. */
  outside(paths: readonly NamedPath[]): string[];
  /** The setuid and setgid executables among the programs, by path. */
  privileged(programs: readonly NamedPath[]): string[];
}

/** A command line may name very many paths; so many are looked up on disk, the others judged by their text alone. */
const maxLookups = 256;
const setIdBits = 0o6000;

export function createPlaces({ root, home, allowedPaths, searchPath }: PlacesOptions): Places {
  const allowed = [root, ...allowedPaths, ...systemPaths];
  const directories = searchPath.split(":").filter((entry) => entry.startsWith("/"));

  return {
    outside(paths) {
      const seen = new Map<string, boolean>();
      for (const path of paths) {
        const key = `${path.base}\0${path.text}`;
        if (!seen.has(key)) seen.set(key, leadsOutside(path, seen.size < maxLookups));
      }
      return [...seen].flatMap(([key, out]) => (out ? [key.slice(key.indexOf("\0") + 1)] : []));
    },
    privileged(programs) {
      const names = new Set(
        programs.map((program) => (program.text.includes("/") ? (absolute(program) ?? "") : program.text)),
      );
      return [...names].slice(0, maxLookups).flatMap((name) => {
        const file = name.includes("/") ? name : onSearchPath(name);
        return file !== undefined && modeOf(file) & setIdBits ? [file] : [];
      });
    },
  };

  function leadsOutside(path: NamedPath, lookUp: boolean): boolean {
    if (path.text.startsWith("~") && home === undefined) return true;
    if (/^~[^/]/.test(path.text) && !/^~[+-]/.test(path.text)) return true;
    const target = absolute(path);
    if (target === undefined) return false;
    if (!isAllowed(target)) return !lookUp || topExists(target);
    if (!lookUp || !isWithin(target, root)) return false;
    const real = realTarget(target);
    return real !== undefined && !isAllowed(real);
  }

  function isAllowed(path: string): boolean {
    return allowed.some((place) => isWithin(path, place));
  }

  function absolute({ text, base }: NamedPath): string | undefined {
    if (text.startsWith("/")) return posix.normalize(text);
    if (text === "~" || text.startsWith("~/")) return posix.normalize(`${home}${text.slice(1)}`);
    return base === undefined ? undefined : posix.resolve(root, base, text);
  }

  /** `/users/list` is the route of some program and no file when there is no `/users` on this machine. */
  function topExists(target: string): boolean {
    const [, top = ""] = target.split("/");
    return lstatSync(`/${top}`, { throwIfNoEntry: false }) !== undefined;
  }

  function onSearchPath(name: string): string | undefined {
    return directories.map((directory) => posix.join(directory, name)).find((file) => modeOf(file) & 0o111);
  }
}

function modeOf(path: string): number {
  const found = attempt(() => statSync(path, { throwIfNoEntry: false }));
  return found?.isFile() ? found.mode : 0;
}

/** Where `path`, or the nearest folder above it that exists, really is; a link to nothing is where it points. */
function realTarget(path: string): string | undefined {
  for (let at = path; at !== "/"; at = posix.dirname(at)) {
    const found = attempt(() => lstatSync(at, { throwIfNoEntry: false }));
    if (found === undefined) continue;
    return (
      attempt(() => realpathSync.native(at)) ??
      attempt(() => posix.resolve(posix.dirname(at), readlinkSync(at)))
    );
  }
  return undefined;
}

/** The result, or undefined when the file system says no: a name too long, a loop of links, a folder that is closed. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

function isWithin(path: string, place: string): boolean {
  return path === place || path.startsWith(place === "/" ? place : `${place}/`);
}
