import { lstatSync, readlinkSync, statfsSync } from "node:fs";
import { isAbsolute, join, resolve, sep } from "node:path";

/**
 * The folders, links and file that the kernel passes on its way to `path`, each with which one it is now. Ends with the
 * first that is missing or not ours to see, or when there are more links than the kernel follows.
 */
export function chainOf(path: string): Map<string, string> {
  const chain = new Map<string, string>();
  const names = resolve(path).split(sep);
  let folder: string = sep;
  for (let links = 0; names.length > 0 && links <= 40; ) {
    const entry = join(folder, names.shift() ?? "");
    const stats = attempt(() => lstatSync(entry, { bigint: true }));
    // An inode's number may be given again, but not with the same birth.
    chain.set(entry, stats ? `${stats.dev} ${stats.ino} ${stats.birthtimeNs}` : "missing");
    if (stats === undefined) break;
    const target = stats.isSymbolicLink() ? attempt(() => readlinkSync(entry)) : undefined;
    if (target === undefined) {
      folder = entry;
      continue;
    }
    links++;
    names.unshift(...target.split(sep));
    if (isAbsolute(target)) folder = sep;
  }
  return chain;
}

/** The links that are followed on the way to `path`, each by a path whose folders are none. */
export function linksTo(path: string): readonly string[] {
  const isLink = (entry: string): boolean => attempt(() => lstatSync(entry).isSymbolicLink()) === true;
  return [...chainOf(path).keys()].filter(isLink);
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
