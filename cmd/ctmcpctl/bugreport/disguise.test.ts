import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { status, tunnel } from "../../../internal/admin/admin.test.util.js";
import type { Config } from "../../../internal/config/config.js";
import { loadConfig } from "../../../internal/config/load.js";
import { createDisguise } from "./disguise.js";

const home = realpathSync(mkdtempSync(join(tmpdir(), "disguise-")));
test.after(() => rmSync(home, { recursive: true }));
const uid = process.getuid?.() ?? 0;
const around = { home, uid, user: "ann", machine: "annes-laptop" };
const report = { schema: 1, ...status } as const;

test("names of the home directory, the user, the machine and the hosts", () => {
  const url = "https://found.example.net/mcp";
  const disguise = createDisguise({
    ...around,
    config: undefined,
    status: { ...report, tunnel: { ...tunnel, url } },
  });
  assert.is(
    disguise(`${home}/src of ann on annes-laptop: https://MCP.example.com/mcp, ${url}; ${home}x/annish`),
    `~/src of USER on MACHINE: https://HOST/mcp, https://HOST/mcp; ${home}x/annish`,
  );
});

/** A config with `more` in it. */
function configWith(more: string): Config {
  mkdirSync(join(home, "app"), { recursive: true });
  const path = join(home, "config.yaml");
  const first = `version: 1\nhostname: own.example.org\nworkspaces: [{ path: app }]\n`;
  writeFileSync(path, `${first}${more}`, { mode: 0o600 });
  return loadConfig({ path, env: {}, home, uid, isInspection: true }).config;
}

test("names of the tunnel's server, of what its program is asked at, and of pages that may call", () => {
  const rows: readonly (readonly [more: string, text: string, shown: string])[] = [
    [
      "tunnel: { provider: ssh, destination: ann2@box.example.net, remote_host: 192.0.2.7, remote_port: 8000 }",
      "destination: ann2@box.example.net; connect to box.example.net port 22, on 192.0.2.7 and 127.0.0.1",
      "destination: USER@HOST; connect to HOST port 22, on HOST and 127.0.0.1",
    ],
    [
      "tunnel: { provider: ssh, destination: my-box, remote_port: 8000 }",
      "ssh my-box: not my-boxes; localhost stays",
      "ssh HOST: not my-boxes; localhost stays",
    ],
    [
      "tunnel: { provider: command, argv: [x], url: 'https://far.example.net', ready_url: 'http://127.0.0.1:4040/' }",
      "far.example.net asked at 127.0.0.1:4040",
      "HOST asked at 127.0.0.1:4040",
    ],
    [
      "tunnel: { provider: none }\nallowed_origins: ['https://pages.example.net:8443']",
      "allowed_origins: https://pages.example.net:8443",
      "allowed_origins: https://HOST:8443",
    ],
  ];
  for (const [more, text, shown] of rows) {
    const disguise = createDisguise({ ...around, config: configWith(more), status: undefined });
    assert.is(disguise(text), shown);
  }
});

test("everything that the config knows to be secret", () => {
  mkdirSync(join(home, "app"), { recursive: true });
  const path = join(home, "config.yaml");
  writeFileSync(
    path,
    `version: 1
hostname: own.example.org
workspaces: [{ path: app, exec: { env: { SETTING: "\${env:SETTING}", SHORT: yes-it } } }]
auth: { mode: oauth+bearer, token: "\${env:BEARER}", password: "\${env:PASSWORD}" }
tunnel: { provider: command, argv: [x], ready_pattern: x, env: { KEY: "\${env:KEY}" } }
`,
    { mode: 0o600 },
  );
  const secrets = {
    SETTING: "setting-0123456789",
    BEARER: "bearer-0123456789",
    PASSWORD: "password-0123456789",
    KEY: "key-of-the-tunnel",
  };
  const { config } = loadConfig({ path, env: secrets, home, uid, isInspection: true });
  const disguise = createDisguise({ ...around, config, status: undefined });
  assert.is(
    disguise(`${Object.values(secrets).join(" ")} yes-it own.example.org`),
    "*** *** *** *** yes-it HOST",
  );
});

test("without a config and a daemon it still does what it can", () => {
  const disguise = createDisguise({ ...around, config: undefined, status: undefined });
  assert.is(disguise(`Authorization: Bearer 0123456789abcdef\n${home}/x`), "Authorization:***\n~/x");
});

test.run();
