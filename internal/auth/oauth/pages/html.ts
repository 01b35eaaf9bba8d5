/** Text that is markup already. Only `html` makes it. */
export interface Html {
  readonly markup: string;
}

type Part = string | Html | readonly Html[] | undefined | false;

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * A template of markup in which every text is escaped, for content and for attributes in double quotes. Undefined and
 * false leave nothing.
 */
export function html(markup: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return { markup: String.raw({ raw: markup }, ...parts.map(markupOf)) };
}

function markupOf(part: Part): string {
  if (part === undefined || part === false) return "";
  if (typeof part === "string") return part.replace(/[&<>"']/g, (character) => entities[character] ?? "");
  return "markup" in part ? part.markup : part.map(markupOf).join("");
}
