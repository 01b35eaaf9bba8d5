import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";

/** An import goes to a lower floor or stays in its own folder. */
const floors: readonly (readonly string[])[] = [
  ["errs", "clock", "version"].map(internal),
  ["log", "fsx", "limits", "jsonx", "httpx"].map(internal),
  ["config", "state", "health", "clients", "audit", "metrics"].map(internal),
  ["workspace", "sandbox", "supervisor"].map(internal),
  ["files", "search", "instructions", "patch", "policy", "commands", "git"].map(internal),
  ["auth", "tools", "tunnel", "service"].map(internal),
  ["mcp"].map(internal),
  ["httpd", "admin"].map(internal),
  ["daemon"].map(internal),
  ["cmd/ctmcpd", "cmd/ctmcpctl", "cmd/coding-tools-mcp"],
];

const checkout = fileURLToPath(new URL("../..", import.meta.url));

function internal(name: string): string {
  return `internal/${name}`;
}

function floorOf(folder: string): number {
  return floors.findIndex((names) => names.includes(folder));
}

/** The part a file belongs to: internal/x or cmd/x, whatever lies deeper. */
function partOf(file: string): string {
  return file.split("/").slice(0, 2).join("/");
}

interface Import {
  readonly from: string;
  readonly to: string;
}

function importsOf(files: readonly { name: string; source: string }[]): Import[] {
  return files.flatMap(({ name, source }) =>
    [...source.matchAll(/(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g)].map((match) => ({
      from: name,
      to: normalize(join(dirname(name), match[1] ?? "")),
    })),
  );
}

function violations(imports: readonly Import[]): string[] {
  return imports
    .filter(
      ({ from, to }) => partOf(from) !== partOf(to) && !isBelow(floorOf(partOf(to)), floorOf(partOf(from))),
    )
    .map(({ from, to }) => `${from} -> ${to}`);
}

function isBelow(target: number, own: number): boolean {
  return target !== -1 && target < own;
}

function sources(): { name: string; source: string }[] {
  return ["cmd", "internal"].flatMap((top) =>
    readdirSync(join(checkout, top), { recursive: true, withFileTypes: true })
      .filter(
        (entry) => entry.isFile() && entry.name.endsWith(".ts") && !/\.test(\.util)?\.ts$/.test(entry.name),
      )
      .map((entry) => join(entry.parentPath, entry.name))
      .map((file) => ({ name: relative(checkout, file), source: readFileSync(file, "utf8") })),
  );
}

test("every folder stands on a floor", () => {
  const folders = new Set(sources().map(({ name }) => partOf(name)));
  assert.equal(
    [...folders].filter((folder) => floorOf(folder) === -1),
    [],
  );
});

test("imports go down the floors only", () => {
  assert.equal(violations(importsOf(sources())), []);
});

test("an import upwards, sideways or out of the tree is found", () => {
  const bad = [
    { name: "internal/errs/a.ts", source: 'import { b } from "../mcp/b.js";' },
    { name: "internal/httpd/a.ts", source: 'const b = await import("../admin/b.js");' },
    { name: "internal/mcp/a.ts", source: 'export { b } from "../../test/b.js";' },
  ];
  assert.is(violations(importsOf(bad)).length, 3);
});

test("no source file is longer than 400 lines", () => {
  const long = sources().filter(({ source }) => source.split("\n").length > 400);
  assert.equal(
    long.map(({ name }) => name),
    [],
  );
});

test.run();
