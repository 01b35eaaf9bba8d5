/** The names in a git index, to be asked what is tracked. Names are byte strings (one character a byte). */
export interface TrackedNames {
  /** True when `path` is tracked, or something below it is. Relative to the work tree. */
  holds(path: string): boolean;
}

const modeTypes: readonly number[] = [0o100000, 0o120000, 0o160000];
const maxEntries = 2_000_000;

/**
 * Reads an index of version 2, 3 or 4 (gitformat-index(5)). Undefined when it is none of them, is damaged, or needs an
 * extension that changes what the entries mean (split or sparse index): then nothing is known to be tracked.
 */
export function parseIndex(bytes: Buffer): TrackedNames | undefined {
  // The length of the object names is not in the file; entries read with the wrong one make no sense.
  return parseWith(bytes, 20) ?? parseWith(bytes, 32);
}

function parseWith(bytes: Buffer, hashLength: number): TrackedNames | undefined {
  if (bytes.length < 12 + hashLength || bytes.toString("latin1", 0, 4) !== "DIRC") return undefined;
  const version = bytes.readUInt32BE(4);
  const count = bytes.readUInt32BE(8);
  if (version < 2 || version > 4 || count > maxEntries) return undefined;
  const end = bytes.length - hashLength;
  const names: string[] = [];
  let at = 12;
  let previous = "";
  for (let entry = 0; entry < count; entry++) {
    const flagsAt = at + 40 + hashLength;
    if (flagsAt + 2 > end || !modeTypes.includes(bytes.readUInt32BE(at + 24) & 0o170000)) return undefined;
    const extended = (bytes.readUInt16BE(flagsAt) & 0x4000) !== 0;
    if (extended && version === 2) return undefined;
    let nameAt = flagsAt + (extended ? 4 : 2);
    let kept = "";
    if (version === 4) {
      const cut = readOffset(bytes, nameAt);
      if (cut.value > previous.length) return undefined;
      kept = previous.slice(0, previous.length - cut.value);
      nameAt = cut.next;
    }
    const nul = bytes.indexOf(0, nameAt);
    if (nul < 0 || nul >= end) return undefined;
    const name = kept + bytes.toString("latin1", nameAt, nul);
    // Stages of a conflict repeat a name; anything else out of order is damage, and the search below needs order.
    if (name < previous || name === "") return undefined;
    names.push(name);
    previous = name;
    at = version === 4 ? nul + 1 : at + ((nul - at + 8) & ~7);
  }
  return extensionsUnderstood(bytes, at, end) ? { holds: (path) => holds(names, path) } : undefined;
}

/** The variable-width number of version 4 (the offset encoding of pack files). */
function readOffset(bytes: Buffer, start: number): { value: number; next: number } {
  let at = start;
  let byte = bytes[at++] ?? 0;
  let value = byte & 0x7f;
  while (byte & 0x80 && at < bytes.length) {
    byte = bytes[at++] ?? 0;
    value = (value + 1) * 128 + (byte & 0x7f);
  }
  return { value, next: at };
}

/** An extension whose name begins with a capital may be passed over; the others may not. */
function extensionsUnderstood(bytes: Buffer, start: number, end: number): boolean {
  let at = start;
  while (at < end) {
    const first = bytes[at] as number;
    if (at + 8 > end || first < 0x41 || first > 0x5a) return false;
    at += 8 + bytes.readUInt32BE(at + 4);
  }
  return at === end;
}

function holds(names: readonly string[], path: string): boolean {
  return (
    names[firstNotBelow(names, path)] === path ||
    names[firstNotBelow(names, `${path}/`)]?.startsWith(`${path}/`) === true
  );
}

/** Position of the first name that is not less than `wanted`. */
function firstNotBelow(names: readonly string[], wanted: string): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((names[middle] as string) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
