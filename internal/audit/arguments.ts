/** Fields whose values are contents or keystrokes: their size says enough, and they may hold anything. */
const contents: ReadonlySet<string> = new Set(["patch", "old_text", "new_text", "stdin", "chars"]);
/** Fields that hold variables: their names are kept. */
const variables: ReadonlySet<string> = new Set(["env"]);

const longestText = 400;
const longestList = 20;
const longestAll = 2_048;

/**
 * The arguments of a call as the record keeps them: no contents, no values of variables, texts of at most 400 characters,
 * 2 KiB in all. Secrets that are known by name or shape are taken out elsewhere.
 */
export function boundArguments(args: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  // Of no prototype: a field may have any name.
  const bounded: Record<string, unknown> = Object.create(null);
  let left = longestAll;
  // Not their entries: pairs of an object with very many fields cost more than to parse it.
  for (const name of Object.keys(args)) {
    const value = args[name];
    const shown = contents.has(name) ? sizeOf(value) : variables.has(name) ? namesOf(value) : shorten(value);
    const size = name.length + JSON.stringify(shown).length;
    left -= size;
    bounded[name.slice(0, 64)] = left < 0 ? "..." : shown;
    if (left < 0) break;
  }
  return bounded;
}

/** A text of at most 400 characters, its length behind it when it was longer. */
export function shortText(text: string): string {
  return text.length <= longestText ? text : `${text.slice(0, longestText)}... (${text.length} characters)`;
}

/** Not by String: a client may send an object whose toString is no function. */
function sizeOf(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return `(${text.length} characters)`;
}

function namesOf(value: unknown): unknown {
  return typeof value === "object" && value !== null
    ? Object.keys(value).slice(0, longestList)
    : sizeOf(value);
}

function shorten(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return shortText(value);
  if (typeof value !== "object" || value === null) return value ?? null;
  if (depth === 3) return "...";
  if (Array.isArray(value)) return value.slice(0, longestList).map((item) => shorten(item, depth + 1));
  const fields = value as Readonly<Record<string, unknown>>;
  const names = Object.keys(fields).slice(0, longestList);
  return Object.fromEntries(names.map((name) => [name.slice(0, 64), shorten(fields[name], depth + 1)]));
}
