import { commonOptions, type Option, type OptionName, options } from "./options.js";
import { type Argument, type Verb, verbs } from "./verbs.js";

/**
 * What the last of `words` (the command line behind "ctmcpctl", up to the cursor) may become, one a line. Nothing
 * means a file name, or that there is nothing to offer; the shell then completes file names.
 */
export function run(words: readonly string[], stdout: { write(text: string): unknown }): number {
  const found = candidates(words);
  if (found.length > 0) stdout.write(`${found.join("\n")}\n`);
  return 0;
}

/** The candidates that begin with the last word. */
export function candidates(words: readonly string[]): readonly string[] {
  const current = words.at(-1) ?? "";
  return offers(words.slice(0, -1), current).filter((word) => word.startsWith(current));
}

function offers(before: readonly string[], current: string): readonly string[] {
  const pending = flagNamed(before.at(-1) ?? "");
  if (pending?.type === "string") return pending.choices ?? [];
  const plain = withoutFlags(before);
  // Of two that fit, such as "clients" and "clients show", the longer one is meant.
  const verb = verbs.findLast(({ name }) => isPrefix(name.split(" "), plain));
  if (current.startsWith("-")) return flagsOf(verb);
  if (verb?.name === "help") return nextWords(plain.slice(1));
  const arg: Argument | undefined = verb?.args?.[plain.length - verb.name.split(" ").length];
  return arg?.choices ?? nextWords(plain);
}

/** The words that continue `plain` towards the name of a verb. */
function nextWords(plain: readonly string[]): readonly string[] {
  const names = verbs.map(({ name }) => name.split(" ")).filter((name) => isPrefix(plain, name));
  return [...new Set(names.flatMap((name) => name.slice(plain.length, plain.length + 1)))];
}

function isPrefix(part: readonly string[], whole: readonly string[]): boolean {
  return part.every((word, i) => whole[i] === word);
}

function flagsOf(verb: Verb | undefined): readonly string[] {
  return [...(verb?.options ?? []), ...commonOptions].map((name) => `--${name}`);
}

function flagNamed(word: string): Option | undefined {
  const name = word.slice(2);
  return word.startsWith("--") && Object.hasOwn(options, name) ? options[name as OptionName] : undefined;
}

function withoutFlags(words: readonly string[]): readonly string[] {
  return words.filter((word, i) => !word.startsWith("-") && flagNamed(words[i - 1] ?? "")?.type !== "string");
}
