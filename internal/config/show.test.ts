import { mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse } from "yaml";
import { type LoadedConfig, loadConfig } from "./load.js";
import { formatShown, showConfig } from "./show.js";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "ctmcp-show-")));
const path = join(folder, "c.yaml");
const token = "canary-0123456789-canary";
mkdirSync(join(folder, "app"));
test.after(() => rmSync(folder, { recursive: true }));

function load(text: string): LoadedConfig {
  writeFileSync(path, text);
  return loadConfig({ path, env: { TOKEN: token }, home: join(folder, "home"), uid: statSync(folder).uid });
}

const given = `version: 1
listen: "[::1]:0"
workspaces:
  - path: app
    exec: {env: {PORT: "1", NPM: "\${env:TOKEN}"}}
auth: {token: "\${env:TOKEN}", password: "\${env:TOKEN}"}
`;

test("secrets are never shown", () => {
  const loaded = load(given);
  assert.is(loaded.config.auth.token, token);
  const shown = showConfig(loaded);
  assert.is(loaded.config.workspaces[0].exec.env.NPM, token);
  const { mode, token: shownToken, password } = shown.config.auth as Record<string, unknown>;
  assert.equal({ mode, shownToken, password }, { mode: "bearer", shownToken: "***", password: "***" });
  assert.match(formatShown(shown, { sources: false }), 'NPM: "***"');
  for (const text of [JSON.stringify(shown), formatShown(shown, { sources: true })])
    assert.not.match(text, "canary");
});

test("every value has its source", () => {
  const { sources } = showConfig(load(given));
  assert.is(sources.listen, `${path}:2`);
  assert.is(sources["workspaces[0].path"], `${path}:4`);
  assert.is(sources["workspaces[0].exec.env.PORT"], `${path}:5`);
  assert.is(sources["auth.token"], `${path}:6`);
  for (const key of [
    "workspaces[0].id",
    "auth.mode",
    "allowed_origins",
    "limits.heavy_calls",
    "exec.approvals",
    "state_dir",
  ]) {
    assert.is(sources[key], "default", key);
  }
});

test("what is shown loads again to the same configuration", () => {
  const text = given
    .replace(/^auth.*$/m, "hostname: a.example.com\ntunnel: {provider: none}")
    .replace(/env: {.*}}/, "path: [app]}")
    .concat("exec: {permission_mode: trusted, sandbox: {read: [app], network: host}}\n");
  const first = load(text);
  for (const sources of [true, false]) {
    const yaml = formatShown(showConfig(first), { sources });
    assert.equal(parse(yaml), showConfig(first).config);
    assert.equal(load(yaml).config, first.config);
  }
});

test.run();
