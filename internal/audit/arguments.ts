/** Fields whose values are contents or keystrokes: their size says enough, and they may hold anything. */
const contents: ReadonlySet<string> = new Set(["patch", "old_text", "new_text", "stdin", "chars"]);
/** Fields that hold variables: their names are kept. */
const variables: ReadonlySet<string> = new Set(["env"]);

const longestText = 400;
const longestList = 20;
const longestAll = 2_048;

/** Takes the secrets out of a text. Before it is cut: a part of a secret is not known as one. */
type Redact = (text: string) => string;

/**
 * The arguments of a call as the record keeps them: no contents, no values of variables, texts of at most 400 characters
 * without what `redact` takes out, 2 KiB in all. Fields that are secret by their name are taken out elsewhere.
 */
export function boundArguments(
  args: Readonly<Record<string, unknown>>,
  redact: Redact,
): Readonly<Record<string, unknown>> {
  // Of no prototype: a field may have any name.
  const bounded: Record<string, unknown> = Object.create(null);
  let left = longestAll;
  // Not their entries: pairs of an object with very many fields cost more than to parse it.
  for (const name of Object.keys(args)) {
    const value = args[name];
    const shown = contents.has(name)
      ? sizeOf(value)
      : variables.has(name)
        ? namesOf(value)
        : shorten(value, redact);
    const size = name.length + JSON.stringify(shown).length;
    left -= size;
    bounded[shortName(name, redact)] = left < 0 ? "..." : shown;
    if (left < 0) break;
  }
  return bounded;
}

/** At most 400 characters of a text without its secrets, its length behind them when it was longer. */
export function shortText(given: string, redact: Redact): string {
  const text = redact(given);
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

function shortName(name: string, redact: Redact): string {
  return redact(name).slice(0, 64);
}

function shorten(value: unknown, redact: Redact, depth = 0): unknown {
  if (typeof value === "string") return shortText(value, redact);
  if (typeof value !== "object" || value === null) return value ?? null;
  if (depth === 3) return "...";
  if (Array.isArray(value))
    return value.slice(0, longestList).map((item) => shorten(item, redact, depth + 1));
  const fields = value as Readonly<Record<string, unknown>>;
  const names = Object.keys(fields).slice(0, longestList);
  return Object.fromEntries(
    names.map((name) => [shortName(name, redact), shorten(fields[name], redact, depth + 1)]),
  );
}
