import { mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { stringify } from "yaml";
import { type LoadedConfig, loadConfig } from "./load.js";
import { problemsOf } from "./problem.js";
import { formatShown, showConfig } from "./show.js";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "ctmcp-tunnel-")));
const path = join(folder, "c.yaml");
const canary = "canary-0123456789-canary";
mkdirSync(join(folder, "app"));
writeFileSync(join(folder, "secret"), `${canary}\n`, { mode: 0o600 });
test.after(() => rmSync(folder, { recursive: true }));

const id = `tunnel_${"0a".repeat(16)}`;
// biome-ignore lint/suspicious/noTemplateCurlyInString: a reference of the configuration
const reference = "${env:SECRET}";

function load(
  tunnel: Readonly<Record<string, unknown>>,
  hostname: string | undefined,
  more: Readonly<Record<string, unknown>> = {},
): LoadedConfig {
  const file = { version: 1, workspaces: [{ path: "app" }], tunnel, ...(hostname && { hostname }), ...more };
  writeFileSync(path, stringify(file));
  const uid = statSync(folder).uid;
  return loadConfig({ path, env: { SECRET: canary }, home: join(folder, "home"), uid });
}

const program = undefined;
const secret = { file: join(folder, "secret"), value: canary };

/** A section, and what it is read as. */
const accepted: readonly (readonly [Readonly<Record<string, unknown>>, object])[] = [
  [{ provider: "none" }, { provider: "none" }],
  [{ provider: "ngrok" }, { provider: "ngrok", program, authtoken: undefined }],
  [
    { provider: "ngrok", token_file: "secret", program: "bin/ngrok" },
    { provider: "ngrok", program: join(folder, "bin/ngrok"), authtoken: secret },
  ],
  [
    { provider: "ngrok", token: reference, program: "ngrok3" },
    { provider: "ngrok", program: "ngrok3", authtoken: { file: undefined, value: canary } },
  ],
  [{ provider: "cloudflared", token_file: "secret" }, cloudflared({ token: secret })],
  [
    { provider: "cloudflared", id: "my-tunnel", credentials_file: "c.json", protocol: "http2" },
    cloudflared({ id: "my-tunnel", credentialsFile: join(folder, "c.json"), protocol: "http2" }),
  ],
  [{ provider: "cloudflared", ephemeral: true }, cloudflared({ ephemeral: true })],
  [
    { provider: "devtunnel", id: "mine" },
    { provider: "devtunnel", program, id: "mine" },
  ],
  [
    { provider: "openai", id, token_file: "secret" },
    { provider: "openai", program, id, apiKey: secret, profile: undefined },
  ],
  [
    { provider: "openai", id, token_file: "secret", profile: "read-only" },
    { provider: "openai", program, id, apiKey: secret, profile: "read-only" },
  ],
  [
    { provider: "ssh", destination: "me@example.com", remote_port: 9000 },
    {
      provider: "ssh",
      program,
      destination: "me@example.com",
      port: undefined,
      remoteHost: "127.0.0.1",
      remotePort: 9000,
      identityFile: undefined,
      knownHostsFile: undefined,
    },
  ],
  [
    {
      provider: "command",
      argv: ["bore", "local", "{port}"],
      env: { KEY: reference },
      url: "https://x.example/",
    },
    {
      provider: "command",
      argv: ["bore", "local", "{port}"],
      env: { KEY: canary },
      url: "https://x.example",
      readyPattern: undefined,
      readyUrl: undefined,
      downPattern: undefined,
      blockedPatterns: [],
    },
  ],
];

function cloudflared(changes: object): object {
  return {
    provider: "cloudflared",
    program,
    token: undefined,
    id: undefined,
    credentialsFile: undefined,
    protocol: "auto",
    ephemeral: false,
    ...changes,
  };
}

for (const [section, expected] of accepted) {
  test(`read: ${JSON.stringify(section)}`, () => {
    const loaded = load(section, "mcp.example.com");
    assert.equal(loaded.config.tunnel, expected);
    const shown = formatShown(showConfig(loaded), { sources: true });
    assert.not.match(shown, canary);
    assert.match(shown, `provider: ${section.provider}`);
  });
}

/** A section that is refused, and words of the reasons. */
const refused: readonly (readonly [Readonly<Record<string, unknown>>, RegExp])[] = [
  [
    { provider: "ngrok", destination: "me@example.com" },
    /destination is not for provider ngrok.*it is for ssh/,
  ],
  [{ provider: "none", token: reference }, /ngrok, cloudflared, openai/],
  [{ provider: "ngrok", token_file: "absent" }, /does not exist/],
  [{ provider: "ngrok", token: canary }, /must be a reference/],
  [{ provider: "cloudflared" }, /nothing says which tunnel.*ephemeral/],
  [{ provider: "cloudflared", ephemeral: true, id: "x", credentials_file: "c" }, /several ways/],
  [{ provider: "cloudflared", id: "x" }, /credentials_file is missing/],
  [{ provider: "cloudflared", token_file: "secret", credentials_file: "c" }, /tunnel.id is missing/],
  [{ provider: "devtunnel" }, /devtunnel create/],
  [{ provider: "openai", id: "tunnel_1", token_file: "secret" }, /no tunnel id/],
  [{ provider: "openai", id }, /token_file is missing/],
  [{ provider: "ngrok", profile: "full" }, /tunnel.profile is not for provider ngrok.*openai/],
  [{ provider: "ssh" }, /destination is missing.*remote_port is missing/s],
  [{ provider: "ssh", destination: "-oProxyCommand=x", remote_port: 1 }, /destination/],
  [{ provider: "command" }, /argv is missing/],
  [{ provider: "command", argv: ["x"], url: "http://x.example" }, /url/],
  [{ provider: "command", argv: ["x"], ready_url: "http://elsewhere.example/ready" }, /ready_url/],
];

for (const [section, words] of refused) {
  test(`refused: ${JSON.stringify(section).replaceAll(canary, "SECRET")}`, () => {
    let text = "";
    try {
      load(section, "mcp.example.com");
    } catch (error) {
      text = problemsOf(error)
        .map(({ message, hint }) => `${message}: ${hint}`)
        .join("\n");
    }
    assert.match(text, words);
    assert.not.match(text, canary);
  });
}

test("a program that goes to 127.0.0.1 needs a listener there", () => {
  for (const listen of ["[::1]:1", "127.0.0.2:1", "localhost:1"]) {
    assert.throws(() => load({ provider: "ngrok" }, "mcp.example.com", { listen }), undefined, listen);
    for (const own of [{ provider: "none" }, { provider: "command", argv: ["x"] }])
      assert.is(load(own, "mcp.example.com", { listen }).config.listen.port, 1);
  }
  for (const listen of ["127.0.0.1:1", "0.0.0.0:1", "[::]:1"])
    assert.is(load({ provider: "ngrok" }, "mcp.example.com", { listen }).config.listen.port, 1);
});

test("a tunnel to a name of ours needs that name", () => {
  assert.throws(() => load({ provider: "ngrok" }, undefined));
  assert.throws(() => load({ provider: "ssh", destination: "a", remote_port: 1 }, undefined));
  assert.is(load({ provider: "cloudflared", ephemeral: true }, undefined).config.hostname, undefined);
});

test.run();
