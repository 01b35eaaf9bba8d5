import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkArguments } from "./arguments.js";
import { type BuiltinDeps, builtinTools } from "./builtin.js";
import type { Tool } from "./types.js";
import { validators } from "./validators.js";

// Only the schemas are looked at; no tool runs here.
const tools = builtinTools({ viewImage: true } as BuiltinDeps);

/** Empty when there is none. */
function problemOf(name: string, args: Record<string, unknown>): string {
  const tool = tools.find((tool) => tool.name === name) as Tool;
  const validate = validators[name];
  if (validate === undefined) throw new Error(`no validator for ${name}`);
  return checkArguments(tool, validate, args) ?? "";
}

test("defaults are filled in", () => {
  const args: Record<string, unknown> = { query: "x" };
  assert.is(problemOf("search_text", args), "");
  assert.is(args.path, ".");
});

test("an unknown argument and a missing one are named together", () => {
  const problem = problemOf("search_text", { pattern: "x", regex: 5 });
  for (const name of ["arguments.pattern", "arguments.query", "case_sensitive"]) assert.match(problem, name);
});

const lists = tools.flatMap(({ name, inputSchema: { properties } }) =>
  Object.keys(properties)
    .filter((key) => properties[key]?.type === "array")
    .map((key) => [name, key] as const),
);

for (const [name, key] of lists) {
  test(`${name} is told of one wrong item of ${key}, and takes no endless list`, () => {
    const required = { query: "x", rev: "HEAD" };
    const known = Object.keys(tools.find((tool) => tool.name === name)?.inputSchema.properties ?? {});
    const rest = Object.fromEntries(Object.entries(required).filter(([key]) => known.includes(key)));
    const problem = problemOf(name, { ...rest, [key]: Array(100).fill(1) });
    assert.match(problem, `arguments.${key}.0`);
    assert.ok(problem.length < 200, problem);
    assert.match(problemOf(name, { ...rest, [key]: Array(400_000).fill("x") }), `arguments.${key}`);
    assert.is(problemOf(name, { ...rest, [key]: Array(100).fill("x") }), "");
  });
}

test("names come back cut", () => {
  const long = "x".repeat(900_000);
  for (const problem of [
    problemOf("list_files", { [long]: 1 }),
    problemOf("exec_command", { cmd: "x", env: { [long]: 1 } }),
  ]) {
    assert.match(problem, "arguments.");
    assert.ok(problem.length < 1_000);
  }
});

test.run();
