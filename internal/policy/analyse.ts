import { isShell, nestedIn, shellCall } from "./nested.js";
import { isSocketPath, networkUse } from "./network.js";
import { leadingOptions } from "./options.js";
import { changeDirectory, type NamedPath, namedPaths } from "./paths.js";
import { destructive, type Feed, inlineScript, isDestructiveName } from "./rules.js";
import {
  type Argument,
  argumentOf,
  literal,
  parseScript,
  type Shell,
  type SyntaxNode,
  unknown,
  type Variables,
} from "./shell.js";

/** What a command line holds, in the order of its text. Nothing was looked up on disk yet. */
export interface Analysis {
  /** Names and paths of the programs it runs, as written. */
  readonly programs: readonly NamedPath[];
  readonly paths: readonly NamedPath[];
  readonly inline: readonly string[];
  readonly expansions: readonly string[];
  readonly destructive: readonly string[];
  readonly network: readonly string[];
  /** Why a part of it could not be read; that part may hold anything. */
  readonly unreadable: readonly string[];
}

export interface AnalyseOptions {
  readonly shell: Shell;
  /** Relative to the workspace. */
  readonly cwd: string;
  readonly variables: Variables;
  /** The call feeds text to standard input. */
  readonly stdin: boolean;
}

/** Substitutions, shell text and commands inside one another are followed this far: no real line comes near. */
const maxDepth = 32;
/** So many commands are looked at, so many substitutions and here-documents parsed; what it costs grows faster than they do. */
const maxCommands = 1_000;
const maxOpeners = 2_000;
const openers = /\$[({]|[<>]\(|<<|`/g;

/** Where the walk stands: what the shell's state would be there. */
interface State {
  cwd: string | undefined;
  readonly feed: Feed;
  readonly depth: number;
}

type Findings = { [K in keyof Analysis]: Analysis[K] extends readonly (infer T)[] ? T[] : never };

/**
 * Reads a command line as the shell would and collects everything that a mode may refuse: in every command of it,
 * also those in functions, substitutions, here-documents, and behind `env`, `xargs`, `sh -c`, `find -exec` and the like.
 */
export function analyse(source: string, options: AnalyseOptions): Analysis {
  const found: Findings = {
    programs: [],
    paths: [],
    inline: [],
    expansions: [],
    destructive: [],
    network: [],
    unreadable: [],
  };
  const { shell, variables } = options;
  let commandCount = 0;
  code(source, { cwd: options.cwd || ".", feed: options.stdin ? "text" : "other", depth: 0 });
  return found;

  function code(text: string, state: State): void {
    if (tooMuch(state)) return;
    if ((text.match(openers)?.length ?? 0) > maxOpeners) {
      found.unreadable.push("too many substitutions");
      return;
    }
    const script = parseScript(shell, text);
    if ("problem" in script) found.unreadable.push(script.problem);
    else guarded(script, state);
  }

  /** Substitutions are parsed when they are first looked at, and may be nested past what the stack holds. */
  function guarded(node: SyntaxNode, state: State): void {
    try {
      walk(node, state);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      found.unreadable.push("nested too deeply");
    }
  }

  function walk(node: SyntaxNode, state: State): void {
    if (tooDeep(state)) return;
    switch (node.type) {
      case "Script":
        for (const { message } of ("errors" in node && node.errors) || []) found.unreadable.push(message);
        return children(node, state);
      case "Command":
        return command(node, state);
      case "Pipeline":
        return node.commands.forEach((part, i) => {
          walk(part, { ...state, feed: i === 0 ? state.feed : "text" });
        });
      case "Redirected":
        for (const redirect of node.redirects) redirection(redirect, state);
        return walk(node.command, { ...state, feed: feedOf(node.redirects) ?? state.feed });
      case "CommandExpansion":
      case "ArithmeticCommandExpansion":
      case "ProcessSubstitution":
        found.expansions.push(node.text);
        return children(node, { ...state, feed: "other", depth: state.depth + 1 });
      case "ParameterExpansion":
        found.expansions.push(node.text);
        return children(node, state);
      case "Subshell":
      case "Coproc":
        return children(node, { ...state });
      default:
        return children(node, state);
    }
  }

  function tooDeep({ depth }: State): boolean {
    if (depth <= maxDepth) return false;
    found.unreadable.push("nested too deeply");
    return true;
  }

  /** Counts one more command. */
  function tooMuch(state: State): boolean {
    commandCount += 1;
    if (commandCount === maxCommands + 1) found.unreadable.push("too many commands");
    return commandCount > maxCommands || tooDeep(state);
  }

  function children(node: SyntaxNode, state: State): void {
    shell.forEachChild(node, (child) => walk(child, state));
  }

  function command(node: Extract<SyntaxNode, { type: "Command" }>, state: State): void {
    // Expansions and substitutions in its words, whatever the command is.
    children(node, { ...state });
    for (const redirect of node.redirects) redirection(redirect, state);
    if (node.name === undefined) return;
    const words = [node.name, ...node.args].map((word) =>
      word.type === "Word" ? argumentOf(word, variables) : assignment(word),
    );
    const feed = feedOf(node.redirects) ?? state.feed;
    const script = node.redirects.flatMap(hereText).join("\n");
    run(words, { ...state, feed }, script);
    follow(words, state);
  }

  /** Keeps `cwd` where the shell would be after the command. */
  function follow([name, ...args]: readonly Argument[], state: State): void {
    if (name === undefined || !/^(cd|pushd|popd)$/.test(name.value)) return;
    const [target] = leadingOptions(args).rest;
    state.cwd =
      name.value === "popd" || target === undefined ? undefined : changeDirectory(state.cwd, target);
  }

  /** One command as words; `script` is the here-document it reads. */
  function run(words: readonly Argument[], state: State, script = ""): void {
    const [program, ...args] = words;
    if (program === undefined || tooMuch(state)) return;
    if (program.value.includes(unknown) || (program.pattern && /[*?[{]/.test(program.value))) {
      found.expansions.push(`a command named ${program.value.replaceAll(unknown, "$...")}`);
      return;
    }
    const name = program.value.slice(program.value.lastIndexOf("/") + 1);
    const { commands, code: texts, own } = nestedIn(name, args);
    if (!isDestructiveName(name)) found.programs.push({ text: program.value, base: state.cwd });
    found.paths.push(...namedPaths(name, own, state.cwd));
    add(found.destructive, destructive(name, args));
    add(found.network, networkUse(name, own));
    add(found.inline, inlineScript(name, args, state.feed));
    const inner = { ...state, depth: state.depth + 1 };
    for (const nested of commands) run(nested, inner, script);
    for (const { value } of texts) code(value.replaceAll(unknown, "_"), { ...inner, feed: "other" });
    if (script !== "" && isShell(name) && shellCall(args).code === undefined) code(script, inner);
  }

  function redirection(redirect: SyntaxNode, state: State): void {
    if (redirect.type !== "Redirect" || redirect.target === undefined) return;
    const target = argumentOf(redirect.target, variables);
    if (/^\d*-?$/.test(target.value)) return;
    if (isSocketPath(target.value)) found.network.push(target.value);
    else found.paths.push(...namedPaths("", [target], state.cwd));
  }

  function assignment(node: Extract<SyntaxNode, { type: "Assignment" }>): Argument {
    const value = node.value.type === "Word" ? argumentOf(node.value, variables) : literal("");
    return { value: `${node.name}=${value.value}`, pattern: value.pattern };
  }

  function hereText(redirect: SyntaxNode): string[] {
    if (redirect.type === "HereDoc") return [redirect.body.text];
    if (redirect.type !== "HereString" || redirect.target === undefined) return [];
    return [argumentOf(redirect.target, variables).value.replaceAll(unknown, "_")];
  }
}

/** What the redirections make of standard input; undefined when they leave it. */
function feedOf(redirects: readonly SyntaxNode[]): Feed | undefined {
  const types = redirects.map((redirect) =>
    redirect.type === "HereDoc" || redirect.type === "HereString"
      ? "text"
      : redirect.type === "Redirect" && redirect.operator === "<"
        ? "other"
        : undefined,
  );
  return types.findLast((type) => type !== undefined);
}

function add(list: string[], text: string | undefined): void {
  if (text !== undefined) list.push(text);
}
