/**
 * Writes the manual pages into dist/man, from what the programs say themselves and from the configuration schema. Run
 * after tsc, at each build; npm installs them with the package (package.json, `man`).
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { usageText as foregroundUsage } from "../cmd/coding-tools-mcp/flags.js";
import { exitCodes, heading, spellFlag } from "../cmd/ctmcpctl/help.js";
import { commonOptions, type OptionName, options } from "../cmd/ctmcpctl/options.js";
import { verbs } from "../cmd/ctmcpctl/verbs.js";
import { usageText as daemonUsage } from "../cmd/ctmcpd/usage.js";
import { version } from "../internal/version/version.js";
import { configKeys, fallback, kind } from "./generate-docs.js";

interface ManualPage {
  /** As in `ctmcpctl.1`. */
  readonly file: string;
  readonly text: string;
}

/** Every page, in the macros of man(7). */
export function generateMan(): readonly ManualPage[] {
  return [
    page("ctmcpd", 1, "serves your folders to MCP clients", [
      section("DESCRIPTION", verbatim(daemonUsage)),
      files,
      seeAlso("ctmcpctl(1)", "coding-tools-mcp.yaml(5)"),
    ]),
    page("ctmcpctl", 1, "steers ctmcpd", [
      section("SYNOPSIS", ".B ctmcpctl", text("COMMAND [FLAGS]")),
      section(
        "COMMANDS",
        ...verbs.flatMap((verb) => [
          `.SS ${text(`ctmcpctl ${heading(verb, true)}`)}`,
          text(`${verb.summary}.`),
          ...flags(verb.options ?? []),
        ]),
      ),
      section("FLAGS OF EVERY COMMAND", ...flags(commonOptions)),
      section("EXIT STATUS", ...exitCodes.map(([code, meaning]) => item(code, meaning))),
      files,
      seeAlso("ctmcpd(1)", "coding-tools-mcp.yaml(5)"),
    ]),
    page("coding-tools-mcp", 1, "serves one folder to MCP clients in the foreground", [
      section("DESCRIPTION", verbatim(foregroundUsage)),
      seeAlso("ctmcpd(1)"),
    ]),
    page("coding-tools-mcp.yaml", 5, "configuration of ctmcpd", [
      section(
        "DESCRIPTION",
        text("A YAML file. The daemon applies it when it is saved; ctmcpctl config check finds mistakes."),
      ),
      section("KEYS", ...keyItems()),
      section("EXAMPLE", verbatim("version: 1\nworkspaces:\n  - path: ~/src/app\n    profile: full\n")),
      files,
      seeAlso("ctmcpd(1)", "ctmcpctl(1)"),
    ]),
  ];
}

const files = section(
  "FILES",
  item("~/.config/coding-tools-mcp.yaml", "The configuration."),
  item("~/.local/state/coding-tools-mcp", "Secrets, sign-ins, the audit journal and other state."),
);

function page(name: string, part: number, summary: string, sections: readonly string[]): ManualPage {
  const heading = `.TH "${name.toUpperCase()}" "${part}" "" "coding-tools-mcp ${version}"`;
  const title = section("NAME", `${text(name)} \\- ${text(summary)}`);
  return { file: `${name}.${part}`, text: `${[heading, title, ...sections].join("\n")}\n` };
}

function section(title: string, ...body: readonly string[]): string {
  return [`.SH ${title}`, ...body].join("\n");
}

function seeAlso(...pages: readonly string[]): string {
  return section("SEE ALSO", text(pages.join(", ")));
}

function flags(names: readonly OptionName[]): string[] {
  return names.map((name) => item(spellFlag(name), options[name].help));
}

function keyItems(): string[] {
  return [...configKeys()].map((entry) => {
    const rest = fallback(entry);
    const words = [kind(entry.schema), ...(rest === "" ? [] : [`default: ${rest}`])].join("; ");
    return item(entry.key, `${entry.schema.description ?? ""} (${plain(words)})`);
  });
}

/** Markdown's marks mean nothing here. */
function plain(markdown: string): string {
  return markdown.replaceAll("**", "").replaceAll("`", "").replace("default: required", "required");
}

function item(term: string, meaning: string): string {
  return [".TP", `\\fB${text(term)}\\fR`, text(meaning)].join("\n");
}

function verbatim(content: string): string {
  return [".nf", ...content.trimEnd().split("\n").map(text), ".fi"].join("\n");
}

/** Text that no macro package takes for anything else: man(7), groff_char(7). */
function text(content: string): string {
  const escaped = content
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("'", "\\(aq")
    .replaceAll("`", "\\(ga");
  return escaped.replaceAll("~", "\\(ti").replaceAll("^", "\\(ha").replace(/^\./, "\\&.");
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const directory = new URL("../man/", import.meta.url);
  mkdirSync(directory, { recursive: true });
  for (const { file, text } of generateMan()) writeFileSync(new URL(file, directory), text);
}
