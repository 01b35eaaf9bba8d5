import { mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse } from "yaml";
import { loadConfig } from "./load.js";
import { renderTemplate, type TemplateAnswers } from "./template.js";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "ctmcp-template-")));
const uid = statSync(folder).uid;
test.after(() => rmSync(folder, { recursive: true }));

test("a rendered file loads without problem or warning and says what was answered", () => {
  const odd = join(folder, "a: #b'\"\\ é\n- c");
  const plain = join(folder, "plain");
  mkdirSync(odd);
  mkdirSync(plain);
  const path = join(folder, "app.yaml");
  const answers: TemplateAnswers[] = [
    { schemaPath: "/s.json", workspaces: [{ path: plain }] },
    {
      schemaPath: "/s.json",
      workspaces: [{ path: odd, id: "odd", profile: "full" }, { path: plain }],
      hostname: "mcp.example.com",
      listen: "[::1]:9000",
      profile: "full",
      authMode: "bearer",
    },
    { schemaPath: "/s.json", workspaces: [{ path: plain }], authMode: "none" },
  ];
  const loaded = answers.map((answer) => {
    writeFileSync(path, renderTemplate(answer));
    return loadConfig({ path, env: {}, home: join(folder, "home"), uid });
  });
  assert.equal(
    loaded.map(({ warnings }) => warnings),
    [[], [], []],
  );
  const [least, most, open] = loaded.map(({ config }) => config);
  const exec = { path: [], env: {} };
  assert.equal(least?.workspaces, [{ id: "plain", path: plain, real: plain, profile: "read-only", exec }]);
  assert.equal(most?.workspaces, [
    { id: "odd", path: odd, real: odd, profile: "full", exec },
    { id: "plain", path: plain, real: plain, profile: "full", exec },
  ]);
  assert.equal([most?.hostname, most?.listen], ["mcp.example.com", { host: "::1", port: 9000 }]);
  assert.is(open?.auth.mode, "none");
});

test("where commands may run, a mode that asks little is proposed, with the network off", () => {
  const path = join(folder, "exec.yaml");
  const plain = join(folder, "plain");
  for (const profile of ["full", "read-only", undefined] as const) {
    for (const answers of [{ profile }, { workspaces: [{ path: plain, profile }] }]) {
      const text = renderTemplate({ schemaPath: "/s.json", workspaces: [{ path: plain }], ...answers });
      writeFileSync(path, text);
      const { exec } = loadConfig({ path, env: {}, home: join(folder, "home"), uid }).config;
      assert.is(exec.permissionMode, profile === "full" ? "trusted" : "safe");
      assert.equal([exec.sandbox.network, exec.sandbox.minimum], ["none", "strong"]);
    }
  }
});

test("the first line names the schema as a URL, whatever its path", () => {
  const text = renderTemplate({ schemaPath: "/opt/my app/#1/s.json", workspaces: [{ path: "/a" }] });
  assert.is(text.split("\n")[0], "# yaml-language-server: $schema=file:///opt/my%20app/%231/s.json");
});

const hostile = fc.constantFrom(
  ...["- ", ": ", " #", "null", "1", "~/"],
  ..."\n\r\t '\"\\#:-~{[|>&*%\u0085\u00a0\u2028\uFEFF",
);

test("any text survives as a value", () => {
  const part = fc.oneof(hostile, fc.string(), fc.string({ unit: "binary" }));
  const text = fc.array(part, { minLength: 1, maxLength: 20 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(text, (path) => {
      const rendered = renderTemplate({ schemaPath: "/s.json", workspaces: [{ path }], hostname: path });
      const value = parse(rendered) as { workspaces: unknown; hostname: unknown };
      assert.equal([value.workspaces, value.hostname], [[{ path }], path]);
    }),
    { numRuns: 3000 },
  );
});

test.run();
