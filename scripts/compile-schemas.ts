/**
 * Compiles JSON schemas to plain validation functions, so that no schema compiler is loaded when a program starts.
 * Run after tsc: it reads compiled sources and writes modules next to them, in the same output directory.
 */
import { writeFile } from "node:fs/promises";
import { Ajv2020, type Options } from "ajv/dist/2020.js";
import standaloneCode from "ajv/dist/standalone/index.js";
import { keySchema } from "../internal/auth/oauth/key-schema.js";
import { oauthStateSchema } from "../internal/auth/oauth/state-schema.js";
import { passwordSchema } from "../internal/auth/password-schema.js";
import { configSchema } from "../internal/config/schema.js";
import { type BuiltinDeps, builtinTools } from "../internal/tools/builtin.js";

interface Target {
  /** Module to write, relative to the output directory. */
  readonly file: string;
  /** Schemas by the name their validator is exported under. */
  readonly exports: Readonly<Record<string, object>>;
  readonly options: Options;
  /** Name of a further export that holds all validators by name. */
  readonly record?: string;
}

// Only the schemas are looked at; no tool runs here.
const tools = builtinTools({ viewImage: true } as BuiltinDeps);

const targets: readonly Target[] = [
  {
    file: "internal/config/validator.js",
    exports: { validateConfig: configSchema },
    options: { allErrors: true },
  },
  {
    file: "internal/tools/validators.js",
    exports: Object.fromEntries(tools.map(({ name, inputSchema }) => [name, inputSchema])),
    // The first error ends it: an argument of a thousand wrong items would make as many.
    options: { useDefaults: true },
    record: "validators",
  },
  {
    file: "internal/auth/validators.js",
    exports: {
      validateOAuthState: oauthStateSchema,
      validateSigningKeys: keySchema,
      validateOwnerPassword: passwordSchema,
    },
    options: {},
  },
];

for (const target of targets) {
  await writeFile(new URL(`../${target.file}`, import.meta.url), compile(target));
}

function compile({ exports, options, record }: Target): string {
  const ajv = new Ajv2020({ strict: true, ...options, code: { source: true, esm: true, lines: true } });
  const names = Object.keys(exports);
  for (const name of names) ajv.addSchema({ ...exports[name], $id: name });
  const code = standaloneCode.default(ajv, Object.fromEntries(names.map((name) => [name, name])));
  // The generated code requires ajv's small run-time helpers, which are CommonJS.
  const prelude =
    'import { createRequire } from "node:module";\nconst require = createRequire(import.meta.url);\n';
  const all = record === undefined ? "" : `\nexport const ${record} = { ${names.join(", ")} };\n`;
  return `${prelude}${code}${all}`;
}
