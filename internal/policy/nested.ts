import { allOptions, has, leadingOptions, type OptionTable } from "./options.js";
import { type Argument, literal } from "./shell.js";

/** What one command runs besides itself. */
export interface Nested {
  /** Commands as words: `timeout 5 CMD...`, `find -exec CMD... ;`. */
  readonly commands: readonly (readonly Argument[])[];
  /** Shell text: `sh -c TEXT`, `eval TEXT`. */
  readonly code: readonly Argument[];
  /** The command's own words, without those of what it runs. */
  readonly own: readonly Argument[];
}

interface Wrapper extends OptionTable {
  /** Operands before the command. */
  readonly operands?: number;
  /** NAME=VALUE words may stand before the command. */
  readonly assignments?: boolean;
  /** With one of these options nothing is run. */
  readonly unless?: readonly string[];
  /** Options whose value is shell text. */
  readonly code?: readonly string[];
}

/** Programs that run the command which follows their own options. */
const wrappers: Readonly<Record<string, Wrapper>> = {
  builtin: {},
  busybox: {},
  caffeinate: { short: "tw" },
  chroot: { operands: 1 },
  chrt: { operands: 1, short: "TPD" },
  command: { unless: ["-v", "-V"] },
  env: {
    short: "uCS",
    long: ["unset", "chdir", "split-string"],
    assignments: true,
    code: ["-S", "--split-string"],
  },
  exec: { short: "a" },
  fakeroot: { short: "lsib" },
  faketime: { operands: 1 },
  flock: { operands: 1, short: "wEc", code: ["-c", "--command"] },
  ionice: { short: "cnpPu" },
  ltrace: { short: "aeloOpsuxX" },
  nice: { short: "n", long: ["adjustment"] },
  nohup: {},
  parallel: { short: "jaINnSL", long: ["jobs", "arg-file", "sshlogin"] },
  prlimit: { short: "p" },
  setarch: { operands: 1 },
  setpriv: {},
  setsid: {},
  stdbuf: { short: "ioe", long: ["input", "output", "error"] },
  strace: { short: "abeEIopPsSuUX" },
  taskset: { operands: 1 },
  time: { short: "fo", long: ["format", "output"] },
  timeout: { operands: 1, short: "ks", long: ["kill-after", "signal"] },
  toybox: {},
  unbuffer: {},
  unshare: { short: "RwSG" },
  valgrind: {},
  xargs: {
    short: "adEILnPs",
    long: ["arg-file", "delimiter", "max-args", "max-lines", "max-procs", "max-chars", "replace"],
  },
};

/** Tools that run what follows a word of theirs. */
const runners: Readonly<Record<string, string>> = {
  bundle: "exec",
  hatch: "run",
  mise: "exec",
  npm: "exec",
  pdm: "run",
  pipenv: "run",
  pnpm: "exec",
  poetry: "run",
  uv: "run",
};

const shells: ReadonlySet<string> = new Set([
  "sh",
  "bash",
  "dash",
  "zsh",
  "ksh",
  "mksh",
  "ash",
  "fish",
  "rbash",
]);

/** True for the name of a shell. */
export function isShell(name: string): boolean {
  return shells.has(name);
}

/** How a shell was called: with `-c TEXT`, with a script file, or to read commands from its standard input. */
export function shellCall(args: readonly Argument[]): {
  readonly code?: Argument;
  readonly script?: Argument;
} {
  const { options, rest } = leadingOptions(args, { short: "oO", long: ["rcfile", "init-file", "command"] });
  const long = options.find(({ name }) => name === "--command")?.value;
  if (long !== undefined) return { code: long };
  const [first] = rest;
  if (has(options, "-c")) return first === undefined ? {} : { code: first };
  return first === undefined || has(options, "-s") ? {} : { script: first };
}

/** What `name` with these arguments runs besides itself. */
export function nestedIn(name: string, args: readonly Argument[]): Nested {
  if (isShell(name)) {
    const { code } = shellCall(args);
    return { commands: [], code: code === undefined ? [] : [code], own: args.filter((arg) => arg !== code) };
  }
  if (Object.hasOwn(wrappers, name)) return unwrap(wrappers[name] as Wrapper, args);
  if (Object.hasOwn(runners, name)) return runner(runners[name] as string, args);
  switch (name) {
    case "eval":
      return { commands: [], code: [joined(args)], own: [] };
    case "watch": {
      const { rest } = leadingOptions(args, { short: "nq" });
      return { commands: [], code: [joined(rest)], own: [] };
    }
    case "trap":
      return { commands: [], code: leadingOptions(args).rest.slice(0, 1), own: [] };
    case "alias":
      return {
        commands: [],
        code: args.map(({ value }) => literal(value.slice(value.indexOf("=") + 1))),
        own: [],
      };
    case "script": {
      const { options } = allOptions(args, { short: "cEIoOT" });
      const code = options.filter((option) => option.name === "-c" || option.name === "--command");
      return { commands: [], code: code.flatMap(({ value }) => value ?? []), own: args };
    }
    case "find":
    case "fd":
      return findExec(args);
    case "git":
      return { commands: [], code: gitAliases(args), own: args };
    default:
      return { commands: [], code: [], own: args };
  }
}

function unwrap(wrapper: Wrapper, args: readonly Argument[]): Nested {
  const { options, rest } = leadingOptions(args, wrapper);
  const code = options.flatMap(({ name, value }) => (wrapper.code?.includes(name) && value ? [value] : []));
  let start = wrapper.operands ?? 0;
  if (wrapper.assignments) while (/^\w+=/.test(rest[start]?.value ?? "")) start += 1;
  const command = rest.slice(start);
  const own = args.slice(0, args.length - command.length);
  const [first, text] = command;
  // `flock FILE -c TEXT`: the option stands behind the operand.
  if (first && text && wrapper.code?.includes(first.value))
    return { commands: [], code: [...code, text], own };
  const runs = command.length > 0 && !has(options, ...(wrapper.unless ?? []));
  return { commands: runs ? [command] : [], code, own };
}

function runner(word: string, args: readonly Argument[]): Nested {
  const { rest } = leadingOptions(args);
  if (rest[0]?.value !== word) return { commands: [], code: [], own: args };
  const command = leadingOptions(rest.slice(1)).rest;
  return {
    commands: command.length > 0 ? [command] : [],
    code: [],
    own: args.slice(0, args.length - command.length),
  };
}

const execOptions: ReadonlySet<string> = new Set([
  "-exec",
  "-execdir",
  "-ok",
  "-okdir",
  "-x",
  "-X",
  "--exec",
  "--exec-batch",
]);

function findExec(args: readonly Argument[]): Nested {
  const commands: Argument[][] = [];
  const own: Argument[] = [];
  let command: Argument[] | undefined;
  for (const arg of args) {
    if (command !== undefined && (arg.value === ";" || arg.value === "+")) command = undefined;
    else if (command !== undefined) command.push(arg);
    else if (execOptions.has(arg.value)) {
      command = [];
      commands.push(command);
    } else own.push(arg);
  }
  return { commands: commands.filter(({ length }) => length > 0), code: [], own };
}

/** `git -c alias.x=VALUE`: VALUE runs as a git command, or as shell text behind `!`. */
function gitAliases(args: readonly Argument[]): Argument[] {
  const { options } = leadingOptions(args, gitOptions);
  return options.flatMap(({ name, value }) => {
    const alias = name === "-c" ? /^alias\.[^=]*=(.*)$/s.exec(value?.value ?? "")?.[1] : undefined;
    if (alias === undefined) return [];
    return [literal(alias.startsWith("!") ? alias.slice(1) : `git ${alias}`)];
  });
}

/** Options of git itself that take a value. */
export const gitOptions: OptionTable = {
  short: "Cc",
  long: ["git-dir", "work-tree", "namespace", "exec-path", "config-env", "super-prefix"],
};

function joined(args: readonly Argument[]): Argument {
  return { value: args.map(({ value }) => value).join(" "), pattern: false };
}
