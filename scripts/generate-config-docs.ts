/**
 * Writes what is derived from the configuration schema: the schema file that editors read, and the key table in the
 * documentation. Run after tsc; a test fails while the files in the tree differ from what this writes.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { configSchema, derivedDefaults } from "../internal/config/schema.js";

const packageDirectory = new URL("../../", import.meta.url);
const begin = "<!-- generated: keys -->";
const end = "<!-- end of generated -->";

export interface GeneratedFile {
  readonly url: URL;
  readonly text: string;
}

/** The derived files as they should be. The prose around the table is taken from the file that is there. */
export function generateFiles(): GeneratedFile[] {
  const schema = new URL("configs/coding-tools-mcp.schema.json", packageDirectory);
  const docs = new URL("docs/configuration.md", packageDirectory);
  return [
    { url: schema, text: `${JSON.stringify(configSchema, undefined, 2)}\n` },
    { url: docs, text: replaceTable(readFileSync(docs, "utf8")) },
  ];
}

/** One key of the file, spelled as `workspaces[].path`. */
export interface ConfigKey {
  readonly key: string;
  readonly schema: KeySchema;
  /** Must be there when the mapping around it is. */
  readonly required: boolean;
}

/** All keys, in the schema's order. */
export function* configKeys(mapping: KeySchema = configSchema, prefix = ""): Generator<ConfigKey> {
  for (const [name, schema] of Object.entries(mapping.properties ?? {})) {
    const key = `${prefix}${name}`;
    yield { key, schema, required: mapping.required?.includes(name) ?? false };
    yield* configKeys(schema, `${key}.`);
    if (schema.items !== undefined) yield* configKeys(schema.items, `${key}[].`);
  }
}

export interface KeySchema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly string[];
  readonly default?: unknown;
  readonly description?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, KeySchema>>;
  readonly items?: KeySchema;
}

function replaceTable(docs: string): string {
  const from = docs.indexOf(begin);
  const to = docs.indexOf(end);
  if (from < 0 || to < from) throw new Error(`docs/configuration.md lacks the markers ${begin} and ${end}`);
  return `${docs.slice(0, from)}${begin}\n${renderTable()}${docs.slice(to)}`;
}

function renderTable(): string {
  const rows = [...configKeys()].map((entry) => {
    return [`\`${entry.key}\``, kind(entry.schema), fallback(entry), entry.schema.description];
  });
  return [["key", "value", "default", "meaning"], ["---", "---", "---", "---"], ...rows]
    .map((cells) => `| ${cells.join(" | ")} |\n`)
    .join("");
}

/** What a key takes, in Markdown. */
export function kind(schema: KeySchema): string {
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(", ");
  const names: Record<string, string> = {
    object: "mapping",
    string: "text",
    array: "list",
    boolean: "true or false",
  };
  return names[schema.type ?? ""] ?? String(schema.type);
}

/** What a key is when it is left out, in Markdown. */
export function fallback({ key, schema, required }: ConfigKey): string {
  if (required) return "**required**";
  return derivedDefaults[key] ?? (schema.default === undefined ? "" : `\`${format(schema.default)}\``);
}

function format(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  for (const { url, text } of generateFiles()) writeFileSync(url, text);
}
