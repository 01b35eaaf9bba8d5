import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type Json,
  legacy,
  type McpHarness,
  mirrorOf,
  modern,
  startMcp,
} from "../../test/support/mcp-harness.js";
import { openWorkspaces, principalNamed } from "../../test/support/mcp-parts.js";
import { fixtureTools } from "../../test/support/mcp-tools.js";
import { Fault } from "../errs/errs.js";
import { createViews } from "./view.js";

let several: McpHarness;
test.before(async () => {
  several = await startMcp({
    workspaces: { app: "full", docs: "read-only" },
    grants: { "docs-only": { workspaces: ["docs"] }, nobody: { workspaces: [] } },
  });
});
test.after(() => several.close());

function call(name: string, args: Json): Json {
  return legacy("tools/call", { name, arguments: args });
}

async function schemaOf(mcp: McpHarness, as: string, path = "/mcp"): Promise<Json> {
  const { tools } = (await mcp.post(legacy("tools/list"), { as, path })).json.result;
  return tools.find((tool: Json) => tool.name === "echo").inputSchema;
}

test("the workspace argument is in the schemas only where there are several", async () => {
  const schema = await schemaOf(several, "alice");
  assert.equal(schema.properties.workspace.enum, ["app", "docs"]);
  assert.equal(schema.required, ["text"]);
  assert.is((await schemaOf(several, "docs-only")).properties.workspace, undefined);
  assert.is((await schemaOf(several, "alice", "/w/docs/mcp")).properties.workspace, undefined);
});

const reached: readonly { name: string; as?: string; path?: string; workspace?: string; lands: string }[] = [
  { name: "the first one by default", lands: "app" },
  { name: "a named one", workspace: "docs", lands: "docs" },
  { name: "the URL's", path: "/w/docs/mcp", lands: "docs" },
  { name: "the URL's, named as well", path: "/w/docs/mcp", workspace: "docs", lands: "docs" },
  { name: "the only one a grant allows", as: "docs-only", lands: "docs" },
  { name: "the only one, named", as: "docs-only", workspace: "docs", lands: "docs" },
];
for (const { name, as = "alice", path = "/mcp", workspace, lands } of reached) {
  test(`reached: ${name}`, async () => {
    const { json } = await several.post(call("echo", { text: "x", workspace }), { as, path });
    assert.is(json.result.structuredContent.workspace, lands);
    assert.is(json.result.structuredContent.args.workspace, undefined);
  });
}

const refused: readonly { name: string; as?: string; path?: string; workspace: unknown }[] = [
  { name: "an id that does not exist", workspace: "nope" },
  { name: "an id of another type", workspace: 5 },
  { name: "one the grant does not reach", as: "docs-only", workspace: "app" },
  { name: "one beside the URL's", path: "/w/docs/mcp", workspace: "app" },
];
for (const { name, as = "alice", path = "/mcp", workspace } of refused) {
  test(`refused: ${name}`, async () => {
    const { error } = (await several.post(call("echo", { text: "x", workspace }), { as, path })).json;
    assert.is(error.code, -32602);
    assert.equal(error.data, { code: "INVALID_ARGUMENT", reason: "invalid_arguments" });
    assert.match(error.message, "arguments.workspace");
  });
}

test("a listed tool is refused where the workspace's profile does not allow it", async () => {
  const { error } = (await several.post(call("writer", { workspace: "docs" }))).json;
  assert.equal([error.code, error.data.reason], [-32602, "unknown_tool"]);
  assert.is((await several.post(call("writer", { workspace: "app" }))).json.result.isError, false);
});

test("an unknown workspace in the URL is 404 and names those there are; nothing reachable is 403", async () => {
  const unknown = await several.post(legacy("tools/list"), { path: "/w/nope/mcp" });
  assert.equal([unknown.status, unknown.json.error.data], [404, { workspaces: ["app", "docs"] }]);
  const hidden = await several.post(legacy("tools/list"), { path: "/w/app/mcp", as: "docs-only" });
  assert.equal([hidden.status, hidden.json.error.data], [404, { workspaces: ["docs"] }]);
  assert.is((await several.post(legacy("tools/list"), { as: "nobody" })).status, 403);
});

test("a view is built once for a grant", () => {
  const { workspaces, close } = openWorkspaces({ main: "full" });
  const views = createViews({ workspaces, tools: fixtureTools, instructions: async () => "" });
  const view = views(principalNamed("alice"), undefined);
  assert.is(view, views(principalNamed("bob"), undefined));
  assert.is.not(view, views(principalNamed("carol", { profile: "read-only" }), undefined));
  assert.is.not(view, views(principalNamed("dave", { workspaces: ["main"] }), undefined));
  assert.is(views(principalNamed("alice"), "nope"), undefined);
  close();
});

test("a refused or queued call is a result that says so, and is recorded", async () => {
  const limited = await startMcp({
    limits: {
      admit({ id }) {
        if (id !== "eager") return;
        throw new Fault("RATE_LIMITED", "too many calls", {
          hint: "wait",
          details: { retry_after_ms: 1_200 },
        });
      },
      run() {
        throw new Fault("SERVER_BUSY", "the queue is full");
      },
    },
  });
  try {
    const codes = [];
    for (const as of ["eager", "alice"]) {
      const { status, json } = await limited.post(call("echo", { text: "x" }), { as });
      assert.is(status, 200);
      codes.push([json.result.isError, json.result.structuredContent.error.code]);
    }
    assert.equal(codes, [
      [true, "RATE_LIMITED"],
      [true, "SERVER_BUSY"],
    ]);
    const wrong = await limited.post(call("echo", { text: 5 }), { as: "eager" });
    assert.is(
      wrong.json.result.structuredContent.error.code,
      "RATE_LIMITED",
      "before its arguments are read",
    );
    assert.equal(
      limited.calls.map(({ errorCode }) => errorCode),
      ["RATE_LIMITED", "SERVER_BUSY", "RATE_LIMITED"],
    );
    for (const method of ["initialize", "server/discover"]) {
      const message = method === "initialize" ? legacy(method) : modern(method);
      const headers = method === "initialize" ? {} : mirrorOf(message);
      const refused = await limited.post(message, { as: "eager", headers });
      assert.equal([refused.status, refused.headers["retry-after"], refused.json.id], [429, "2", message.id]);
      assert.equal(refused.json.error.data, { code: "RATE_LIMITED", retry_after_ms: 1_200 });
      assert.is((await limited.post(message, { headers })).status, 200);
    }
    for (const method of ["ping", "tools/list"]) {
      assert.ok((await limited.post(legacy(method), { as: "eager" })).json.result, method);
    }
  } finally {
    await limited.close();
  }
});

test.run();
