import { gitOptions } from "./nested.js";
import { leadingOptions, type OptionTable } from "./options.js";
import { type Argument, unknown } from "./shell.js";

/** A path that a command names, as far as it is known before the command runs. */
export interface NamedPath {
  /** As it stands in the command. */
  readonly text: string;
  /** The directory that a relative path starts from, relative to the workspace; undefined: not known. */
  readonly base: string | undefined;
}

/** Commands whose arguments are text, never paths. */
const textOnly: ReadonlySet<string> = new Set([
  ":",
  "alias",
  "basename",
  "date",
  "dirname",
  "echo",
  "eval",
  "expr",
  "false",
  "kill",
  "logger",
  "printf",
  "seq",
  "sleep",
  "tr",
  "trap",
  "true",
  "watch",
]);

/** Commands whose first operand is a pattern or a program, unless an option gives it. */
const patternFirst: Readonly<Record<string, OptionTable & { readonly given: readonly string[] }>> = {
  ack: { given: ["--match"] },
  ag: { given: [] },
  awk: { short: "Fvf", given: ["-f"] },
  egrep: { short: "ABCmefdD", given: ["-e", "-f", "--regexp", "--file"] },
  fgrep: { short: "ABCmefdD", given: ["-e", "-f", "--regexp", "--file"] },
  gawk: { short: "Fvf", given: ["-f"] },
  grep: { short: "ABCmefdD", given: ["-e", "-f", "--regexp", "--file"] },
  jq: { short: "L", given: ["-f", "--from-file"] },
  mawk: { short: "Fvf", given: ["-f"] },
  rg: { short: "ABCmefgtTEMjdr", given: ["-e", "-f", "--regexp", "--file", "--files"] },
  sed: { short: "efl", long: ["expression", "file"], given: ["-e", "-f", "--expression", "--file"] },
  yq: { given: [] },
};
/** Options whose value is prose or a format, whatever the program. */
const proseOptions = /^--(message|title|body|notes|grep|format|pretty|author)$/;
const proseValue = /^--(message|title|body|notes|grep|format|pretty|author|regexp|expression)=/;
const messagePrograms: ReadonlySet<string> = new Set(["gh", "git", "glab", "hg", "jj", "svn"]);

/**
 * The paths among a command's own words. Words that are patterns, programs, messages or separators are left out, and
 * so is everything about which nothing is known yet.
 */
export function namedPaths(name: string, args: readonly Argument[], cwd: string | undefined): NamedPath[] {
  if (textOnly.has(name)) return [];
  const skipped = patternOperand(name, args);
  const base = baseDirectory(name, args, cwd);
  const found: NamedPath[] = [];
  for (const [i, arg] of args.entries()) {
    if (arg === skipped || proseValue.test(arg.value) || isText(name, args[i - 1], arg)) continue;
    for (const text of pieces(arg)) found.push({ text, base });
  }
  return found;
}

/** True for a word that the option before it makes a pattern, a message, or (`-d /`, `-F /`) a separator. */
function isText(name: string, option: Argument | undefined, { value }: Argument): boolean {
  const before = option?.value ?? "";
  if (proseOptions.test(before) || (messagePrograms.has(name) && /^-\w*m$/.test(before))) return true;
  if (Object.hasOwn(patternFirst, name) && /^(-\w*e|--regexp|--expression)$/.test(before)) return true;
  return value === "/" && /^-\w$/.test(before);
}

function patternOperand(name: string, args: readonly Argument[]): Argument | undefined {
  if (!Object.hasOwn(patternFirst, name)) return undefined;
  const table = patternFirst[name] as OptionTable & { given: readonly string[] };
  const { options, rest } = leadingOptions(args, table);
  return options.some(({ name: option }) => table.given.includes(option)) ? undefined : rest[0];
}

/** `git -C DIR`, `make -C DIR`, `npm --prefix DIR`: the other arguments are relative to DIR. */
function baseDirectory(name: string, args: readonly Argument[], cwd: string | undefined): string | undefined {
  const changes =
    name === "git"
      ? leadingOptions(args, gitOptions).options
      : leadingOptions(args, directoryOptions).options;
  return changes.reduce(
    (base, option) =>
      option.value !== undefined && directoryNames.has(option.name)
        ? changeDirectory(base, option.value)
        : base,
    cwd,
  );
}

const directoryOptions: OptionTable = { short: "C", long: ["directory", "prefix", "cwd", "dir", "chdir"] };
const directoryNames: ReadonlySet<string> = new Set([
  "-C",
  "--directory",
  "--prefix",
  "--cwd",
  "--dir",
  "--chdir",
]);

/** Where `cd TARGET` leads from `cwd`; undefined when that is not known. Absolute paths stay absolute. */
export function changeDirectory(cwd: string | undefined, target: Argument): string | undefined {
  const { value } = target;
  if (value === "-" || value.includes(unknown) || target.pattern) return undefined;
  if (value.startsWith("/")) return value;
  return cwd === undefined ? undefined : `${cwd}/${value}`;
}

/** The path-like texts in one word: the word itself, the value of an option or assignment, parts of a list. */
function pieces(arg: Argument): string[] {
  const [, , attached] = /^(-{0,2}[\w.-]+=|-[A-Za-z](?=\/))(.*)$/s.exec(arg.value) ?? [];
  const value = (attached ?? arg.value).replace(/^[@<]|^file:\/\/(?=\/)/, "");
  // An address, not a path; braces in it are the business of the program.
  if (/^\w+:\/\//.test(value)) return [];
  const parts =
    arg.pattern && value.startsWith("{")
      ? value.slice(1).split(/[,}]/)
      : value.startsWith("/")
        ? value.split(":")
        : [value];
  return parts.map((part) => known(part, arg.pattern)).filter((part) => part !== "" && !part.startsWith("-"));
}

/** What stands before the first expansion, glob or brace, cut at a whole path component. */
function known(text: string, pattern: boolean): string {
  const end = text.search(pattern ? /[\0*?[{]/ : /\0/);
  if (end === -1) return text;
  const directory = text.slice(0, text.lastIndexOf("/", end) + 1);
  // `/*` and `/{a,b}` name the root's entries, `/$x` could be anything.
  return directory === "/" && text[end] === unknown ? "" : directory;
}
