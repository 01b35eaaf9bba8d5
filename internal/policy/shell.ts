import type * as Unbash from "unbash";
import type { SyntaxNode, Word, WordPart } from "unbash";

export type { SyntaxNode };

type Script = ReturnType<typeof Unbash.parse>;

/** The parser, loaded at the first command: most daemons that only read never need it. */
export type Shell = Pick<typeof Unbash, "parse" | "forEachChild">;

export async function loadShell(): Promise<Shell> {
  return import("unbash");
}

/** One word of a command as the shell would hand it over, as far as that can be known before it runs. */
export interface Argument {
  /** Quotes and escapes taken out; what is only known at run time is one `unknown` character. */
  readonly value: string;
  /** Brace groups, globs or a tilde still stand unexpanded in `value`. */
  readonly pattern: boolean;
}

/** Stands in a value for what only the running shell knows. NUL cannot be in a real argument. */
export const unknown = "\0";

/** Values of variables that are known beforehand. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** A literal word, for arguments that did not come out of the parser. */
export function literal(value: string): Argument {
  return { value, pattern: false };
}

/** What `word` is worth. `variables` are put in; other expansions become `unknown`. */
export function argumentOf(word: Word, variables: Variables): Argument {
  const parts: readonly WordPart[] = word.parts ?? [];
  if (parts.length === 0) return { value: word.value, pattern: word.text.startsWith("~") };
  const pattern = word.text.startsWith("~") || parts.some(({ type }) => patternTypes.has(type));
  return { value: parts.map((part) => partValue(part, variables)).join(""), pattern };
}

const patternTypes: ReadonlySet<string> = new Set(["Glob", "ExtendedGlob", "BraceExpansion"]);

function partValue(part: WordPart, variables: Variables): string {
  switch (part.type) {
    case "Literal":
    case "SingleQuoted":
    case "AnsiCQuoted":
      return part.value;
    case "DoubleQuoted":
    case "LocaleString":
      return part.parts.map((child) => partValue(child, variables)).join("");
    case "Glob":
    case "ExtendedGlob":
    case "BraceExpansion":
      return part.text;
    case "SimpleExpansion":
      return variables[part.text.slice(1)] ?? unknown;
    case "ParameterExpansion":
      return part.operation === undefined && part.prefix === undefined && part.index === undefined
        ? (variables[part.parameter] ?? unknown)
        : unknown;
    default:
      return unknown;
  }
}

/** Parses `source`; a problem instead of a tree when it is no shell, or nested past all sense. */
export function parseScript(shell: Shell, source: string): Script | { readonly problem: string } {
  try {
    return shell.parse(source);
  } catch (error) {
    // Only nesting that runs out of stack gets here: the parser recovers from everything else.
    if (error instanceof RangeError) return { problem: "nested too deeply" };
    throw error;
  }
}
