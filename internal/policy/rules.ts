import { gitOptions, isShell, shellCall } from "./nested.js";
import { allOptions, has, leadingOptions, type OptionTable } from "./options.js";
import type { Argument } from "./shell.js";

/** Programs that are destructive whatever their arguments: they change who one is, or whole file systems. */
const destructiveNames: ReadonlySet<string> = new Set([
  "sudo",
  "sudoedit",
  "su",
  "doas",
  "pkexec",
  "runuser",
  "mkfs",
  "mount",
  "umount",
]);

/** True for a program that is destructive by its name alone. */
export function isDestructiveName(name: string): boolean {
  return destructiveNames.has(name) || name.startsWith("mkfs.");
}

/** What is destructive about the command, in words; undefined when nothing is. */
export function destructive(name: string, args: readonly Argument[]): string | undefined {
  if (isDestructiveName(name)) return name;
  switch (name) {
    case "rm": {
      const { options } = allOptions(args);
      const forced = has(options, "-f", "--force");
      return forced && has(options, "-r", "-R", "--recursive") ? "rm -rf" : undefined;
    }
    case "chmod":
    case "chown":
      return has(allOptions(args).options, "-R", "--recursive") ? `${name} -R` : undefined;
    case "find":
      return args.some(({ value }) => value === "-delete") ? "find -delete" : undefined;
    case "git":
      return destructiveGit(args);
    default:
      return undefined;
  }
}

function destructiveGit(args: readonly Argument[]): string | undefined {
  const [sub, ...rest] = leadingOptions(args, gitOptions).rest;
  const { options } = allOptions(rest, { short: "e" });
  if (sub?.value === "reset" && has(options, "--hard")) return "git reset --hard";
  if (sub?.value !== "clean" || has(options, "-n", "--dry-run")) return undefined;
  return has(options, "-f", "--force", "-x", "-X") ? "git clean" : undefined;
}

interface Interpreter extends OptionTable {
  /** Options that carry the program itself. */
  readonly code: readonly string[];
  /** Options after which the program is named by something else than a file. */
  readonly module?: readonly string[];
  /** Subcommands that carry the program itself. */
  readonly subcommands?: readonly string[];
}

const javascript: Interpreter = {
  code: ["-e", "--eval", "-p", "--print"],
  short: "rC",
  long: ["require", "import", "loader", "experimental-loader", "conditions", "env-file"],
  subcommands: ["eval"],
};

const interpreters: readonly (readonly [RegExp, Interpreter])[] = [
  [/^(python|pypy)[\d.]*$/, { code: ["-c"], module: ["-m"], short: "cmWX" }],
  [/^(node|nodejs|bun|deno)$/, javascript],
  [/^perl[\d.]*$/, { code: ["-e", "-E"], short: "eEMmI" }],
  [/^ruby[\d.]*$/, { code: ["-e"], short: "erICE" }],
  [/^php[\d.]*$/, { code: ["-r", "-B", "-R", "-E"], short: "rBREcdfFtzS" }],
  [/^(lua|luajit)[\d.]*$/, { code: ["-e"], short: "el" }],
  [
    /^(Rscript|R|julia|osascript|elixir|ghc|clojure|racket|groovy)$/,
    { code: ["-e", "-E", "--eval"], short: "eE" },
  ],
];

/** How a command gets its standard input. */
export type Feed = "text" | "other";

/**
 * What program text the command carries besides a file, in words: an option such as `-c`, or its standard input when
 * the line itself, or the call, feeds it. Undefined when it carries none.
 */
export function inlineScript(name: string, args: readonly Argument[], feed: Feed): string | undefined {
  if (name === "eval") return "eval";
  if (isShell(name)) {
    const { code, script } = shellCall(args);
    if (code !== undefined) return `${name} -c`;
    return feed === "text" && isStdin(script)
      ? `${name} that reads its script from standard input`
      : undefined;
  }
  const known = interpreters.find(([names]) => names.test(name))?.[1];
  if (known === undefined) return undefined;
  const { options, rest } = leadingOptions(args, known);
  const carrier = options.find((option) => known.code.includes(option.name));
  if (carrier !== undefined) return `${name} ${carrier.name}`;
  if (has(options, ...(known.module ?? []))) return undefined;
  const [first] = rest;
  if (first !== undefined && known.subcommands?.includes(first.value)) return `${name} ${first.value}`;
  return feed === "text" && isStdin(first) ? `${name} that reads its program from standard input` : undefined;
}

function isStdin(script: Argument | undefined): boolean {
  return script === undefined || ["-", "/dev/stdin", "/dev/fd/0"].includes(script.value);
}
