import { parseArgs } from "node:util";
import { closest } from "../../internal/config/suggest.js";
import { Fault } from "../../internal/errs/errs.js";
import { commonOptions, type Flags, type OptionName, options } from "./options.js";
import { type Verb, verbs } from "./verbs.js";

export interface Invocation {
  readonly verb: Verb;
  readonly flags: Flags;
  /** The words after the verb's name. */
  readonly args: readonly string[];
}

/**
 * Reads a command line: flags may stand before or after the verb. Throws USAGE, with the nearest right word where
 * there is one.
 */
export function parse(argv: readonly string[]): Invocation {
  refuseUnknownFlags(argv);
  const { values: flags, positionals } = parseStrictly(argv);
  // `VERB --help` is `help VERB`, whatever else the line holds.
  const { verb, args } = findVerb(flags.help ? ["help", ...positionals] : positionals);
  if (!flags.help) {
    refuseMisplacedFlags(verb, flags);
    checkArguments(verb, args);
    checkChoices(flags);
  }
  return { verb, flags, args };
}

function refuseUnknownFlags(argv: readonly string[]): void {
  const { tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind !== "option" || Object.hasOwn(options, token.name)) continue;
    throw usage(`unknown flag ${token.rawName}`, nearest(token.name, Object.keys(options), "--"));
  }
}

function parseStrictly(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (error) {
    // What is left are a missing value and a value too many, which Node words well: "Option '--x' ...".
    const [sentence = ""] = (error as Error).message.split("\n");
    throw usage(sentence.charAt(0).toLowerCase() + sentence.slice(1).replace(/\.$/, ""));
  }
}

/** The verb that `words` begin with, and the words after it. */
export function findVerb(words: readonly string[]): { verb: Verb; args: readonly string[] } {
  const [first, second] = words;
  if (first === undefined) throw usage("no command given");
  const group = verbs.flatMap(({ name }) =>
    name.startsWith(`${first} `) ? [name.slice(first.length + 1)] : [],
  );
  // A command that has others below it takes no arguments: a second word is the name of one of those.
  const length = second !== undefined && group.length > 0 ? 2 : 1;
  const verb = verbs.find(({ name }) => name === words.slice(0, length).join(" "));
  if (verb) return { verb, args: words.slice(length) };
  if (group.length === 0) throw usage(`unknown command ${first}`, nearest(first, firstWords()));
  if (second === undefined) throw usage(`${first} wants a command`, `one of: ${group.join(", ")}`);
  throw usage(`unknown command ${first} ${second}`, nearest(second, group) ?? `one of: ${group.join(", ")}`);
}

function firstWords(): string[] {
  return [...new Set(verbs.map(({ name }) => name.split(" ", 1)[0] ?? name))];
}

function refuseMisplacedFlags(verb: Verb, flags: Flags): void {
  const allowed = [...commonOptions, ...(verb.options ?? [])];
  for (const name of Object.keys(flags) as OptionName[]) {
    if (!allowed.includes(name))
      throw usage(`${verb.name} takes no --${name}`, `its flags are listed by: ctmcpctl help ${verb.name}`);
  }
}

function checkArguments(verb: Verb, args: readonly string[]): void {
  const wanted = verb.args ?? [];
  // `help` takes the name of a command, which may be two words.
  const limit = verb.name === "help" ? 2 : wanted.length;
  if (args.length > limit) throw usage(`${verb.name} takes no argument ${args[limit]}`);
  for (const [i, { name, optional, choices }] of wanted.entries()) {
    const arg = args[i];
    if (arg === undefined) {
      if (optional) continue;
      throw usage(`${verb.name} wants ${name}`, choices ? `one of: ${choices.join(", ")}` : undefined);
    }
    if (choices && !choices.includes(arg)) throw usage(`${name} is ${arg}`, oneOf(arg, choices));
  }
}

function checkChoices(flags: Flags): void {
  for (const name of Object.keys(flags) as OptionName[]) {
    const option = options[name];
    const value = flags[name];
    if (!("choices" in option) || typeof value !== "string") continue;
    const choices: readonly string[] = option.choices;
    if (!choices.includes(value)) throw usage(`--${name} is ${value}`, oneOf(value, choices));
  }
}

function oneOf(word: string, choices: readonly string[]): string {
  return nearest(word, choices) ?? `it takes one of: ${choices.join(", ")}`;
}

function nearest(word: string, candidates: readonly string[], prefix = ""): string | undefined {
  const found = closest(word, candidates);
  return found === undefined ? undefined : `did you mean ${prefix}${found}?`;
}

function usage(message: string, hint = "ctmcpctl help lists the commands"): Fault {
  return new Fault("USAGE", message, { hint });
}
