/** Characters of a text that came from outside. */
export const maxText = 200;

/** Without control characters (they could drive the terminal that shows them) and at most `maxText` characters. */
export function clean(text: string): string {
  // Cut before replacing, so that a hostile megabyte costs nothing.
  return text.slice(0, maxText).replace(/\p{Cc}/gu, "");
}
