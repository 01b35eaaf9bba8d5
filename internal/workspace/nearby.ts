import { quote } from "./faults.js";
import type { Pin, Platform } from "./platform.js";

/** A directory of more bytes than this (some thousand names) is not searched for similar names. */
const maxDirBytes = 64n * 1024n;

/** A hint for a name that is missing in `parent`: the folder that does exist and up to 3 similar names in it. */
export function nearby(platform: Platform, parent: Pin, name: string): string {
  const folder = `the nearest existing folder is ${quote(parent.path)}`;
  const similar = parent.stat.size > maxDirBytes ? [] : similarNames(platform, parent, name);
  return similar.length === 0 ? folder : `${folder}; similar there: ${similar.map(quote).join(", ")}`;
}

function similarNames(platform: Platform, parent: Pin, name: string): string[] {
  let names: string[];
  try {
    names = platform.list(parent).map((entry) => entry.name);
  } catch {
    return [];
  }
  const wanted = name.toLowerCase();
  const limit = Math.max(1, Math.floor(name.length / 3));
  return names
    .map((other) => ({ other, distance: editDistance(wanted, other.toLowerCase(), limit) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance || (a.other < b.other ? -1 : 1))
    .slice(0, 3)
    .map(({ other }) => other);
}

/** Levenshtein distance; anything above `limit` may come back as `limit + 1`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? limit + 1;
}
