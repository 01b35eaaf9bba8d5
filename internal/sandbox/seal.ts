import type { Mount } from "./argv.js";
import { type Host, isWithin } from "./host.js";

/** What a sandbox must find in its own /proc/self/mountinfo about one of its places. */
export interface Seal {
  readonly at: string;
  /** Parts of a line that say what lies there, and where. One of them will do. */
  readonly texts: readonly string[];
}

/** A line of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
interface Mounted {
  readonly id: string;
  readonly parent: string;
  /** `major:minor`. */
  readonly device: string;
  /** The directory or file of that file system which is mounted. */
  readonly root: string;
  readonly at: string;
}

/**
 * Seals of the places that differ from the host. Sources and places go to bwrap by name, and whoever may write around
 * them, as commands of an earlier moment may, can put a link there in between: then something else is mounted, or it is
 * mounted elsewhere, and the kernel tells. `mountinfo` is the host's.
 */
export function sealsOf(mounts: readonly Mount[], mountinfo: string, host: Host): Seal[] {
  const mounted = mountinfo.split("\n").flatMap(parse);
  return mounts.map((mount) => {
    const source = sourceOf(mount);
    const what = source === undefined ? "/" : nameOf(source, mounted);
    const seal = (at: string): string => ` ${what} ${octal(at)} `;
    // A place that is a link to the source, as one of PATH can be, is one only where its surroundings are shown.
    const real = source === mount.at ? mount.at : (host.real(mount.at) ?? mount.at);
    return { at: mount.at, texts: [...new Set([mount.at, real])].map(seal) };
  });
}

/** Undefined for a file system of its own. */
function sourceOf(mount: Mount): string | undefined {
  switch (mount.kind) {
    case "empty":
      return undefined;
    case "blank":
      return "/dev/null";
    default:
      return mount.from;
  }
}

/** Device and path in its file system, as the kernel writes them for a mount of `path`. */
function nameOf(path: string, mounted: readonly Mounted[]): string {
  const holder = holderOf(path, mounted);
  if (holder === undefined) return "unknown";
  const below = path.slice(holder.at === "/" ? 0 : holder.at.length);
  const name = `${holder.root === "/" ? "" : holder.root}${below === "/" ? "" : below}`;
  return `${holder.device} ${octal(name === "" ? "/" : name)}`;
}

/** The mount that a path ends in. Of two on the way the one nearer to the root covers what is mounted below it. */
function holderOf(path: string, mounted: readonly Mounted[]): Mounted | undefined {
  let holder = mounted.find(
    ({ id, parent }) => id === parent || !mounted.some((other) => other.id === parent),
  );
  for (let next = holder; next !== undefined; ) {
    holder = next;
    const { id } = next;
    [next] = mounted
      .filter((other) => other.parent === id && other.id !== id && isWithin(path, other.at))
      .sort((a, b) => a.at.length - b.at.length);
  }
  return holder;
}

function parse(line: string): Mounted[] {
  const [id, parent, device, root, at] = line.split(" ");
  if (id === undefined || parent === undefined || device === undefined) return [];
  if (root === undefined || at === undefined) return [];
  return [{ id, parent, device, root: plain(root), at: plain(at) }];
}

function octal(path: string): string {
  return path.replace(/[ \t\n\\]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, "0")}`);
}

function plain(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_all, digits) => String.fromCharCode(Number.parseInt(digits, 8)));
}
