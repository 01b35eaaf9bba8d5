/** About 16,000 tokens: well below what clients cut by themselves. */
const maxShownBytes = 48 << 10;

/** The first of `lines` that make a text of acceptable length for a model; the structured result holds them all. */
export function shownLines(lines: readonly string[]): readonly string[] {
  let left = maxShownBytes;
  const end = lines.findIndex((line) => {
    left -= Buffer.byteLength(line) + 1;
    return left < 0;
  });
  return end < 0 ? lines : lines.slice(0, end);
}
