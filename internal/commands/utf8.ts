/** The most bytes of a character that can be missing or left over at a cut. */
const longest = 3;

/**
 * How many bytes of `bytes` make whole characters: less than its length only when it ends inside one. A cut there is
 * safe for any bytes: decoding the two parts gives what decoding the whole would.
 */
export function wholeCharacters(bytes: Uint8Array): number {
  const { length } = bytes;
  for (let back = 1; back <= Math.min(longest, length); back++) {
    const byte = bytes[length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    return back < lengthOf(byte) ? length - back : length;
  }
  return length;
}

/** How many bytes at the beginning belong to a character that began before it. */
export function leftover(bytes: Uint8Array): number {
  const end = Math.min(longest, bytes.length);
  let count = 0;
  while (count < end && ((bytes[count] ?? 0) & 0xc0) === 0x80) count++;
  return count;
}

/** Bytes of the character that begins with `byte`; 1 for a byte that cannot begin one. */
function lengthOf(byte: number): number {
  if (byte >= 0xf0 && byte <= 0xf4) return 4;
  if (byte >= 0xe0 && byte < 0xf0) return 3;
  return byte >= 0xc2 && byte < 0xe0 ? 2 : 1;
}
