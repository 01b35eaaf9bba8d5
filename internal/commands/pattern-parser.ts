import { Fault } from "../errs/errs.js";

/** A set of bytes, one flag each. */
export type ByteSet = Uint8Array;
export type Assertion = "line-start" | "line-end" | "word-edge" | "no-word-edge";

/** A parsed pattern. Characters beyond ASCII have become sequences of bytes. */
export type Pattern =
  | { readonly type: "set"; readonly set: ByteSet }
  | { readonly type: "assert"; readonly what: Assertion }
  | { readonly type: "sequence" | "choice"; readonly items: readonly Pattern[] }
  | { readonly type: "repeat"; readonly item: Pattern; readonly min: number; readonly max: number };

const maxLength = 1000;
const maxRepeat = 1000;
const space = "\t\n\v\f\r ";
const controls: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", f: "\f", v: "\v", 0: "\0" };
const assertions: Readonly<Record<string, Assertion>> = { b: "word-edge", B: "no-word-edge" };

/**
 * Parses the part of JavaScript's regular expression syntax that can be matched in linear time: literals, classes,
 * groups, choices, repetition, `^ $ \b \B`, and `(?i)` at the beginning. Look-around and backreferences are refused.
 * Faults: INVALID_ARGUMENT.
 */
export function parsePattern(source: string): Pattern {
  if (source.length > maxLength) throw refused(`wait_for is longer than ${maxLength} characters`);
  const anyCase = source.startsWith("(?i)");
  const chars = [...(anyCase ? source.slice(4) : source)];
  let at = 0;

  const result = choice();
  if (at < chars.length) throw refused("wait_for has a ) without its (");
  return result;

  function take(text: string): boolean {
    if (
      !chars
        .slice(at, at + text.length)
        .join("")
        .startsWith(text)
    )
      return false;
    at += text.length;
    return true;
  }

  function next(): string {
    const char = chars[at++];
    if (char === undefined) throw refused("wait_for ends in the middle of an expression");
    return char;
  }

  function choice(): Pattern {
    const items = [sequence()];
    while (take("|")) items.push(sequence());
    return items.length === 1 && items[0] ? items[0] : { type: "choice", items };
  }

  function sequence(): Pattern {
    const items: Pattern[] = [];
    while (at < chars.length && chars[at] !== "|" && chars[at] !== ")") items.push(repeated());
    return { type: "sequence", items };
  }

  function repeated(): Pattern {
    const item = atom();
    const bounds = quantifier();
    if (bounds === undefined) return item;
    // What a lazy quantifier finds is not looked at, only whether there is something to find.
    take("?");
    if (quantifier() !== undefined) throw refused("wait_for repeats a repetition; put it in a group");
    return { type: "repeat", item, ...bounds };
  }

  function quantifier(): { min: number; max: number } | undefined {
    if (take("*")) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (take("+")) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (take("?")) return { min: 0, max: 1 };
    const counted = /^\{(\d+)(,?)(\d*)\}/.exec(chars.slice(at, at + 20).join(""));
    if (counted === null) return undefined;
    at += counted[0].length;
    const min = Number(counted[1]);
    const max = counted[2] === "" ? min : counted[3] ? Number(counted[3]) : Number.POSITIVE_INFINITY;
    if (min > max) throw refused(`wait_for has a repetition out of order: ${counted[0]}`);
    if (min > maxRepeat || (max > maxRepeat && max !== Number.POSITIVE_INFINITY)) {
      throw refused(`wait_for repeats more than ${maxRepeat} times: ${counted[0]}`);
    }
    return { min, max };
  }

  function atom(): Pattern {
    const char = next();
    if (char === "(") return group();
    if (char === "[") return { type: "set", set: charClass() };
    if (char === ".") return { type: "set", set: inverted(setOf("\n\r")) };
    if (char === "^") return { type: "assert", what: "line-start" };
    if (char === "$") return { type: "assert", what: "line-end" };
    if (char === "\\") return escaped();
    if ("*+?".includes(char)) throw refused(`wait_for has nothing to repeat before ${char}`);
    return literal(char);
  }

  function group(): Pattern {
    if (take("?") && !take(":") && !/^<[a-z_]\w*>/i.test(chars.slice(at, at + 40).join(""))) {
      throw refused("wait_for uses look-around or flags, which are not offered");
    }
    if (take("<")) while (next() !== ">");
    const inner = choice();
    if (!take(")")) throw refused("wait_for has a ( without its )");
    return inner;
  }

  function escaped(): Pattern {
    const char = next();
    const what = assertions[char];
    if (what !== undefined) return { type: "assert", what };
    const set = shorthand(char);
    return set === undefined ? literal(escapedChar(char)) : { type: "set", set };
  }

  /** The character that a backslash and `char` stand for. */
  function escapedChar(char: string): string {
    const control = controls[char];
    if (control !== undefined) return control;
    const code = /^(?:x([0-9a-f]{2})|u([0-9a-f]{4}))/i.exec(char + chars.slice(at, at + 4).join(""));
    if (code !== null) {
      at += code[0].length - 1;
      return String.fromCodePoint(Number.parseInt(code[1] ?? code[2] ?? "", 16));
    }
    if (/[a-z0-9]/i.test(char)) throw refused(`wait_for uses \\${char}, which is not offered`);
    return char;
  }

  function literal(char: string): Pattern {
    const items = [...Buffer.from(char)].map((byte): Pattern => ({ type: "set", set: bothCases([byte]) }));
    return items.length === 1 && items[0] ? items[0] : { type: "sequence", items };
  }

  function charClass(): ByteSet {
    const negated = take("^");
    const members = new Uint8Array(256);
    while (!take("]")) {
      const member = classMember();
      if (typeof member !== "number") {
        for (const byte of bytesOf(member)) members[byte] = 1;
        continue;
      }
      const isRange = chars[at + 1] !== "]" && take("-");
      const last = isRange ? classMember() : member;
      if (typeof last !== "number" || last < member) throw refused("wait_for has a class with a bad range");
      for (let byte = member; byte <= last; byte++) members[byte] = 1;
    }
    const set = bothCases(bytesOf(members));
    return negated ? inverted(set) : set;
  }

  function classMember(): ByteSet | number {
    const char = next();
    const after = char === "\\" ? next() : undefined;
    const set = after === undefined ? undefined : shorthand(after);
    if (set !== undefined) return set;
    const byte = (after === undefined ? char : escapedChar(after)).codePointAt(0) ?? 0;
    if (byte > 127) throw refused(`wait_for has ${char} in a class; write it as a choice, (a|${char})`);
    return byte;
  }

  function bothCases(bytes: readonly number[]): ByteSet {
    const text = String.fromCharCode(...bytes);
    return setOf(anyCase ? text.replace(/[a-z]/gi, (char) => char.toLowerCase() + char.toUpperCase()) : text);
  }
}

/** The set that `\d`, `\W` and the like stand for. */
function shorthand(char: string): ByteSet | undefined {
  const lower = char.toLowerCase();
  if (!"dws".includes(lower)) return undefined;
  const holds = lower === "d" ? isDigit : lower === "w" ? isWordByte : isSpace;
  const set = Uint8Array.from({ length: 256 }, (_, byte) => Number(holds(byte)));
  return char === lower ? set : inverted(set);
}

function isDigit(byte: number): boolean {
  return byte >= 48 && byte <= 57;
}

function isSpace(byte: number): boolean {
  return space.includes(String.fromCharCode(byte));
}

/** True for `[A-Za-z0-9_]`. */
export function isWordByte(byte: number): boolean {
  return /\w/.test(String.fromCharCode(byte));
}

function setOf(text: string): ByteSet {
  const set = new Uint8Array(256);
  for (const char of text) set[char.charCodeAt(0)] = 1;
  return set;
}

function inverted(set: ByteSet): ByteSet {
  return set.map((flag) => 1 - flag);
}

function bytesOf(set: ByteSet): number[] {
  return [...set.keys()].filter((byte) => set[byte] === 1);
}

/** A pattern we do not match, in words. */
export function refused(message: string): Fault {
  return new Fault("INVALID_ARGUMENT", message, {
    hint: "wait_for takes literals, classes, groups, choices, repetition, ^ $ \\b, and (?i) at the beginning",
  });
}
