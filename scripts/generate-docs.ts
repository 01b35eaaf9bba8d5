/**
 * Writes what is derived: from the configuration schema the file that editors read and the key table, from what
 * `ctmcpctl connect` says the recipes of docs/clients.md. Run after tsc; a test fails while the files in the tree differ
 * from what this writes.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { recipes } from "../cmd/ctmcpctl/connect/recipes.js";
import { configSchema, derivedDefaults } from "../internal/config/schema.js";

const packageDirectory = new URL("../../", import.meta.url);
const end = "<!-- end of generated -->";

export interface GeneratedFile {
  readonly url: URL;
  readonly text: string;
}

/** The derived files as they should be. The prose around the table is taken from the file that is there. */
export function generateFiles(): GeneratedFile[] {
  const schema = new URL("configs/coding-tools-mcp.schema.json", packageDirectory);
  return [
    { url: schema, text: `${JSON.stringify(configSchema, undefined, 2)}\n` },
    document("configuration.md", "keys", renderTable()),
    document("clients.md", "clients", renderRecipes()),
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

/** A page with `text` in the place that is marked for it. */
function document(name: string, mark: string, text: string): GeneratedFile {
  const url = new URL(`docs/${name}`, packageDirectory);
  const before = readFileSync(url, "utf8");
  const begin = `<!-- generated: ${mark} -->`;
  const from = before.indexOf(begin);
  const to = before.indexOf(end);
  if (from < 0 || to < from) throw new Error(`docs/${name} lacks the markers ${begin} and ${end}`);
  return { url, text: `${before.slice(0, from)}${begin}\n${text}${before.slice(to)}` };
}

/** Each client with sign-in, and those that run on this machine with a token, too. */
function renderRecipes(): string {
  const tokenFile = "~/.local/state/coding-tools-mcp/bearer-token";
  return recipes
    .map(({ title, isHosted, lines }) => {
      const signedIn = lines({
        url: "https://mcp.example.com/mcp",
        isPublic: true,
        mode: "oauth",
        tokenFile: undefined,
      });
      const withToken = lines({
        url: "http://127.0.0.1:8765/mcp",
        isPublic: false,
        mode: "bearer",
        tokenFile,
      });
      const local = isHosted ? "" : `\nwith a token, on this machine:\n\n${block(withToken)}`;
      return `### ${title}\n\n${block(signedIn)}${local}\n`;
    })
    .join("");
}

function block(lines: readonly string[]): string {
  return `\`\`\`text\n${lines.join("\n")}\n\`\`\`\n`;
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
