import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse } from "yaml";
import { installFake } from "../fakes/install.js";
import { publicOrigin } from "../support/reverse-proxy.js";
import {
  type Env,
  prefixed,
  quickHost,
  stopWhenUp,
  withEdge,
  withMachine,
} from "../support/script-machine.js";

/** Every variable that the earlier server took, by its name without the prefix; the earlier script passed them on. */
const passedOn: Readonly<Record<string, string>> = {
  HOST: "127.0.0.1",
  GENERATE_AUTH_TOKEN: "1",
  AUTH_MODE: "bearer",
  OAUTH_MODE: "TRUE",
  ALLOWED_ORIGINS: "https://app.example.com/, http://localhost:3000",
  PERMISSION_MODE: "trusted",
  ALLOW_NETWORK: "Yes",
  ENABLE_VIEW_IMAGE: "Off",
  EXEC_ALLOW_ROOTS: "/usr/share:my app",
  SHELL_ENV_SET: '{"GREETING": "say \\"hi\\" # loud",\n\t"LIMIT": 3}',
  SANDBOX_MINIMUM: "none",
  OAUTH_TOKEN_TTL: "600",
  TELEMETRY: "off",
};

/** Those for which a configuration has no key. */
const notTaken: Readonly<Record<string, string>> = {
  SHELL_ENV_INHERIT: "all",
  SHELL_ENV_INCLUDE_ONLY: "A*",
  SHELL_ENV_EXCLUDE: "B*",
  OAUTH_TOKEN_SECRET: "secret-canary",
  OAUTH_CLIENT_ID: "id",
  OAUTH_CLIENT_SECRET: "secret-canary",
  OAUTH_REDIRECT_URIS: "http://127.0.0.1/callback",
  RUNTIME_ROOT: "/tmp",
  TRUST_PROXY_HEADERS: "1",
  TRACE: "1",
};

test("tunnel.sh takes the variables that the earlier one passed on, and names those it cannot take", async () => {
  await withMachine(async (machine) => {
    const { home, bin, own, run } = machine;
    installFake(bin, "cloudflared");
    const written = () => parse(readFileSync(join(own, "config.yaml"), "utf8"));
    await withEdge(machine, quickHost, async (env) => {
      const plain = run("tunnel.sh", ["cf", "my app"], env);
      await stopWhenUp(plain);
      const { auth, workspaces, exec, allowed_origins, view_image } = written();
      assert.equal(
        [auth, workspaces[0].exec, exec, allowed_origins, view_image],
        [
          { mode: "bearer" },
          undefined,
          { permission_mode: "safe", sandbox: { minimum: "strong", network: "none", read: [] } },
          [],
          undefined,
        ],
      );
      assert.not.match(plain.stderr(), "warning: CODING_TOOLS_MCP_");

      const full = run("tunnel.sh", ["cf", "my app"], { ...env, ...prefixed({ ...passedOn, ...notTaken }) });
      const text = await stopWhenUp(full);
      assert.match(text, /^clients send .*bearer-token$/m);
      assert.match(text, /^sign in with /m);
      const config = written();
      assert.equal(config.auth, { mode: "oauth+bearer", access_token_ttl: "600s" });
      assert.equal(config.workspaces[0].exec.env, { GREETING: 'say "hi" # loud', LIMIT: "3" });
      assert.equal(config.exec, {
        permission_mode: "trusted",
        sandbox: { minimum: "none", network: "host", read: ["/usr/share", join(home, "my app")] },
      });
      assert.equal(config.allowed_origins, ["https://app.example.com", "http://localhost:3000"]);
      assert.is(config.view_image, false);
      assert.equal(
        [...full.stderr().matchAll(/^warning: CODING_TOOLS_MCP_(\w+) is not taken: \S/gm)].map(
          ([, name]) => name,
        ),
        Object.keys(notTaken),
      );
      for (const told of [text, full.stderr(), JSON.stringify(config)])
        assert.not.match(told, "secret-canary");
    });
  });
});

const refusals: readonly (readonly [what: string, args: readonly string[], Env, code: number])[] = [
  ["an unknown option", ["--fast"], {}, 1],
  ["an unknown provider", ["frp"], {}, 2],
  ["an unknown provider in its variable", [], { TUNNEL_PROVIDER: "frp" }, 2],
  ["a folder that is not there", ["cf", "nowhere"], {}, 1],
  ["one word too many", ["cf", ".", "x"], {}, 1],
  ["a public URL without a credential", ["cf", "my app"], { AUTH_MODE: "noauth" }, 2],
  ["an unknown way to sign in", ["cf", "my app"], { AUTH_MODE: "basic" }, 2],
  ["a public URL without TLS", ["cf", "my app"], { SERVER_URL: "http://mcp.example.com" }, 2],
  [
    "a public URL with a path",
    ["cf", "my app"],
    { SERVER_URL: "https://a.example/x", TUNNEL_TOKEN_FILE: "t" },
    78,
  ],
  ["annotations that are not true", ["cf", "my app"], { DANGEROUSLY_FAKE_READONLY_ANNOTATIONS: "1" }, 2],
  ["variables that are no object", ["cf", "my app"], { SHELL_ENV_SET: "[1]" }, 2],
  ["a variable that is no text", ["cf", "my app"], { SHELL_ENV_SET: '{"A":{}}' }, 2],
  ["an unknown permission mode", ["cf", "my app"], { PERMISSION_MODE: "lax" }, 78],
  ["an unknown profile", ["cf", "my app"], { TOOL_PROFILE: "compat-readonly-all" }, 78],
  ["ngrok without a domain", ["ngrok", "my app"], {}, 1],
  ["a named tunnel without its token", ["cf", "my app"], { SERVER_URL: publicOrigin }, 1],
];

test("tunnel.sh refuses what would not work, before it starts anything", async () => {
  await withMachine(async ({ bin, run, commandLines }) => {
    for (const name of ["cloudflared", "ngrok"] as const) installFake(bin, name);
    for (const [what, args, variables, code] of refusals) {
      const program = run("tunnel.sh", args, prefixed(variables));
      assert.is((await program.exit).code, code, what);
      assert.match(program.stderr(), /^error: /m, what);
    }
    assert.not.match(commandLines(), /^ctmcpd /m);
  });
});

test.run();
