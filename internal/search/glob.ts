/** Work left for matching; when it is used up, every further match fails. Keeps hostile patterns from holding the event loop. */
export interface Meter {
  steps: number;
}

/** Tests the segments of a path (byte strings, no separators) against one compiled pattern. */
export type GlobMatcher = (segments: readonly string[], meter: Meter) => boolean;

type SegmentMatcher = (name: string, meter: Meter) => boolean;

/** `*`: any run of bytes; `true`: any one byte; a string: exactly that byte; a table: one of those bytes. */
type Token = "*" | true | { readonly byte: string } | readonly boolean[];

const globstar = Symbol("**");

/**
 * Compiles a pattern of gitignore(5): `*`, `?`, `[...]` within a segment, `**` as a whole segment. Pattern and names
 * are byte strings (one character a byte), because git matches bytes. A malformed pattern gives undefined: it
 * matches nothing, as in git.
 *
 * No regular expressions: patterns come from repositories that nobody vetted, and backtracking over several `**`
 * takes minutes. Going back to the last wildcard only is enough for globs and keeps the work quadratic.
 */
export function compileGlob(pattern: string): GlobMatcher | undefined {
  const parsed = parse(pattern);
  if (parsed === undefined) return undefined;
  const segments = parsed.map((tokens) => (tokens === globstar ? globstar : segmentMatcher(tokens)));
  const only = segments.length === 1 ? segments[0] : undefined;
  if (typeof only === "function") {
    return (names, meter) => names.length === 1 && only(names[0] as string, meter);
  }
  return (names, meter) => matchSegments(segments, names, meter);
}

function matchSegments(
  pattern: readonly (SegmentMatcher | typeof globstar)[],
  names: readonly string[],
  meter: Meter,
): boolean {
  let at = 0;
  let name = 0;
  let starAt = -1;
  let starName = 0;
  while (name < names.length) {
    if (meter.steps-- <= 0) return false;
    const segment = pattern[at];
    if (segment === globstar) {
      if (at === pattern.length - 1) return true;
      starAt = at++;
      starName = name;
    } else if (segment?.(names[name] as string, meter)) {
      at++;
      name++;
    } else {
      if (starAt < 0) return false;
      at = starAt + 1;
      name = ++starName;
    }
  }
  // A closing `**` wants at least one segment, so it may not be left over.
  return at === pattern.length;
}

function segmentMatcher(tokens: readonly Token[]): SegmentMatcher {
  const [first, ...rest] = tokens;
  if (tokens.every(isByte)) {
    const text = literal(tokens);
    return (name) => name === text;
  }
  if (first === "*" && rest.every(isByte)) {
    const end = literal(rest);
    return (name) => name.endsWith(end);
  }
  return (name, meter) => matchTokens(tokens, name, meter);
}

function matchTokens(tokens: readonly Token[], name: string, meter: Meter): boolean {
  let at = 0;
  let byte = 0;
  let starAt = -1;
  let starByte = 0;
  while (byte < name.length) {
    if (meter.steps-- <= 0) return false;
    const token = tokens[at];
    if (token === "*") {
      starAt = at++;
      starByte = byte;
    } else if (token !== undefined && matchesByte(token, name, byte)) {
      at++;
      byte++;
    } else {
      if (starAt < 0) return false;
      at = starAt + 1;
      byte = ++starByte;
    }
  }
  while (tokens[at] === "*") at++;
  return at === tokens.length;
}

function matchesByte(token: Exclude<Token, "*">, name: string, at: number): boolean {
  if (token === true) return true;
  if ("byte" in token) return token.byte === name[at];
  return token[name.charCodeAt(at)] === true;
}

function isByte(token: Token): token is { byte: string } {
  return typeof token === "object" && "byte" in token;
}

function literal(tokens: readonly { byte: string }[]): string {
  return tokens.map(({ byte }) => byte).join("");
}

function parse(pattern: string): (Token[] | typeof globstar)[] | undefined {
  const segments: (Token[] | typeof globstar)[] = [];
  let tokens: Token[] = [];
  let stars = 0;
  const endSegment = (): void => {
    const isGlobstar = stars > 1 && tokens.length === 1;
    if (!isGlobstar) segments.push(tokens);
    else if (segments.at(-1) !== globstar) segments.push(globstar);
    tokens = [];
    stars = 0;
  };
  for (let at = 0; at < pattern.length; at++) {
    let byte = pattern[at] as string;
    if (byte === "*") {
      stars++;
      if (tokens.at(-1) !== "*") tokens.push("*");
    } else if (byte === "?") tokens.push(true);
    else if (byte === "[") {
      const parsed = parseClass(pattern, at + 1);
      if (parsed === undefined) return undefined;
      tokens.push(parsed.bytes);
      at = parsed.end;
    } else {
      if (byte === "\\") {
        if (++at === pattern.length) return undefined;
        byte = pattern[at] as string;
      }
      if (byte === "/") endSegment();
      else tokens.push({ byte });
    }
  }
  endSegment();
  return segments;
}

/** Tested with ASCII codes only. */
const classes: Readonly<Record<string, RegExp>> = {
  alnum: /[0-9A-Za-z]/,
  alpha: /[A-Za-z]/,
  blank: /[ \t]/,
  cntrl: /[^ -~]/,
  digit: /[0-9]/,
  graph: /[!-~]/,
  lower: /[a-z]/,
  print: /[ -~]/,
  punct: /[!-/:-@[-`{-~]/,
  space: /[\t-\r ]/,
  upper: /[A-Z]/,
  xdigit: /[0-9A-Fa-f]/,
};

/** Parses a bracket expression whose first byte after `[` is at `at`; `end` is its closing bracket. */
function parseClass(pattern: string, start: number): { bytes: boolean[]; end: number } | undefined {
  let at = start;
  const negated = pattern[at] === "!" || pattern[at] === "^";
  if (negated) at++;
  const bytes = new Array<boolean>(256).fill(negated);
  const add = (from: number, to: number): void => {
    for (let code = from; code <= to; code++) bytes[code] = !negated;
  };
  for (let first = true; first || pattern[at] !== "]"; first = false) {
    const named = /^\[:([a-z]*):\]/.exec(pattern.slice(at, at + 12));
    if (named) {
      const test = classes[named[1] as string];
      if (test === undefined) return undefined;
      for (let code = 0; code < 128; code++) if (test.test(String.fromCharCode(code))) add(code, code);
      at += named[0].length;
      continue;
    }
    const from = member(pattern, at);
    if (from === undefined) return undefined;
    at = from.next;
    const to =
      pattern[at] === "-" && pattern[at + 1] !== "]"
        ? member(pattern, at + 1)
        : { code: from.code, next: at };
    if (to === undefined) return undefined;
    add(from.code, to.code);
    at = to.next;
  }
  // A class never stands for a separator, not even a negated one; names hold none, so nothing needs doing.
  return { bytes, end: at };
}

function member(pattern: string, at: number): { code: number; next: number } | undefined {
  const escaped = pattern[at] === "\\" ? 1 : 0;
  const code = pattern.charCodeAt(at + escaped);
  return Number.isNaN(code) ? undefined : { code, next: at + escaped + 1 };
}
