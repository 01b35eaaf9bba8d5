import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getuid } from "node:process";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse } from "yaml";
import { type LoadedConfig, loadConfig } from "../../internal/config/load.js";
import { generateDeploy } from "../../scripts/generate-deploy.js";
import { configKeys, generateFiles } from "../../scripts/generate-docs.js";

const configs = fileURLToPath(new URL("../../../configs/", import.meta.url));
const home = mkdtempSync(join(tmpdir(), "ctmcp-shipped-"));
for (const name of ["app/bin", "docs"]) mkdirSync(join(home, "src", name), { recursive: true });
mkdirSync(join(home, ".cloudflared"));
writeFileSync(join(home, ".cloudflared", "mcp.token"), "a-token-of-a-tunnel", { mode: 0o600 });
test.after(() => rmSync(home, { recursive: true }));

function load(name: string): LoadedConfig {
  return loadConfig({ path: join(configs, name), env: {}, home, uid: getuid?.() ?? 0 });
}

test("the schema file and the key table are what the schema gives", () => {
  for (const { url, text } of generateFiles()) assert.is(readFileSync(url, "utf8"), text, url.pathname);
});

test("the service files in deploy are what install writes", () => {
  for (const { url, text } of generateDeploy()) assert.is(readFileSync(url, "utf8"), text, url.pathname);
});

test("every key is described and has a default or is required", () => {
  const table = generateFiles()[1]?.text ?? "";
  for (const { key, schema } of configKeys()) {
    assert.ok(schema.description, key);
    const cells =
      table
        .split("\n")
        .find((line) => line.startsWith(`| \`${key}\` |`))
        ?.split(" | ") ?? [];
    assert.ok(cells[2], `${key} has no default in the table`);
  }
});

test("the local example serves this checkout read-only and keeps its state in it", () => {
  const { config, warnings } = load("local.yaml");
  assert.equal(warnings, []);
  assert.equal(
    config.workspaces.map(({ id, path, profile }) => [id, path, profile]),
    [["coding-tools-mcp", join(configs, ".."), "read-only"]],
  );
  assert.is(config.stateDir, join(configs, "../.local/state"));
  assert.is(config.runtimeDir, join(configs, "../.local/run"));
  assert.is(config.auth.mode, "bearer");
});

test("the full example loads, holds every key, and spells out the defaults", () => {
  const { config, warnings } = load("example.yaml");
  assert.equal(warnings, []);
  assert.equal(
    config.workspaces.map(({ id, profile }) => [id, profile]),
    [
      ["app", "full"],
      ["docs", "read-only"],
    ],
  );
  const text = readFileSync(join(configs, "example.yaml"), "utf8");
  for (const { key } of configKeys()) {
    assert.match(text, new RegExp(`^[ #-]*${key.split(".").at(-1)}:`, "m"), key);
  }
});

test("editors and the loader agree on the examples", () => {
  const schema: unknown = JSON.parse(readFileSync(join(configs, "coding-tools-mcp.schema.json"), "utf8"));
  const validate = new Ajv2020({ strict: true }).compile(schema as object);
  for (const name of ["local.yaml", "example.yaml"]) {
    const value = parse(readFileSync(join(configs, name), "utf8")) as object;
    assert.ok(validate(value), name);
    assert.not.ok(validate({ ...value, unknown: 1 }), "control: an unknown key is refused");
  }
});

test("loading a configuration loads no schema compiler", () => {
  const loader = new URL("../../internal/config/load.js", import.meta.url).href;
  assert.equal(compilersLoadedBy(`import ${JSON.stringify(loader)};`), 0);
  assert.ok(
    compilersLoadedBy('import "ajv/dist/2020.js";') > 0,
    "control: the compiler is seen when it is loaded",
  );
});

/** How many modules of the schema compiler a process has loaded after running `code`. */
function compilersLoadedBy(code: string): number {
  const count = `${code}
    import { createRequire } from "node:module";
    const loaded = Object.keys(createRequire(import.meta.url).cache).filter((path) => path.includes("/ajv/dist/compile/"));
    process.stdout.write(String(loaded.length));`;
  const cwd = fileURLToPath(new URL("../../../", import.meta.url));
  return Number(
    execFileSync(process.execPath, ["--input-type=module", "-e", count], { cwd, encoding: "utf8" }),
  );
}

test.run();
