import { test } from "uvu";
import * as assert from "uvu/assert";
import { openWorkspaces } from "../../test/support/mcp-parts.js";
import type { Profile } from "../config/config.js";
import { type BuiltinDeps, builtinTools } from "./builtin.js";
import { buildCatalogue, type Catalogue } from "./catalogue.js";
import type { InputSchema } from "./types.js";

const writing = [
  "apply_patch",
  "edit_file",
  "exec_command",
  "write_stdin",
  "kill_command",
  "request_permissions",
];

/** What a caller with these workspaces is shown; only the schemas are looked at, no tool runs. */
function catalogueOf(profiles: Readonly<Record<string, Profile>>): Catalogue {
  const { workspaces, close } = openWorkspaces(profiles);
  const reachable = workspaces.map((workspace) => ({ workspace, profile: workspace.profile }));
  const catalogue = buildCatalogue(builtinTools({ viewImage: true } as BuiltinDeps), reachable);
  close();
  return catalogue;
}

interface Listed {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: InputSchema;
  readonly annotations: { readonly title: string };
}

function listed(catalogue: Catalogue): readonly Listed[] {
  return JSON.parse(catalogue.listJson) as readonly Listed[];
}

for (const [profile, budget] of [
  ["full", 14 * 1024],
  ["read-only", 9 * 1024],
] as const) {
  test(`the listing of profile ${profile} stays within ${budget} bytes`, () => {
    const { listJson, names } = catalogueOf({ app: profile });
    assert.equal(
      writing.filter((name) => names.includes(name)),
      profile === "full" ? writing : [],
    );
    assert.ok(Buffer.byteLength(listJson) <= budget, `${Buffer.byteLength(listJson)} bytes`);
  });
}

test("every tool is described, its hints are explicit, and its parameters are typed and flat", () => {
  for (const tool of listed(catalogueOf({ app: "full" }))) {
    assert.ok(tool.title !== "" && tool.description !== "", tool.name);
    const { title, ...hints } = tool.annotations;
    assert.is(title, tool.title);
    assert.equal(
      Object.values(hints).map((hint) => typeof hint),
      Array(4).fill("boolean"),
      tool.name,
    );
    for (const [name, schema] of Object.entries(tool.inputSchema.properties)) {
      assert.type(schema.type, "string", `${tool.name}.${name}`);
    }
    assert.not.match(JSON.stringify(tool.inputSchema), /"(\$ref|\$defs|\$schema|anyOf|oneOf|allOf)"/);
  }
});

test("a caller of several workspaces is told their ids, a caller of one is not", () => {
  const parameter = (catalogue: Catalogue): unknown =>
    listed(catalogue).find(({ name }) => name === "read_file")?.inputSchema.properties.workspace?.enum;
  const one = catalogueOf({ app: "full" });
  const two = catalogueOf({ app: "full", docs: "read-only" });
  assert.equal(parameter(two), ["app", "docs"]);
  assert.is(parameter(one), undefined);
  assert.ok(two.tools.has("list_workspaces") && !one.tools.has("list_workspaces"));
  assert.is.not(one.hash, two.hash);
});

test.run();
