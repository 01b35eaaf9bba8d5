import type { Context } from "./context.js";
import { commonOptions, type Option, type OptionName, options } from "./options.js";
import { table } from "./output.js";
import { findVerb } from "./parse.js";
import { type Verb, verbs } from "./verbs.js";

/** Each code with its meaning. */
export const exitCodes: readonly (readonly [code: string, meaning: string])[] = [
  ["0", "done"],
  ["1", "failed"],
  ["2", "the command line is wrong"],
  ["3", "no daemon can be reached"],
  ["4", "the daemon is reached but not well (status --check, wait, tunnel test, doctor, verify)"],
  ["5", "the daemon refused"],
  ["69", "port or socket in use, or a daemon already runs"],
  ["77", "no permission: the mode or owner of a config, secret or socket"],
  ["78", "the config is missing or wrong"],
];

/** Shows every command, or one of them. */
export function run({ args, print }: Context): number {
  print(args.length === 0 ? overview() : describe(findVerb(args).verb));
  return 0;
}

function overview(): string {
  return [
    "ctmcpctl steers ctmcpd, the daemon that serves your folders to MCP clients.",
    "",
    "usage: ctmcpctl COMMAND [FLAGS]",
    "",
    "commands:",
    indent(table(verbs.map((verb) => [heading(verb, false), verb.summary]))),
    "",
    "flags of every command:",
    indent(flagTable(commonOptions)),
    "",
    "exit codes:",
    indent(table(exitCodes)),
    "",
    "more on one command: ctmcpctl help COMMAND",
  ].join("\n");
}

function describe(verb: Verb): string {
  const own = verb.options ?? [];
  return [
    `ctmcpctl ${heading(verb, true)}: ${verb.summary}`,
    ...(own.length === 0 ? [] : ["", "flags:", indent(flagTable(own))]),
    "",
    "flags of every command:",
    indent(flagTable(commonOptions)),
  ].join("\n");
}

/** A command with its arguments; in full with the choices they have. */
export function heading({ name, args = [] }: Verb, full: boolean): string {
  const words = args.map(({ name: arg, optional, choices }) => {
    const shown = full && choices ? choices.join("|") : arg;
    return optional ? `[${shown}]` : shown;
  });
  return [name, ...words].join(" ");
}

function flagTable(names: readonly OptionName[]): string {
  return table(names.map((name) => [spellFlag(name), options[name].help]));
}

/** A flag with its short form and its value. */
export function spellFlag(name: OptionName): string {
  const { short, value, choices }: Option = options[name];
  return `${short ? `-${short}, ` : ""}--${name}${value ? ` ${choices ? choices.join("|") : value}` : ""}`;
}

function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}
