/** Rewrites the indentation of a line that is added; undefined when it cannot be told how. */
export type Reindent = (text: string) => string | undefined;

/**
 * From lines that are equal but for white space at both ends, how the file's indentation differs from the patch's: by
 * a constant beginning that is there or missing, or by tabs against spaces. Undefined when no one rule fits them all,
 * because then nobody knows how far an added line should be indented.
 */
export function reindentRule(pairs: readonly { patch: string; file: string }[]): Reindent | undefined {
  const indents = pairs
    .filter(({ file }) => file.trim() !== "")
    .map(({ patch, file }) => ({ patch: indentOf(patch), file: indentOf(file) }));
  const [first] = indents;
  if (first === undefined) return undefined;
  const rules = [deeper(first), shallower(first), ...indents.slice(0, 8).flatMap(unitRules)];
  return rules.find((rule) => rule && indents.every(({ patch, file }) => rule(`${patch}x`) === `${file}x`));
}

interface Indents {
  readonly patch: string;
  readonly file: string;
}

function indentOf(text: string): string {
  return text.slice(0, text.length - text.trimStart().length);
}

function deeper({ patch, file }: Indents): Reindent | undefined {
  if (!file.endsWith(patch)) return undefined;
  const more = file.slice(0, file.length - patch.length);
  return (text) => (text.trim() === "" ? text : more + text);
}

function shallower({ patch, file }: Indents): Reindent | undefined {
  if (!patch.endsWith(file)) return undefined;
  const less = patch.slice(0, patch.length - file.length);
  return (text) => {
    if (text.trim() === "") return text;
    return text.startsWith(less) ? text.slice(less.length) : undefined;
  };
}

function unitRules({ patch, file }: Indents): Reindent[] {
  return [...exchange(patch, " ", file, "\t"), ...exchange(patch, "\t", file, " ")];
}

/** A rule when one text is all of `from`, the other all of `to`, and the longer a multiple of the shorter. */
function exchange(patch: string, from: string, file: string, to: string): Reindent[] {
  if (patch === "" || file === "" || !isAll(patch, from) || !isAll(file, to)) return [];
  const [per, gives] = from === " " ? [patch.length / file.length, 1] : [1, file.length / patch.length];
  if (!Number.isInteger(per) || !Number.isInteger(gives)) return [];
  return [
    (text) => {
      const indent = indentOf(text);
      if (!isAll(indent, from) || indent.length % per !== 0) return undefined;
      return to.repeat((indent.length / per) * gives) + text.slice(indent.length);
    },
  ];
}

function isAll(text: string, character: string): boolean {
  return text === character.repeat(text.length);
}
