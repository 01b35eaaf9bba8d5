import type { Path } from "./document.js";
import { configSchema } from "./schema.js";
import { closest } from "./suggest.js";
import type { SchemaError } from "./validator.js";

/** A schema error in words. */
export interface Explanation {
  readonly path: Path;
  /** Wrong is the value at `path`, the key itself, or that a key is missing in the mapping at `path`. */
  readonly kind: "value" | "key" | "missing";
  readonly message: string;
  readonly hint: string | undefined;
}

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  /** The mapping's keys are chosen freely in this form, which stands for a variable's name. */
  readonly patternProperties?: Readonly<Record<string, unknown>>;
  readonly items?: SchemaNode;
}

/** Puts `error` about the plain value `root` of a config file into words. Secrets are never repeated. */
export function explain(error: SchemaError, root: unknown): Explanation {
  const path = parsePointer(error.instancePath);
  const value = valueAt(root, path);
  const name = keyName(path);
  if (error.keyword === "additionalProperties") {
    return explainUnknownKey(path, String(error.params.additionalProperty));
  }
  if (error.keyword === "required") {
    const key = String(error.params.missingProperty);
    return {
      path,
      kind: "missing",
      message: `${keyName([...path, key])} is missing`,
      hint: missingHints[key],
    };
  }
  if (value === null || value === "") {
    const hint = path.length === 0 ? missingHints.version : "give it a value or remove the key";
    return { path, kind: "value", message: `${name} is empty`, hint };
  }
  return {
    path,
    kind: "value",
    message: `${name} ${requirement(path, error, value)}`,
    hint: repair(path, error, value),
  };
}

/** `workspaces[0].path`; the root is "the file". */
export function keyName(path: Path): string {
  if (path.length === 0) return "the file";
  return path.reduce<string>((name, part) => {
    if (typeof part === "number") return `${name}[${part}]`;
    return name === "" ? part : `${name}.${part}`;
  }, "");
}

/** A workspace id made from any text; empty when nothing in it can be used. */
export function slug(text: string): string {
  const dashed = text.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  return dashed.replace(/^-/, "").slice(0, 32).replace(/-$/, "");
}

function explainUnknownKey(parent: Path, key: string): Explanation {
  const around = schemaAt(parent);
  if (around?.patternProperties !== undefined) {
    const hint = "use letters, digits and _, and no digit first";
    return { path: [...parent, key], kind: "key", message: `'${key}' cannot be a variable's name`, hint };
  }
  const known = Object.keys(around?.properties ?? {});
  const near = closest(key, known);
  return {
    path: [...parent, key],
    kind: "key",
    message: `unknown key '${key}'`,
    hint: near === undefined ? `known keys here are ${known.join(", ")}` : `did you mean '${near}'?`,
  };
}

function requirement(path: Path, { keyword, params }: SchemaError, value: unknown): string {
  switch (keyword) {
    case "type":
      return `must be ${typeNames[String(params.type)] ?? String(params.type)}`;
    case "enum":
      return `must be one of ${(params.allowedValues as readonly unknown[]).join(", ")}`;
    case "const":
      return `must be ${String(params.allowedValue)}`;
    case "pattern":
      return forms[schemaKey(path)] ?? "is not in the right form";
    case "minItems":
      return "is empty";
    default:
      return `must be ${String(params.comparison)} ${String(params.limit)}, not ${String(value)}`;
  }
}

const typeNames: Readonly<Record<string, string>> = {
  object: "a mapping of keys to values",
  array: "a list",
  string: "text",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
};

const missingHints: Readonly<Record<string, string>> = {
  version: "begin the file with version: 1",
  workspaces: "name at least one folder that clients can work in",
  path: "name the folder",
  provider: "write provider: none if somebody else runs the tunnel",
};

function repair(path: Path, { keyword, params }: SchemaError, value: unknown): string | undefined {
  if (keyword === "enum" && typeof value === "string") {
    const near = closest(value, (params.allowedValues as readonly unknown[]).map(String));
    return near === undefined ? undefined : `did you mean '${near}'?`;
  }
  return repairs[schemaKey(path)]?.(typeof value === "object" ? "" : String(value));
}

/** What a pattern asks for, by key. */
const forms: Readonly<Record<string, string>> = {
  hostname: "must be a public name alone, without scheme, port or path",
  listen: "must be an IP address, or localhost, and a port",
  "workspaces[].id": "must be 1 to 32 of a-z, 0-9 and -, and must not begin with -",
  "auth.token": "must be a reference to a variable",
  "auth.password": "must be a reference to a variable",
  "tunnel.token": "must be a reference to a variable",
  "tunnel.url": "must be https:// and a name, and nothing more",
  "tunnel.ready_url": "must be an http address on this machine",
  "tunnel.destination": "must be user@host or host",
  "auth.access_token_ttl": "must be a number and a unit",
  "auth.refresh_token_ttl": "must be a number and a unit",
  "auth.refresh_grace": "must be a number and a unit",
  "auth.redirect_uris[]": "must be a whole address with its scheme",
  "allowed_origins[]": "must be a scheme, a host and perhaps a port, and nothing more",
};

/** How to write a value in the right form, by key. */
const repairs: Readonly<Record<string, (value: string) => string>> = {
  workspaces: () => "name at least one folder that clients can work in",
  hostname(value) {
    const bare = value
      .toLowerCase()
      .replace(/^[a-z]+:\/\//, "")
      .replace(/[:/?#].*$/, "");
    const usable = bare !== value && new RegExp(configSchema.properties.hostname.pattern).test(bare);
    return usable
      ? `write ${bare}`
      : "write a public name such as mcp.example.com, or remove the key for loopback only";
  },
  listen(value) {
    const port = /^:?(\d{1,5})$/.exec(value)?.[1];
    return port === undefined
      ? "write an IP address and a port, as in 127.0.0.1:8765"
      : `write 127.0.0.1:${port}`;
  },
  "workspaces[].id"(value) {
    const usable = slug(value);
    return usable === "" ? "use 1 to 32 of a-z, 0-9 and -" : `write ${usable}`;
  },
  "workspaces[].exec.env.NAME": () => "put the value into quotes",
  "tunnel.token": () =>
    `write \${env:NAME} here, or put the secret into a file and name it in tunnel.token_file`,
  "tunnel.ready_url": () => "write it as in http://127.0.0.1:4040/ready",
  "auth.password": () =>
    `write \${env:NAME} here, or put the password into a file and name it in auth.password_file`,
  "auth.access_token_ttl": () => "write a number and s, m, h or d, as in 24h",
  "auth.refresh_token_ttl": () => "write a number and s, m, h or d, as in 90d",
  "auth.refresh_grace": () => "write a number and s, m, h or d, as in 2m",
  "auth.redirect_uris[]": () => "write it as the app does, as in com.example.app:/callback",
  "auth.token": () => `write \${env:NAME} here, or put the token into a file and name it in auth.token_file`,
  "allowed_origins[]"(value) {
    const origin = URL.canParse(value) ? new URL(value).origin : "null";
    return `write ${origin === "null" ? "scheme://host or scheme://host:port" : origin}`;
  },
};

function schemaKey(path: Path): string {
  return keyName(path)
    .replace(/\[\d+\]/g, "[]")
    .replace(/\.env\.\w+$/, ".env.NAME");
}

function schemaAt(path: Path): SchemaNode | undefined {
  let node: SchemaNode | undefined = configSchema as SchemaNode;
  for (const part of path) node = typeof part === "number" ? node?.items : node?.properties?.[part];
  return node;
}

function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, part) => (value as Record<string | number, unknown>)[part], root);
}

/** A JSON pointer (RFC 6901) as a path. No key of ours is a number, so digits are array indexes. */
function parsePointer(pointer: string): Path {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part.replaceAll("~1", "/").replaceAll("~0", "~")));
}
