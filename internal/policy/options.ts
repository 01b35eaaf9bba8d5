import { type Argument, unknown } from "./shell.js";

/** Which options of a program take a value of their own, so that the value is not taken for an operand. */
export interface OptionTable {
  /** Letters of short options with a value. */
  readonly short?: string;
  /** Names of long options whose value may be the next word. */
  readonly long?: readonly string[];
}

export interface Option {
  /** `-x` for each letter of a cluster, or `--name`. */
  readonly name: string;
  /** The value, attached or the next word; undefined for a flag. */
  readonly value: Argument | undefined;
}

export interface ParsedOptions {
  readonly options: readonly Option[];
  /** The words from the first operand on. */
  readonly rest: readonly Argument[];
}

/** Reads the options before the first operand, as getopt(3) does with `+`: clusters, attached values, `--`. */
export function leadingOptions(args: readonly Argument[], table: OptionTable = {}): ParsedOptions {
  const options: Option[] = [];
  let index = 0;
  while (index < args.length && isOption(args[index])) {
    if (args[index]?.value === "--") return { options, rest: args.slice(index + 1) };
    index += readOption(args, index, table, options);
  }
  return { options, rest: args.slice(index) };
}

/** Every option and every operand of a program that takes them in any order. */
export function allOptions(
  args: readonly Argument[],
  table: OptionTable = {},
): { readonly options: readonly Option[]; readonly operands: readonly Argument[] } {
  const options: Option[] = [];
  const operands: Argument[] = [];
  for (let index = 0; index < args.length; ) {
    const arg = args[index] as Argument;
    if (arg.value === "--") return { options, operands: [...operands, ...args.slice(index + 1)] };
    if (isOption(arg)) index += readOption(args, index, table, options);
    else {
      operands.push(arg);
      index += 1;
    }
  }
  return { options, operands };
}

function isOption(arg: Argument | undefined): boolean {
  return arg !== undefined && arg.value.length > 1 && arg.value.startsWith("-");
}

/** Reads the option word at `index` into `found`; returns how many words it took. */
function readOption(args: readonly Argument[], index: number, table: OptionTable, found: Option[]): 1 | 2 {
  const arg = args[index] as Argument;
  const next = args[index + 1];
  if (arg.value.startsWith("--")) {
    const [name, attached] = splitOnce(arg.value, "=");
    const takesNext = attached === undefined && table.long?.includes(name.slice(2)) === true;
    found.push({
      name,
      value: attached === undefined ? (takesNext ? next : undefined) : { ...arg, value: attached },
    });
    return takesNext ? 2 : 1;
  }
  const letters = arg.value.slice(1);
  for (const [i, letter] of [...letters].entries()) {
    if (letter === unknown) break;
    const name = `-${letter}`;
    if (!table.short?.includes(letter)) {
      found.push({ name, value: undefined });
      continue;
    }
    const attached = letters.slice(i + 1);
    found.push({ name, value: attached === "" ? next : { ...arg, value: attached } });
    return attached === "" ? 2 : 1;
  }
  return 1;
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** True when one of `names` was given. */
export function has(options: readonly Option[], ...names: readonly string[]): boolean {
  return options.some(({ name }) => names.includes(name));
}
