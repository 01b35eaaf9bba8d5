import { lstatSync, readlinkSync, statfsSync } from "node:fs";
import { isAbsolute, join, resolve, sep } from "node:path";

/** One folder, link or file that the kernel passes on its way to a path. */
interface Step {
  readonly at: string;
  /** Which one it is now; "missing" when there is none, or none that is ours to see. */
  readonly identity: string;
  readonly isLink: boolean;
}

export interface Way {
  /** Ends with the first that is missing, or when there are more links than the kernel follows. */
  readonly steps: readonly Step[];
  /** Where it leads; undefined when it leads nowhere. */
  readonly end: string | undefined;
}

const mostLinks = 40;

/** The way to `path` as it is now, each step looked at once. */
export function wayTo(path: string): Way {
  const steps: Step[] = [];
  const names = resolve(path).split(sep);
  let folder: string = sep;
  for (let links = 0; names.length > 0; ) {
    const at = join(folder, names.shift() ?? "");
    const stats = attempt(() => lstatSync(at, { bigint: true }));
    const target = stats?.isSymbolicLink() ? attempt(() => readlinkSync(at)) : undefined;
    const isLink = target !== undefined;
    // An inode's number may be given again, but not with the same birth.
    const identity = stats ? `${stats.dev} ${stats.ino} ${stats.birthtimeNs}` : "missing";
    steps.push({ at, identity, isLink });
    if (isLink) links++;
    if (stats === undefined || links > mostLinks) return { steps, end: undefined };
    if (target === undefined) {
      folder = at;
      continue;
    }
    names.unshift(...target.split(sep));
    if (isAbsolute(target)) folder = sep;
  }
  return { steps, end: folder };
}

/** What lies on the way to `path`, each with which one it is now. */
export function chainOf(path: string): Map<string, string> {
  return new Map(wayTo(path).steps.map(({ at, identity }) => [at, identity]));
}

/** The links that are followed on the way to `path`, each by a path whose folders are none. */
export function linksTo(path: string): readonly string[] {
  return wayTo(path)
    .steps.filter(({ isLink }) => isLink)
    .map(({ at }) => at);
}

/** What Linux calls NFS, SMB, CIFS, 9p (WSL) and FUSE (virtiofs too). Other systems have other numbers. */
const remoteTypes = new Set([0x6969, 0xfe534d42, 0xff534d42, 0x01021997, 0x65735546]);

/** Whether another machine may change `folder` without an event here. Could not be verified on such a file system. */
export function isRemote(folder: string): boolean {
  return remoteTypes.has(attempt(() => statfsSync(folder).type) ?? 0);
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
